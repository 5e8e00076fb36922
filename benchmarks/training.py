"""Images a second of training, beside a plain PyTorch loop: ``python benchmarks/training.py``.

    python benchmarks/training.py [--device cpu|cuda] [--preset NAME] [--set field=value ...]
        [--steps N] [--rounds N] [--compile] [--autotune] [--bf16] [--no-plain] [--workers N]
        [--threads N] [--json]

Both loops train the same network with the same batch, on random faces, in one process: ours, and
a plain one (DataLoader, torchvision's RandomCrop and flip for each face, eager, contiguous). They
take turns, ``--rounds`` times, and the median of each counts, so that what else the machine does
meets both. The peak is that of a large matrix product, measured in the same run.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from trainer.data.fer2013 import Faces
from trainer.recipes.config import Recipe, load_recipe
from trainer.training.build import build_network
from trainer.training.step import TrainingStep, memory_format

WARM_UP_STEPS = 3


def machine(device: torch.device) -> str:
    """What the figures depend on."""
    if device.type == "cuda":
        place = torch.cuda.get_device_name(device)
    else:
        place = platform.processor() or platform.machine()
        for line in _lines(Path("/proc/cpuinfo")):
            if line.startswith("model name"):
                place = line.partition(":")[2].strip()
                break
        place += f", {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
    return f"{place}; torch {torch.__version__}, Python {platform.python_version()}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []


def random_faces(count: int) -> Faces:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    return Faces(pixels, rng.integers(0, 7, count, dtype=np.int64))


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_peak(device: torch.device, bf16: bool) -> float:
    """FLOP/s of a large matrix product in the precision of the convolutions."""
    side = 8192 if device.type == "cuda" else 1024
    dtype = torch.bfloat16 if bf16 else torch.float32
    x = torch.randn(side, side, device=device, dtype=dtype)
    best = 0.0
    for _ in range(6):
        wait(device)
        begun_s = time.perf_counter()
        for _ in range(4):
            x @ x
        wait(device)
        best = max(best, 4 * 2 * side**3 / (time.perf_counter() - begun_s))
    return best


def flops_an_image(recipe: Recipe) -> float:
    """Of forward and backward, counted by torch."""
    network = build_network(recipe)
    counter = FlopCounterMode(display=False)
    with counter:
        F.cross_entropy(
            network(torch.rand(4, 1, recipe.crop_px, recipe.crop_px) * 255),
            torch.zeros(4, dtype=torch.int64),
        ).backward()
    return counter.get_total_flops() / 4


class PlainFaces(Dataset[tuple[torch.Tensor, int]]):
    """Faces as most loops have them: one at a time, through torchvision's transforms."""

    def __init__(self, faces: Faces, crop_px: int) -> None:
        from torchvision import transforms

        self.faces = faces
        self.transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomCrop(crop_px),
                transforms.RandomHorizontalFlip(),
                transforms.PILToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        view = self.transform(self.faces.pixels[index])
        return view.float(), int(self.faces.labels[index])


def plain_loop(
    recipe: Recipe, faces: Faces, device: torch.device, bf16: bool, workers: int
) -> Callable[[int], None]:
    """A function that makes so many steps of a plain loop over the same network."""
    network = build_network(recipe).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.learning_rate, recipe.momentum,
        weight_decay=recipe.weight_decay, nesterov=recipe.nesterov,
    )  # fmt: skip
    loader = DataLoader(
        PlainFaces(faces, recipe.crop_px), recipe.batch, shuffle=True, drop_last=True,
        num_workers=workers, pin_memory=device.type == "cuda", persistent_workers=workers > 0,
    )  # fmt: skip
    batches = iter(loader)

    def steps(count: int) -> None:
        nonlocal batches
        for _ in range(count):
            try:
                x_B1HW, target_B = next(batches)
            except StopIteration:
                batches = iter(loader)
                x_B1HW, target_B = next(batches)
            x_B1HW, target_B = x_B1HW.to(device), target_B.to(device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
                loss = F.cross_entropy(network(x_B1HW).float(), target_B)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return steps


def our_loop(
    recipe: Recipe, faces: Faces, device: torch.device, options: argparse.Namespace
) -> Callable[[int], None]:
    """The same with the trainer's step."""
    network: Any = build_network(recipe).to(device, memory_format=memory_format(recipe, device))
    averaged: Any = None
    if recipe.average:
        averaged = build_network(recipe).to(device, memory_format=memory_format(recipe, device))
    step = TrainingStep(
        recipe, network, averaged, faces, bf16=options.bf16, compiled=options.compile,
        autotune=options.autotune, notice=lambda sentence: sys.stderr.write(sentence + "\n"),
    )  # fmt: skip
    made = 0

    def steps(count: int) -> None:
        nonlocal made
        for _ in range(count):
            if made % step.steps_per_epoch == 0:
                step.begin_epoch(made // step.steps_per_epoch)
            step()
            made += 1

    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the training loop.")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--preset", default="cbam-resnet-asoftmax")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--steps", type=int, default=0, help="of a round; 0: 100 on CUDA, 8 on CPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="of the plain loop's DataLoader")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--autotune", action="store_true")
    parser.add_argument("--plain", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    options.compile = on_gpu if options.compile is None else options.compile
    options.bf16 = on_gpu if options.bf16 is None else options.bf16
    count = options.steps or (100 if on_gpu else 8)
    recipe = load_recipe(options.preset, options.overrides)
    faces = random_faces(max(28_709 if on_gpu else 1024, 4 * recipe.batch))

    loops = {"ours": our_loop(recipe, faces, device, options)}
    if options.plain:
        loops["plain"] = plain_loop(recipe, faces, device, options.bf16, options.workers)
    peak = matmul_peak(device, options.bf16)
    figures: dict[str, list[float]] = {name: [] for name in loops}
    for steps in loops.values():
        steps(WARM_UP_STEPS)
    for _ in range(options.rounds):
        for name, steps in loops.items():
            wait(device)
            begun_s = time.perf_counter()
            steps(count)
            wait(device)
            figures[name].append(count * recipe.batch / (time.perf_counter() - begun_s))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    flops = flops_an_image(recipe)
    memory = (
        torch.cuda.max_memory_allocated(device)
        if on_gpu
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    report = {
        "machine": machine(device),
        "preset": recipe.name, "width": recipe.width, "batch": recipe.batch,
        "crop_px": recipe.crop_px, "compiled": options.compile, "bf16": options.bf16,
        "steps": count, "rounds": options.rounds,
        "images_per_s": {name: round(value, 1) for name, value in medians.items()},
        "lowest_and_highest": {n: [round(min(v), 1), round(max(v), 1)] for n, v in figures.items()},
        "gflop_per_image": round(flops / 1e9, 3),
        "matmul_peak_tflops": round(peak / 1e12, 3),
        "share_of_peak": round(medians["ours"] * flops / peak, 3),
        "memory_mib": round(memory / 2**20),
    }  # fmt: skip
    if options.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return
    out = sys.stdout
    out.write(f"{report['machine']}\n")
    out.write(
        f"{recipe.name}, width {recipe.width}, batch {recipe.batch}, {recipe.crop_px} px"
        f"{', compiled' if options.compile else ''}{', bfloat16' if options.bf16 else ''}; "
        f"median of {options.rounds} rounds of {count} steps\n\n"
    )
    for name, value in medians.items():
        low, high = min(figures[name]), max(figures[name])
        out.write(f"{name:<8}{value:>10.0f} images/s   ({low:.0f} to {high:.0f})\n")
    if "plain" in medians:
        out.write(f"ours is {medians['ours'] / medians['plain']:.2f} times the plain loop\n")
    out.write(
        f"{flops / 1e9:.2f} GFLOP an image: {report['share_of_peak']:.0%} of the "
        f"{peak / 1e12:.2f} TFLOP/s that a matrix product reaches; "
        f"{report['memory_mib']} MiB at most\n"
    )


if __name__ == "__main__":
    main()
