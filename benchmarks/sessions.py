"""How long a long session takes to open: python benchmarks/sessions.py [--hours 4] [--faces 2].

Writes a session of that length into a temporary folder, opens it as nobody did before and again.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from ferdesk.core.crop import Square
from ferdesk.core.types import Box, Expression, FaceResult, Frame, FrameResult
from ferdesk.sessions.files import write_json
from ferdesk.sessions.reader import read_session
from ferdesk.sessions.review import load_review
from ferdesk.sessions.schema import HEADER, Moment, rows_of
from ferdesk.sessions.summaries import summarize

FPS = 30
_KINDS = 500


def write(folder: Path, hours: float, num_faces: int) -> None:
    """A session of random faces; a few hundred different frames in turn, each with its own time."""
    rng = np.random.default_rng(0)
    image = np.zeros((1, 1, 3), np.uint8)
    ends = []
    for _ in range(_KINDS):
        faces = []
        for face_id in range(1, num_faces + 1):
            p, s = rng.dirichlet(np.full(7, 0.3), 2).astype(np.float32)
            x, y, size, sharp = rng.uniform(20, 900, 4).tolist()
            box, square = Box(x, y, size, size), Square(0, 0, 1)
            faces.append(
                FaceResult(face_id, box, square, 0.9, Expression(p), s, False, 1.5, sharp, 99.0)
            )
        result = FrameResult(Frame(image, 0, 0.0, 0.0), tuple(faces), 16.25, {})
        lines = rows_of(result, Moment(0, 0.0, None)).splitlines()
        ends.append([line.split(",", 3)[3] for line in lines])
    with (folder / "results.csv").open("w") as file:
        file.write(HEADER)
        for frame in range(int(hours * 3600 * FPS)):
            start = f"{frame},{frame / FPS:.6f},2026-03-04T09:00:00.000000Z,"
            file.write("".join(f"{start}{end}\n" for end in ends[frame % _KINDS]))
    write_json(folder / "session.json", {"schema": 1, "complete": True})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--faces", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.hours, options.faces)
        for what in ("first time", "again"):
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            session = read_session(folder)
            review = load_review(session)
            opened_s = time.perf_counter() - began_s
            cpu_s = time.process_time() - began_cpu_s
            print(f"{what}: {len(session.table):,} rows in {opened_s:.2f} s ({cpu_s:.2f} s of CPU)")  # noqa: T201
        began_s = time.perf_counter()
        summarize(session, review)
        print(f"its summary: {time.perf_counter() - began_s:.2f} s")  # noqa: T201
        # Windows keeps files that are mapped
        del session, review


if __name__ == "__main__":
    main()
