"""Recipe of a training run: all its fields, read from a TOML preset and the command line.

One flat table: what stands in the file is what stands here. Unknown or wrong fields are refused
with the field, what came, and what is allowed.
"""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ferdesk.errors import DataError
from trainer.models.layers import Order
from trainer.models.network import Architecture, Pool

System = Literal["cbam-resnet", "tang", "zhang", "hog-svm", "lbp-svm", "gabor-svm"]
LossName = Literal["softmax", "a-softmax", "squared-hinge"]
ScheduleName = Literal["cosine", "step"]
Selection = Literal["last", "public"]
DistillView = Literal["same", "one", "flip", "ten"]

NETWORKS: tuple[System, ...] = ("cbam-resnet", "tang", "zhang")
"""The systems that torch trains; the others are linear SVMs over handcrafted features."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of one run: lengths in epochs, angles in degrees, shares in [0, 1]."""

    name: str = "custom"
    system: System = "cbam-resnet"
    """The trained system; docs/method.md describes each."""
    # the network
    width: int = 64
    """Channels of the first stage; units of a layer for ``zhang``, in sixteenths of the first's."""
    attention: Order = "channel-first"
    pool: Pool = "gap"
    input_px: int = 0
    """Side in pixels to which the network upsamples the crop; 0: no upsampling."""
    # the loss
    loss: LossName = "softmax"
    margin: int = 4
    annealing_base: float = 1000.0
    annealing_gamma: float = 0.12
    annealing_minimum: float = 5.0
    label_smoothing: float = 0.0
    # the optimiser: SGD
    epochs: int = 300
    batch: int = 64
    learning_rate: float = 0.01
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    schedule: ScheduleName = "step"
    warmup: float = 0.0
    step_from: int = 80
    step_every: int = 5
    step_factor: float = 0.9
    average: float = 0.0
    """EMA decay of the weights, whose average is then evaluated; 0: no average."""
    freeze_norms: bool = False
    """Keep the batch norms' running statistics, for fine-tuning on few faces."""
    freeze_stages: int = 0
    """Number of frozen stages, of four: they and the stem keep weights and statistics; 0: none."""
    # sharpness-aware minimisation (SAM): the gradient after an ascent step; twice the work
    sam_rho: float = 0.0
    """Radius rho of the ascent step; 0: no SAM. 0.05 to 0.2, or 0.5 to 2 where it is adaptive."""
    sam_adaptive: bool = False
    """Scale the ascent step by each weight's magnitude (ASAM)."""
    # logit adjustment and distillation
    logit_adjust: float = 0.0
    """Logit adjustment: factor of the class's log prior that is added to its logit in training."""
    teacher: tuple[str, ...] = ()
    """Teachers: checkpoints or exported models, whose mean probabilities are soft targets."""
    distill_alpha: float = 0.7
    """Weight of the distillation loss; the rest is the labels' loss."""
    distill_temperature: float = 2.0
    distill_view: DistillView = "same"
    """Views of the teachers: the student's own (``same``), or the unaugmented face, precomputed:
    the centre crop (``one``), that and its mirror (``flip``), or ten crops (``ten``)."""
    crowd_weight: float = 0.0
    """Weight of the crowd head's loss, which learns the votes of FER+; 0: there is no such head."""
    # augmentation; all zeros is the paper's: a random 44x44 crop and a flip
    crop_px: int = 44
    rotation_deg: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    light: float = 0.0
    """Range of contrast and brightness."""
    coarse: float = 0.0
    """Probability of half the resolution, as of small faces enlarged."""
    erase: float = 0.0
    """Probability of random erasing, one rectangle."""
    mixup: float = 0.0
    cutmix: float = 0.0
    """Probability of CutMix: a square of another face, with its label."""
    box_scatter: float = 0.0
    """Scatter of detectors' boxes about FER2013's frames; 1: as it was measured."""
    blur: float = 0.0
    """Probability of Gaussian blur."""
    dark: float = 0.0
    """Probability of low light with sensor noise."""
    jpeg: float = 0.0
    """Probability of strong JPEG compression."""
    small: float = 0.0
    """Probability of low resolution: 20 to 40 pixels, enlarged."""
    # only for tang
    dropout: float = 0.0
    """Dropout probability before the last layer."""
    # only for zhang: layer-wise pre-training by reconstruction
    pretrain_epochs: int = 0
    """Epochs for each layer, before ``epochs`` of fine-tuning."""
    pretrain_learning_rate: float = 1e-3
    corruption: float = 0.0
    """Masking noise: share of the pixels that are set to the mean for the denoising layer."""
    sparsity: float = 0.05
    """Target mean activation of the sparse layer's units."""
    sparsity_weight: float = 0.0
    """Weight of the sparsity penalty."""
    # only for hog-svm, lbp-svm and gabor-svm
    svm_c: float = 0.0
    """C of the SVM; 0: the one of a fixed grid that is best on PublicTest."""
    # the run
    select: Selection = "last"
    seed: int = 1

    @property
    def architecture(self) -> Architecture:
        """Architecture of the CBAM-ResNet that the recipe trains."""
        return Architecture(
            width=self.width,
            attention=self.attention,
            pool=self.pool,
            angular=self.loss == "a-softmax",
            input_px=self.input_px,
            crowd=self.crowd_weight > 0,
        )

    @property
    def is_network(self) -> bool:
        """Whether the system is a network, with checkpoints and an ONNX export."""
        return self.system in NETWORKS


def preset_names() -> list[str]:
    """Names of the presets in this package, sorted."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("trainer.recipes").joinpath("presets").iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(preset: str, overrides: list[str]) -> Recipe:
    """Recipe of a preset's name or a TOML file, with ``field=value`` texts laid over it.

    Raises:
        DataError: no such preset, unreadable TOML, an unknown field, a value of the wrong kind.
    """
    if preset.endswith(".toml"):
        path = Path(preset)
        if not path.is_file():
            raise DataError(f"There is no recipe file {path}; give a .toml file or a preset.")
        where = str(path)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"The recipe {path} is not valid TOML: {error}.") from error
    elif preset in preset_names():
        text = (
            resources.files("trainer.recipes")
            .joinpath("presets", f"{preset}.toml")
            .read_text("utf-8")
        )
        where = f"preset {preset}"
    else:
        raise DataError(f"There is no preset {preset!r}; there are {', '.join(preset_names())}.")
    try:
        values: dict[str, Any] = {"name": Path(preset).stem, **tomllib.loads(text)}
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"The recipe {where} is not valid TOML: {error}.") from error
    for override in overrides:
        field, equals, text = override.partition("=")
        if not equals:
            raise DataError(f"--set takes field=value, got {override!r}.")
        values[field.strip()] = _parse_value(text.strip())
    return recipe_from(values, where)


def recipe_from(values: dict[str, Any], where: str) -> Recipe:
    """Recipe from plain values, checked; ``where`` names their source in errors."""
    hints = get_type_hints(Recipe)
    checked: dict[str, Any] = {}
    for field, value in values.items():
        if field not in hints:
            near = difflib.get_close_matches(field, hints, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(hints)}."
            raise DataError(f"The recipe ({where}) has no field {field!r}; {advice}")
        checked[field] = _checked(field, value, hints[field], where)
    recipe = Recipe(**checked)
    _check_ranges(recipe, where)
    _check_system(recipe, where)
    return recipe


def _parse_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(field: str, value: object, wanted: Any, where: str) -> object:  # noqa: ANN401 (a type)
    if get_origin(wanted) is Literal:
        if value in get_args(wanted):
            return value
        allowed = ", ".join(map(str, get_args(wanted)))
        raise DataError(f"The recipe ({where}) has {field} = {value!r}; allowed are {allowed}.")
    if get_origin(wanted) is tuple:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
        raise DataError(f"The recipe ({where}) has {field} = {value!r}; a list of texts is needed.")
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise DataError(
            f"The recipe ({where}) has {field} = {value!r}; a value of type "
            f"{wanted.__name__} is needed."
        )
    return value


def _check_ranges(recipe: Recipe, where: str) -> None:
    limits: dict[str, tuple[float, float]] = {
        "width": (1, 1024), "margin": (1, 8), "epochs": (1, 100_000), "batch": (1, 100_000),
        "crop_px": (16, 48), "average": (0, 0.999999), "label_smoothing": (0, 0.99),
        "momentum": (0, 0.9999), "learning_rate": (1e-9, 100), "weight_decay": (0, 1),
        "annealing_minimum": (0, 1e9), "coarse": (0, 1), "erase": (0, 1), "scale": (0, 0.9),
        "shift": (0, 0.5), "rotation_deg": (0, 180), "light": (0, 1), "step_every": (1, 100_000),
        "step_from": (0, 100_000), "step_factor": (0, 1), "warmup": (0, 100_000), "mixup": (0, 100),
        "annealing_base": (0, 1e9), "annealing_gamma": (0, 1e9), "seed": (0, 2**31 - 1),
        "sam_rho": (0, 100), "logit_adjust": (0, 10), "distill_alpha": (0, 1),
        "distill_temperature": (0.1, 100),
        "dropout": (0, 0.95), "pretrain_epochs": (0, 100_000), "corruption": (0, 0.95),
        "pretrain_learning_rate": (1e-9, 100), "sparsity": (0.001, 0.999),
        "sparsity_weight": (0, 1e6), "svm_c": (0, 1e6), "input_px": (0, 256), "cutmix": (0, 1),
        "box_scatter": (0, 3), "blur": (0, 1), "dark": (0, 1), "jpeg": (0, 1), "small": (0, 1),
        "crowd_weight": (0, 100), "freeze_stages": (0, 4),
    }  # fmt: skip
    for field, (low, high) in limits.items():
        value = getattr(recipe, field)
        if not low <= value <= high:
            raise DataError(
                f"The recipe ({where}) has {field} = {value}; it lies between {low} and {high}."
            )
    if 0 < recipe.input_px < recipe.crop_px:
        raise DataError(
            f"The recipe ({where}) has input_px = {recipe.input_px}, less than its crop of "
            f"{recipe.crop_px}; it enlarges, or is 0."
        )


_SHALLOW: tuple[System, ...] = ("hog-svm", "lbp-svm", "gabor-svm")
_OWNERS: dict[str, tuple[System, ...]] = {
    "attention": ("cbam-resnet",), "pool": ("cbam-resnet",), "input_px": ("cbam-resnet",),
    "crowd_weight": ("cbam-resnet",), "freeze_stages": ("cbam-resnet",),
    "dropout": ("tang",),
    "pretrain_epochs": ("zhang",), "pretrain_learning_rate": ("zhang",), "corruption": ("zhang",),
    "sparsity": ("zhang",), "sparsity_weight": ("zhang",), "svm_c": _SHALLOW,
}  # fmt: skip
_READ_BY_ALL = {"name", "system", "crop_px", "seed"}


def _check_system(recipe: Recipe, where: str) -> None:
    """Refuse a field that the recipe's system would not even read."""
    for field in dataclasses.fields(Recipe):
        if getattr(recipe, field.name) == field.default or field.name in _READ_BY_ALL:
            continue
        owners = _OWNERS.get(field.name, NETWORKS)
        if recipe.system not in owners:
            raise DataError(
                f"The recipe ({where}) sets {field.name}, which {recipe.system} has no use for; "
                f"it is for {', '.join(owners)}."
            )


def as_table(recipe: Recipe) -> dict[str, Any]:
    """Plain values of the recipe, for checkpoints and metadata."""
    return dataclasses.asdict(recipe)
