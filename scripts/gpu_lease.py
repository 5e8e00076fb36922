"""All that ferdesk needs of a GPU that is lent for a quarter of an hour, in two commands.

At home, in the checkout's root:

    python scripts/gpu_lease.py pack --data PARTS --ferplus fer2013new.csv --csv fer2013.csv
    python scripts/gpu_lease.py restore
    python scripts/gpu_lease.py join FILES --out runs/lease

PARTS has FER2013 packed, with its ``unpack.py``. ``pack`` fills .lease/, which is to be carried,
and empties large files for the calls; ``restore`` brings them back.

On the lent machine, which has no git, no network, and forgets all but $OUT, a call of at most ten
minutes:

    set -o pipefail; python3 scripts/gpu_lease.py first --seconds 560 2>&1 | tee $OUT/log.txt

(Table 1's systems, then full and fast), and, at once, while the machine still has what the first
left, in the seconds that are left of the lease less 40; with fewer than 120 leave it out:

    set -o pipefail; python3 scripts/gpu_lease.py second --seconds 140 2>&1 | tee $OUT/log.txt

(the two systems of Table 2). ``second`` on a machine that has forgotten the first needs .lease/
again, and trains as well.

Every training is ``trainer``'s own loop, laid over the time that is left. What it has saved lies in
$OUT within a minute, in as many files of such sizes as come back, so that a call that is killed
loses a minute.

Long because a lent machine runs it as one program: two calls, their children, and what comes back.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.gpu_lease_home import CSV_SHA256, PACK, join, pack, restore

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.data.fer2013 import Fer2013
    from trainer.data.ferplus import FerPlus
    from trainer.recipes.config import Recipe

RUNS = Path("runs/lease")
PART_BYTES = 15 * 2**20
"""Of what comes back, a file has at most 16 MiB,"""
MOST_FILES, MOST_BACK = 8, 64 * 2**20
"""and there are at most so many, of so many bytes together."""
TABLE1 = ("cbam-resnet-softmax", "cbam-resnet-asoftmax", "resnet")
TABLE2 = ("spatial-first", "parallel")
STUDENTS = ("full", "fast")
WEIGHTS = {
    "first": (TABLE1[0], *STUDENTS),
    "second": (TABLE1[1], TABLE1[2]),
}  # fmt: skip
"""Whose weights each call brings home: not all have room. Those of Table 1 lie there still when the
second runs; of Table 2's systems logits come home."""
COMMON: dict[str, Any] = {
    "batch": 256, "learning_rate": 0.2, "nesterov": True, "schedule": "cosine", "warmup": 2.0,
    "epochs": 45, "average": 0.998, "pool": "gap", "rotation_deg": 12.0, "scale": 0.15,
    "shift": 0.08, "light": 0.2, "erase": 0.2, "small": 0.05, "dark": 0.05, "jpeg": 0.03,
    "blur": 0.02, "mixup": 0.2, "select": "last", "seed": 1,
}  # fmt: skip
"""Over every preset; the clock ends a run, and ``epochs`` only sets the warm-up's share."""
ANGULAR: dict[str, Any] = {"learning_rate": 0.1}
TAUGHT: dict[str, Any] = {
    "crowd_weight": 1.0, "distill_alpha": 0.7, "distill_temperature": 2.0, "distill_view": "flip",
}  # fmt: skip
WORSE = 0.05
"""A system whose accuracy on PublicTest is so far below the best teaches nobody."""
KEEP_EVERY_S = 30.0
FIRST_PHASE, SECOND_PHASE = 0.57, 0.93
"""Shares of a call's seconds at which its phases end."""
BEGAN_S = float(os.environ.get("LEASE_BEGAN_S", time.monotonic()))


def say(words: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - BEGAN_S:6.1f} s] {words}\n")
    sys.stdout.flush()


def faces_of(limit: int) -> "Fer2013":
    """FER2013 from the packed parts, kept beside the runs for the processes that follow."""
    import numpy as np

    from trainer.data.fer2013 import Faces, Fer2013

    kept = RUNS / "fer2013.npz"
    if not kept.exists():
        sys.path.insert(0, str(PACK))
        import lzma

        import unpack  # type: ignore[import-not-found]

        parts = [path.read_bytes() for path in sorted(PACK.glob("fer2013.xz.part?"))]
        pixels, labels, usage = unpack.restore(lzma.decompress(b"".join(parts)))
        if hashlib.sha256(pixels.tobytes()).hexdigest() != unpack.PIXELS_SHA256:
            raise SystemExit(f"The faces are not FER2013's: a part in {PACK} is damaged.")
        np.savez(kept.with_suffix(".tmp.npz"), pixels=pixels, labels=labels, usage=usage)
        kept.with_suffix(".tmp.npz").replace(kept)
    with np.load(kept) as arrays:
        pixels, labels, usage = arrays["pixels"], arrays["labels"].astype(np.int64), arrays["usage"]
    chosen = {
        split: np.flatnonzero(usage == number)[: limit or None]
        for number, split in enumerate(("training", "public", "private"))
    }
    splits: Any = {split: Faces(pixels[own], labels[own]) for split, own in chosen.items()}
    return Fer2013(splits, CSV_SHA256)


def votes_of(limit: int) -> "dict[Any, FerPlus]":
    """FER+'s votes of each split."""
    import numpy as np

    from trainer.data.ferplus import FerPlus

    with np.load(PACK / "votes.npz") as arrays:
        return {split: FerPlus(arrays[split][: limit or None].astype(np.int64)) for split in arrays}


def recipe_of(name: str, overrides: dict[str, Any]) -> "Recipe":
    """Recipe of one network of the lease: its preset with what all share."""
    from trainer.recipes.config import as_table, load_recipe, recipe_from

    values = {**as_table(load_recipe(name, [])), **COMMON}
    if values["loss"] == "a-softmax":
        values |= ANGULAR
    if name in STUDENTS:
        values |= TAUGHT | {"teacher": [str(place) for place in teachers()]}
    return recipe_from({**values, **overrides}, name)


def teachers() -> list[Path]:
    """The systems of Table 1 that ended, but for those far worse than the best."""
    public = {
        RUNS / name: float(json.loads(path.read_text("utf-8"))["public"])
        for name in TABLE1
        if (path := RUNS / name / "ended.json").is_file()
    }
    return [place for place in public if public[place] >= max(public.values()) - WORSE]


def train(name: str, end_s: float, options: argparse.Namespace) -> None:
    """Train one network until just before ``end_s``; judge it where it is a system of a table."""
    _end_with_parent(int(os.environ["LEASE_PARENT"]))
    import torch

    # all now, and not in the seconds between the end of training and the end of the call
    import trainer.evaluation.figures
    import trainer.evaluation.predictions  # noqa: F401
    from trainer.scoring.evaluate import torch_classifier
    from trainer.training import loop
    from trainer.training.build import build_network
    from trainer.training.checkpoint import load_checkpoint
    from trainer.training.distillation import load_teacher, teacher_probabilities
    from trainer.training.errors import TrainingStopped

    fer = faces_of(options.limit)
    recipe = recipe_of(name, options.overrides)
    on_gpu = options.device.startswith("cuda")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    start = None
    if name == "full" and (RUNS / TABLE1[0] / "ended.json").is_file():
        start = dict(load_checkpoint(RUNS / TABLE1[0] / "last.pt").evaluated_weights())
    folder = RUNS / name
    if name in STUDENTS:
        for path in (p for place in teachers() for p in place.glob("taught-*.npz")):
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                (folder / path.name).hardlink_to(path)
    left_s = end_s - time.monotonic() - 2
    if left_s < 1:
        raise SystemExit(f"{name}: no time is left")
    with contextlib.suppress(TrainingStopped):  # what it saved is judged all the same
        loop.fit(
            recipe, fer, folder, device=options.device,
            compile_model=on_gpu and not options.no_compile, cuda_graph=not options.no_graph,
            bf16=on_gpu, resume=True, start=start, votes=votes_of(options.limit)
            if recipe.crowd_weight else None, minutes=left_s / 60, notice=say,
            stop_requested=stop.is_set,
        )  # fmt: skip
    kept = load_checkpoint(folder / "last.pt")
    epochs = kept.step * recipe.batch / len(fer.splits["training"])
    network = build_network(recipe)
    network.load_state_dict(rounded(kept.evaluated_weights()))  # what comes home is judged
    network = network.eval().to(options.device)
    classify = torch_classifier(network, recipe.crop_px)
    public = fer.splits["public"]
    right = float((classify(public.pixels).argmax(1) == public.labels).mean())
    ended = {"epochs": round(epochs, 2), "public": right, "step": kept.step}
    (folder / "ended.json").write_text(json.dumps(ended), "utf-8")
    say(f"{name}: {epochs:.1f} epochs, PublicTest {100 * right:.2f} %")
    if name not in STUDENTS:
        told = replace(recipe, epochs=max(1, round(epochs)))
        judge(name, network, told, fer)
    if name in TABLE1:  # once for all students; in time that is over for training
        view = replace(recipe, distill_view=TAUGHT["distill_view"])
        teacher = load_teacher(folder, view)
        teacher_probabilities([teacher], fer, view, folder, torch.device(options.device), say)


def judge(name: str, network: Any, recipe: "Recipe", fer: "Fer2013") -> None:  # noqa: ANN401 (torch has no narrower type for networks here)
    """Logits of both tests for a system of the tables; the look at PrivateTest is logged."""
    from trainer.evaluation.figures import figures
    from trainer.evaluation.predictions import (
        FerTest,
        Origin,
        file_name,
        machine,
        predict,
        save_predictions,
        utc_now,
    )
    from trainer.recipes.config import as_table
    from trainer.scoring.evaluate import as_table as as_scores
    from trainer.scoring.evaluate import file_sha256, shift_of, torch_classifier
    from trainer.scoring.private_looks import log_private
    from trainer.training.checkpoint import current_commit, weights_sha256

    classify, shift_px = torch_classifier(network, recipe.crop_px), shift_of(recipe.crop_px)
    tests: tuple[FerTest, ...] = ("public", "private")
    for test in tests:
        origin = Origin(
            name, test, recipe.seed, "last", as_table(recipe), fer.sha256,
            file_sha256(RUNS / name / "last.pt"), current_commit(), "scripts/gpu_lease.py",
            utc_now(), machine(),
        )  # fmt: skip
        found = predict(classify, fer.splits[test].pixels, shift_px, origin)
        if test == "private":
            scores = {
                f"{views}_crop": as_scores(
                    figures(found.logits[views], fer.splits[test].labels).scores
                )
                for views in ("one", "ten")
            }
            log_private(
                {
                    "what": "scripts/gpu_lease.py", "system": name, "seed": recipe.seed,
                    "selection": "last", "sha256": origin.model_sha256, "commit": current_commit(),
                    "weights_sha256": weights_sha256(network.state_dict()), "scores": scores,
                }
            )  # fmt: skip
        # after the line of the log: no look comes home that is not logged
        save_predictions(found, RUNS / "logits" / file_name(name, test, "last", recipe.seed))


def _end_with_parent(parent: int) -> None:
    """End this process soon after the one that began it: a killed call leaves none behind.

    ``parent`` is told, as it may have ended before this one asks.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def rounded(weights: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Weights as they come home: matrices have the values of float16."""
    return {
        key: value.half().float() if value.ndim > 1 else value for key, value in weights.items()
    }


def keep(name: str, out: Path) -> None:
    """The evaluated weights in half precision, in parts that may come back."""
    import torch

    from trainer.recipes.config import as_table
    from trainer.training.checkpoint import load_checkpoint

    found = load_checkpoint(RUNS / name / "last.pt")
    weights = {
        key: value.half() if value.ndim > 1 else value
        for key, value in found.evaluated_weights().items()
    }
    recipe = {**as_table(found.recipe), "teacher": []}
    table = {"recipe": recipe, "step": found.step, "commit": found.commit, "weights": weights}
    blob = io.BytesIO()
    torch.save(table, blob)
    content = blob.getvalue()
    parts = [content[i : i + PART_BYTES] for i in range(0, len(content), PART_BYTES)]
    asides = []
    for number, part in enumerate(parts, 1):
        asides.append(RUNS / name / f"{name}.pt.{number}-of-{len(parts)}")
        asides[-1].write_bytes(part)
    for aside in asides:  # in one go: parts of two savings make no whole
        _move(aside, out / aside.name)


def _move(aside: Path, path: Path) -> None:
    """Move a file onto ``path``, which may lie on another drive; whole at every moment."""
    near = path.with_name(f".{path.name}")
    shutil.copyfile(aside, near)
    near.replace(path)
    aside.unlink()


def tar_up(archive: Path) -> None:
    """Logs, logits, looks and soft targets so far, in one file."""
    aside = RUNS / archive.name
    with tarfile.open(aside, "w:gz", compresslevel=1) as tar:
        for path in sorted(RUNS.rglob("*")):
            wanted = path.suffix in (".jsonl", ".json", ".npz") and path.name != "fer2013.npz"
            if path.is_file() and wanted:
                tar.add(path, path.relative_to(RUNS))
    _move(aside, archive)


@contextlib.contextmanager
def side_by_side(
    names: Sequence[str], end_s: float, options: argparse.Namespace
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """One process for each; none outlives this one, nor ``end_s`` by more than the grace."""
    cores = max(2, (os.cpu_count() or 4) // len(names))
    environment = {
        **os.environ, "LEASE_BEGAN_S": str(BEGAN_S), "LEASE_PARENT": str(os.getpid()),
        "TORCHINDUCTOR_COMPILE_THREADS": str(cores),
    }  # fmt: skip
    running = {
        name: subprocess.Popen(
            [
                sys.executable, __file__, "train", name, "--end", str(end_s), "--device",
                options.device, "--limit", str(options.limit),
                *(["--no-compile"] if options.no_compile else []),
                *(["--no-graph"] if options.no_graph else []),
                *(word for pair in options.set for word in ("--set", pair)),
            ],
            env=environment,
        )
        for name in names
    }  # fmt: skip
    try:
        yield running
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
            process.wait()


class Home:
    """What comes home of one call: weights as they are saved, and the archive of all else."""

    def __init__(self, which: str, out: Path) -> None:
        self._names, self._archive, self._out = WEIGHTS[which], f"{which}.tar.gz", out
        self._kept_s: dict[str, float] = {}

    def bring(self) -> None:
        """Put into the folder of what comes back what is new."""
        for name in self._names:
            last = RUNS / name / "last.pt"
            if last.is_file() and last.stat().st_mtime != self._kept_s.get(name):
                self._kept_s[name] = last.stat().st_mtime
                keep(name, self._out)
        tar_up(self._out / self._archive)


def phase(
    names: Sequence[str], end_s: float, latest_s: float, options: argparse.Namespace, home: Home
) -> None:
    """Train ``names`` side by side until ``end_s``, and bring home what they save meanwhile.

    What is not judged by ``latest_s`` stays so.
    """
    with side_by_side(names, end_s, options) as running:
        looked_s = time.monotonic()
        while any(process.poll() is None for process in running.values()):
            time.sleep(0.2)
            now_s = time.monotonic()
            if now_s > latest_s:
                say("the grace is over")
                break
            if now_s - looked_s > KEEP_EVERY_S:
                looked_s = now_s
                home.bring()
        for name, process in running.items():
            if process.returncode:
                say(f"{name}: ended with {process.returncode}")
    home.bring()


def lease(which: str, options: argparse.Namespace) -> None:
    """One call on the lent machine."""
    if not (PACK / "commit").is_file():
        raise SystemExit(f"{PACK}/ did not travel: make it by pack, and name it to be carried.")
    out = Path(os.environ.get("OUT", "out-lease"))
    out.mkdir(parents=True, exist_ok=True)
    RUNS.mkdir(parents=True, exist_ok=True)
    os.environ["FERDESK_COMMIT"] = (PACK / "commit").read_text("utf-8").strip()
    os.environ["FERDESK_PRIVATE_LOG"] = str((RUNS / "private-test-log.jsonl").absolute())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    faces_of(options.limit)
    say("FER2013 is unpacked")
    ends_s = BEGAN_S + options.seconds
    home = Home(which, out)
    if which == "first":
        tables_end_s = BEGAN_S + FIRST_PHASE * options.seconds
        phase(TABLE1, tables_end_s, tables_end_s + options.grace, options, home)
    names = STUDENTS if which == "first" else TABLE2
    now_s = time.monotonic()
    train_until_s = now_s + SECOND_PHASE * max(0.0, ends_s - now_s)
    phase(names, train_until_s, train_until_s + options.grace, options, home)
    tell_sizes(out)


def tell_sizes(out: Path) -> None:
    """Tell what would come back, and what is more than may."""
    sizes = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    say("; ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items()))
    too_large = [name for name, size in sizes.items() if size > 2**24]
    if len(sizes) > MOST_FILES or sum(sizes.values()) > MOST_BACK or too_large:
        say("this is more than comes back")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["pack", "restore", "join", "first", "second", "train"])
    parser.add_argument("name", nargs="?", default="", help="of a run; of join: the files' folder")
    parser.add_argument("--data", type=Path, help="folder of FER2013's packed parts")
    parser.add_argument("--ferplus", type=Path, help="FER+'s fer2013new.csv")
    parser.add_argument("--csv", type=Path, help="fer2013.csv")
    parser.add_argument("--out", type=Path, default=RUNS, help="where join puts the runs")
    parser.add_argument("--seconds", type=float, default=560, help="that a call may take")
    parser.add_argument(
        "--grace", type=float, default=35, help="seconds for judging after a phase's end"
    )
    parser.add_argument("--end", type=float, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    parser.add_argument("--no-graph", action="store_true", help="without CUDA graphs")
    parser.add_argument("--limit", type=int, default=0, help="so many faces of each split: a trial")
    parser.add_argument("--set", action="append", default=[], help="field=value for all: a trial")
    options = parser.parse_args()
    options.overrides = {k: json.loads(v) for k, v in (pair.split("=", 1) for pair in options.set)}
    if options.what == "pack":
        pack(Path(), options.data, options.ferplus, options.csv)
    elif options.what == "restore":
        restore(Path())
    elif options.what == "join":
        from trainer.scoring.private_looks import PRIVATE_LOG

        join(Path(options.name), options.out, PRIVATE_LOG)
    elif options.what == "train":
        train(options.name, options.end, options)
    else:
        lease(options.what, options)


if __name__ == "__main__":
    main()
