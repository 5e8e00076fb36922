"""A recipe is what its file and --set say, or it is refused with what is allowed."""

import dataclasses
from pathlib import Path

import pytest

from ferdesk.errors import DataError
from trainer.recipes.config import Recipe, as_table, load_recipe, preset_names, recipe_from

AUGMENTATION = ("rotation_deg", "scale", "shift", "light", "coarse", "erase", "mixup")


def _refusal(*overrides: str) -> str:
    with pytest.raises(DataError) as caught:
        load_recipe("fast", list(overrides))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


@pytest.mark.parametrize(
    ("field", "near"), [("widht", "width"), ("learning-rate", "learning_rate"), ("epoch", "epochs")]
)
def test_an_unknown_field_names_the_near_one(field: str, near: str) -> None:
    assert _refusal(f"{field}=1").endswith(f"has no field {field!r}; did you mean {near}?")


def test_a_field_like_no_other_lists_them_all() -> None:
    sentence = _refusal("zzz=1")
    assert "has no field 'zzz'; there are name, system, width, attention" in sentence


@pytest.mark.parametrize(
    ("override", "kind"),
    [
        ("width=wide", "int"), ("width=1.5", "int"), ("width=true", "int"), ("nesterov=1", "bool"),
        ("learning_rate=high", "float"), ("learning_rate=false", "float"), ("name=7", "str"),
        ("epochs=[1]", "int"), ("width=", "int"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_names_the_right_one(override: str, kind: str) -> None:
    assert f"a value of type {kind} is needed" in _refusal(override)


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("loss=arcface", "softmax, a-softmax, squared-hinge"),
        ("attention=both", "channel-first, spatial-first, parallel, none"),
        ("pool=max", "gap, paper"),
        ("schedule=7", "cosine, step"),
        ("select=private", "last, public"),
    ],
)
def test_a_choice_that_is_not_offered_lists_those_that_are(override: str, allowed: str) -> None:
    assert _refusal(override).endswith(f"allowed are {allowed}.")


@pytest.mark.parametrize(
    "override",
    [
        "width=0", "margin=0", "epochs=0", "batch=0", "crop_px=49", "crop_px=8", "average=1.0",
        "label_smoothing=1.0", "momentum=1.0", "learning_rate=0.0", "learning_rate=nan",
        "learning_rate=inf", "weight_decay=-1e-4", "annealing_minimum=-1.0", "coarse=1.5",
        "erase=-0.1", "scale=1.0", "shift=0.6", "rotation_deg=-5.0", "light=2.0", "step_every=0",
        "mixup=-0.4", "mixup=nan", "warmup=-1.0", "warmup=nan", "seed=-1", "step_factor=-0.9",
        "step_factor=nan", "step_from=-1", "annealing_base=-1.0", "annealing_gamma=-0.1",
    ],
)  # fmt: skip
def test_a_value_out_of_range_names_the_range(override: str) -> None:
    field, _, value = override.partition("=")
    assert f"has {field} = {value}; it lies between" in _refusal(override).replace(
        "-0.0001", "-1e-4"
    )


def test_overrides_are_read_as_toml_or_as_plain_text() -> None:
    recipe = load_recipe(
        "fast",
        ["width=16", "learning_rate = 5e-3", "nesterov=false", "attention=spatial-first",
         'loss="a-softmax"', "warmup=2", "name=my run"],
    )  # fmt: skip
    assert (recipe.width, recipe.learning_rate, recipe.nesterov) == (16, 0.005, False)
    assert (recipe.attention, recipe.loss, recipe.name) == ("spatial-first", "a-softmax", "my run")
    assert recipe.warmup == 2.0
    assert type(recipe.warmup) is float


def test_the_last_override_of_a_field_counts() -> None:
    assert load_recipe("fast", ["width=16", "width=8"]).width == 8


def test_an_override_without_a_value_is_explained() -> None:
    assert _refusal("width") == "--set takes field=value, got 'width'."


def test_a_recipe_file_says_what_it_says_and_defaults_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("width = 8\nepochs = 2\n")
    assert load_recipe(str(path), []) == Recipe(name="mine", width=8, epochs=2)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"width = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"widht = 1", "mean width"),
    ],
)
def test_a_recipe_file_that_is_wrong_is_refused_by_its_name(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as caught:
        load_recipe(str(path), [])
    assert str(path) in str(caught.value)


def test_a_preset_or_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"no preset 'quick'; there are .*fast, .*full"):
        load_recipe("quick", [])
    with pytest.raises(DataError, match=r"no recipe file absent\.toml"):
        load_recipe("absent.toml", [])


def test_a_recipe_survives_its_way_through_a_checkpoint() -> None:
    recipe = load_recipe("full", ["seed=3"])
    assert recipe_from(as_table(recipe), "last.pt") == recipe


def test_there_are_the_papers_two_presets_and_ours() -> None:
    assert set(preset_names()) >= {"cbam-resnet-asoftmax", "cbam-resnet-softmax", "fast", "full"}


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_loads_under_its_own_name(preset: str) -> None:
    recipe = load_recipe(preset, [])
    assert recipe.name == preset
    if recipe.system == "cbam-resnet":  # what the shipped models and their framing build on
        assert recipe.crop_px == 44


def test_the_papers_preset_is_the_papers() -> None:
    recipe = load_recipe("cbam-resnet-asoftmax", [])
    assert (recipe.width, recipe.attention) == (64, "channel-first")
    assert (recipe.loss, recipe.margin, recipe.annealing_minimum) == ("a-softmax", 4, 5.0)
    assert (recipe.epochs, recipe.batch, recipe.crop_px) == (300, 64, 44)
    assert all(getattr(recipe, field) == 0 for field in AUGMENTATION)  # a crop and a flip only
    assert recipe.average == recipe.label_smoothing == 0
    assert recipe.select == "public"


def test_the_papers_softmax_row_differs_in_the_loss_alone() -> None:
    ours = load_recipe("cbam-resnet-asoftmax", [])
    softmax = load_recipe("cbam-resnet-softmax", [])
    assert softmax == dataclasses.replace(ours, name="cbam-resnet-softmax", loss="softmax")
    assert softmax.architecture == dataclasses.replace(ours.architecture, angular=False)
    assert ours.architecture.angular


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"dropout": 0.5}, "sets dropout, which cbam-resnet has no use for; it is for tang."),
        ({"system": "hog-svm", "width": 3}, "sets width, which hog-svm has no use for"),
        ({"system": "zhang", "pool": "paper"}, "sets pool, which zhang has no use for"),
        ({"system": "lenet"}, "allowed are cbam-resnet, tang, zhang, hog-svm, lbp-svm, gabor-svm."),
    ],
)
def test_a_field_that_the_system_would_not_read_is_refused(
    values: dict[str, object], complaint: str
) -> None:
    with pytest.raises(DataError) as caught:
        recipe_from(values, "a file")
    assert complaint in str(caught.value)


def test_a_recipe_from_before_there_were_systems_is_the_papers_network() -> None:
    recipe = recipe_from({"width": 32, "attention": "none", "pool": "paper"}, "old.pt")
    assert (recipe.system, recipe.is_network) == ("cbam-resnet", True)
