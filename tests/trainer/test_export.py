"""The exported file keeps the contract, and says what the network says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import crop_face
from ferdesk.core.geometry import Square
from ferdesk.core.labels import LABELS
from ferdesk.errors import FerdeskError
from trainer.data.augment import center_crop, ten_crops
from trainer.data.fer2013 import Faces
from trainer.delivery.export import Identity, as_exported, check_parity, export
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe
from trainer.scoring import evaluate as evaluation
from trainer.training.build import build_network
from trainer.training.checkpoint import Checkpoint

pytestmark = pytest.mark.timeout(180)

NUM_FACES = 24


def some_faces() -> Faces:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (NUM_FACES, 48, 48)).astype(np.uint8)
    return Faces(pixels, np.arange(NUM_FACES, dtype=np.int64) % 7)


def checkpoint_of(recipe: Recipe) -> Checkpoint:
    torch.manual_seed(0)
    model = ExpressionNet(recipe.architecture)
    with torch.no_grad():
        # an untrained spatial gate is flat and norms are neutral; give both something to say
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(torch.rand_like(parameter) * 0.5)
    model.train()
    for _ in range(3):
        model(torch.rand(16, 1, 44, 44) * 255)
    return Checkpoint(recipe, 0, model.state_dict(), None, {}, "", "test")


@dataclasses.dataclass(frozen=True)
class Exported:
    path: Path
    checkpoint: Checkpoint
    faces: Faces
    figures: dict[str, object]


@pytest.fixture(scope="module", params=["softmax-gap", "a-softmax-paper", "enlarged"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    if request.param == "softmax-gap":
        recipe = Recipe(width=4)
    elif request.param == "enlarged":
        recipe = Recipe(width=4, input_px=64)
    else:
        recipe = Recipe(width=4, loss="a-softmax", pool="paper")
    checkpoint, faces = checkpoint_of(recipe), some_faces()
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    figures = export(checkpoint, Identity("small", "7"), faces, path)
    return Exported(path, checkpoint, faces, figures)


def outputs_of(exported: Exported) -> dict[str, np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    batch = exported.faces.pixels[:, None].astype(np.float32)
    return dict(zip(names, session.run(names, {"faces": batch}), strict=True))


def metadata_of(exported: Exported) -> dict[str, str]:
    import onnx

    return {entry.key: entry.value for entry in onnx.load(exported.path).metadata_props}


def test_outputs_have_the_contracts_names_and_shapes(exported: Exported) -> None:
    shapes = {name: values.shape for name, values in outputs_of(exported).items()}
    side = exported.checkpoint.recipe.input_px or 44
    coarse, fine = -(-side // 8), side // 2
    assert shapes == {
        "logits": (NUM_FACES, 7),
        "attention": (NUM_FACES, 1, coarse, coarse),
        "attention_mid": (NUM_FACES, 1, fine, fine),
        "cam": (NUM_FACES, 7, coarse, coarse),
    }


def test_cam_sums_with_its_bias_to_the_logits(exported: Exported) -> None:
    outputs = outputs_of(exported)
    bias = np.array(json.loads(metadata_of(exported)["cam_bias"]))
    np.testing.assert_allclose(
        outputs["cam"].sum((2, 3)) + bias, outputs["logits"], rtol=1e-4, atol=1e-4
    )


def test_cells_that_the_pooling_ignores_are_zero_in_cam(exported: Exported) -> None:
    cam = outputs_of(exported)["cam"]
    if exported.checkpoint.recipe.pool == "paper":
        assert not cam[:, :, 4:].any()
        assert not cam[:, :, :, 4:].any()
        assert cam[:, :, :4, :4].all()
    else:
        assert cam[:, :, 5, 5].any()


def test_logits_are_the_networks_divided_by_the_temperature(exported: Exported) -> None:
    model = exported.checkpoint.model()
    with torch.no_grad():
        expected = model(center_crop(torch.from_numpy(exported.faces.pixels), 44)).numpy()
    temperature = float(metadata_of(exported)["temperature"])
    # the weights are stored as float16, so to about three digits
    difference = np.abs(outputs_of(exported)["logits"] * temperature - expected).max()
    assert difference < 0.02 * np.abs(expected).max()


def test_attention_lies_between_0_and_1_and_is_not_flat(exported: Exported) -> None:
    for name in ("attention", "attention_mid"):
        values = outputs_of(exported)[name]
        assert values.min() >= 0
        assert values.max() <= 1
        assert values.std() > 0


def with_symmetric_kernels(path: Path) -> bytes:
    """The file with its kernels made equal to their mirrors."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4:
            values = (values + values[:, :, ::-1]) / 2
            values = (values + values[:, :, :, ::-1]) / 2
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    serialized: bytes = model.SerializeToString()
    return serialized


def test_one_hot_pixel_changes_the_map_evenly_around_the_cell_that_covers_it(
    exported: Exported,
) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        with_symmetric_kernels(exported.path), options, providers=["CPUExecutionProvider"]
    )
    metadata = metadata_of(exported)
    x0, y0, width, height = json.loads(metadata["map_region"])
    stride = json.loads(metadata["map_stride"])["attention_mid"]
    if exported.checkpoint.recipe.input_px:
        assert stride == pytest.approx(2 * 44 / 64)
        pytest.skip("a pixel of an enlarged face lies between the cells; the next test is for it")
    assert (x0, y0, width, height) == (2, 2, 44, 44)
    grey = np.full((1, 1, 48, 48), 100, np.float32)
    (base,) = session.run(["attention_mid"], {"faces": grey})
    for row, column in [(10, 13), (8, 8), (7, 14), (14, 7)]:
        one_hot = grey.copy()
        one_hot[0, 0, y0 + row * stride, x0 + column * stride] = 255
        (lit,) = session.run(["attention_mid"], {"faces": one_hot})
        # channel attention pools over the face, so every cell changes a little
        change = (lit - base)[0, 0] - np.median(lit - base)
        near = change[row - 4 : row + 5, column - 4 : column + 5]
        for mirrored in (near[::-1], near[:, ::-1]):
            # borders cost up to 0.16; one cell beside, it is 0.7 and more
            assert np.abs(near - mirrored).max() < 0.2 * np.abs(near).max()


def test_a_map_of_an_enlarged_face_lies_where_the_face_does(exported: Exported) -> None:
    if not exported.checkpoint.recipe.input_px:
        pytest.skip("faces are not enlarged")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        with_symmetric_kernels(exported.path), options, providers=["CPUExecutionProvider"]
    )
    metadata = metadata_of(exported)
    x0, y0, _, _ = json.loads(metadata["map_region"])
    stride = json.loads(metadata["map_stride"])["attention_mid"]
    places = np.arange(14, 34)
    grey = np.full((len(places), 1, 48, 48), 100, np.float32)
    (base,) = session.run(["attention_mid"], {"faces": grey})
    grey[np.arange(len(places)), 0, places, 47 - places] = 255
    (seen,) = session.run(["attention_mid"], {"faces": grey})
    # channel attention pools over the face, so every cell changes a little
    change = (seen - base)[:, 0]
    change = np.abs(change - np.median(change, axis=(1, 2), keepdims=True))
    change = np.maximum(change - 0.3 * change.max(axis=(1, 2), keepdims=True), 0)
    cells = np.arange(change.shape[1])
    down = (change.sum(2) * cells).sum(1) / change.sum((1, 2))
    across = (change.sum(1) * cells).sum(1) / change.sum((1, 2))
    # a pixel lies anywhere between cells, which only the mean over many evens out
    assert (y0 + down * stride - places).mean() == pytest.approx(0, abs=0.7)
    assert (x0 + across * stride - (47 - places)).mean() == pytest.approx(0, abs=0.7)


def test_no_path_of_the_machine_is_in_the_file(exported: Exported) -> None:
    content = exported.path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in content
    assert b".py" not in content


def test_the_metadata_is_complete(exported: Exported) -> None:
    metadata = metadata_of(exported)
    assert set(metadata) == {
        "ferdesk.schema", "labels", "name", "version", "architecture", "trained_on", "accuracy",
        "temperature", "cam_bias", "crop", "map_region", "map_stride", "map_range", "commit",
        "licence", "created_utc",
    }  # fmt: skip
    assert metadata["ferdesk.schema"] == "1"
    assert json.loads(metadata["labels"]) == list(LABELS)
    ranges = json.loads(metadata["map_range"])
    assert all(low < high for low, high in ranges.values())
    assert "private_test" not in json.loads(metadata["accuracy"])


def test_the_figures_in_the_file_are_measured_on_the_file(exported: Exported) -> None:
    figures = json.loads(metadata_of(exported)["accuracy"])
    assert figures == json.loads(json.dumps(exported.figures))
    logits = outputs_of(exported)["logits"]
    accuracy = (logits.argmax(1) == exported.faces.labels).mean()
    assert figures["public_test"]["one_crop"]["accuracy"] == pytest.approx(accuracy, abs=1e-4)


def test_the_app_opens_it_and_says_the_same(exported: Exported) -> None:
    classifier = OnnxClassifier(exported.path, "cpu")
    assert (classifier.info.name, classifier.info.version) == ("small", "7")
    assert set(classifier.info.maps) == {"attention", "attention_mid", "cam"}
    crops = np.stack([crop_face(face, Square(0, 0, 48)) for face in exported.faces.pixels])
    logits = outputs_of(exported)["logits"].astype(np.float64)
    for expression, row in zip(classifier.classify(crops), logits, strict=True):
        np.testing.assert_allclose(
            expression.probabilities, evaluation.softmax(row[None])[0], atol=1e-4
        )


def test_the_same_picture_gives_the_same_tensor_through_app_and_trainer() -> None:
    faces = some_faces()
    cut = np.stack([crop_face(face, Square(0, 0, 48)) for face in faces.pixels])
    app = torch.from_numpy(cut)[:, 2:46, 2:46]
    trainer = center_crop(torch.from_numpy(faces.pixels), 44)[:, 0]
    torch.testing.assert_close(app, trainer, atol=1e-3, rtol=0)


def test_ten_crops_through_the_file_equal_the_papers_ten_crops(exported: Exported) -> None:
    faces = exported.faces.pixels
    through_file = evaluation.view_logits(evaluation.onnx_classifier(exported.path), faces, "ten")
    model = exported.checkpoint.model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
        views = [model(view) for view in ten_crops(torch.from_numpy(faces), 44)]
    temperature = float(metadata_of(exported)["temperature"])
    expected = torch.stack(views).mean(0).numpy() / temperature
    np.testing.assert_allclose(through_file, expected, rtol=1e-3, atol=1e-3)


def test_the_views_in_the_file_are_one_crop_and_ten_crops(exported: Exported) -> None:
    assert set(json.loads(metadata_of(exported)["accuracy"])["public_test"]) == {
        "one_crop",
        "ten_crop",
    }


def test_the_file_says_which_inner_crop_it_looks_at(exported: Exported) -> None:
    assert evaluation.onnx_crop_px(exported.path) == 44


def test_an_export_leaves_the_model_and_nothing_else(exported: Exported) -> None:
    assert [entry.name for entry in exported.path.parent.iterdir()] == ["small.onnx"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(exported: Exported, value: float) -> None:
    model = exported.checkpoint.model()
    with torch.no_grad():
        model.head.weight[0, 0] = value
    network = as_exported(model, 44, 1.0)
    with pytest.raises(FerdeskError, match="not finite"):
        check_parity(network, exported.path, exported.faces.pixels)


def never(*_: object) -> None:
    raise AssertionError("the long work was begun")


@pytest.mark.parametrize("place", ["taken/small.onnx", "folder.onnx"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    (tmp_path / "folder.onnx").mkdir()
    monkeypatch.setattr("trainer.delivery.export.fit_temperature", never)
    checkpoint = checkpoint_of(Recipe(width=4))
    with pytest.raises(FerdeskError, match=r"cannot be written: .*\.$") as caught:
        export(checkpoint, Identity("small", "7"), some_faces(), tmp_path / place)
    assert "\n" not in str(caught.value)
    assert {entry.name for entry in tmp_path.iterdir()} == {"taken", "folder.onnx"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, FerdeskError, OSError])
def test_a_work_that_breaks_off_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def broken_off(network: object, path: Path) -> None:
        assert not path.match("*.onnx")  # nobody should take half a file for a model
        path.write_bytes(b"half")
        raise error("broken off")

    path = tmp_path / "small.onnx"
    path.write_bytes(b"the old one")
    monkeypatch.setattr("trainer.delivery.export._write_graph", broken_off)
    checkpoint = checkpoint_of(Recipe(width=4))
    with pytest.raises(FerdeskError if error is OSError else error, match="broken off"):
        export(checkpoint, Identity("small", "7"), some_faces(), path)
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.onnx"]


def test_a_file_that_says_something_else_is_refused(exported: Exported) -> None:
    model = exported.checkpoint.model()
    with torch.no_grad():
        model.head.weight.add_(1.0)
    network = as_exported(model, 44, 1.0)
    with pytest.raises(FerdeskError, match="differs from the network"):
        check_parity(network, exported.path, exported.faces.pixels)


def test_ten_shifts_through_the_file_equal_torchvisions_ten_crop(exported: Exported) -> None:
    from torchvision.transforms import TenCrop

    pixels = exported.faces.pixels
    model = exported.checkpoint.model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
        views = TenCrop(44)(torch.from_numpy(pixels)[:, None].float())
        expected = torch.stack([model(view) for view in views]).mean(0).numpy()
    temperature = float(metadata_of(exported)["temperature"])
    found = evaluation.view_logits(evaluation.onnx_classifier(exported.path), pixels, "ten")
    np.testing.assert_allclose(found * temperature, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("recipe", "maps"),
    [
        (Recipe(width=4, attention="none"), {"cam"}),
        (Recipe(system="zhang", width=2, crop_px=40), set()),
    ],
    ids=["resnet", "zhang"],
)
def test_a_network_exports_the_maps_that_it_has_and_the_app_opens_it(
    tmp_path: Path, recipe: Recipe, maps: set[str]
) -> None:
    torch.manual_seed(0)
    weights = build_network(recipe).state_dict()
    checkpoint = Checkpoint(recipe, 0, weights, None, {}, "", "test")
    path, faces = tmp_path / "some.onnx", some_faces()
    export(checkpoint, Identity("some", "1"), faces, path)
    classifier = OnnxClassifier(path, "cpu")
    assert set(classifier.info.maps) == maps
    crops = np.stack([crop_face(face, Square(0, 0, 48)) for face in faces.pixels])
    assert len(classifier.classify(crops)) == NUM_FACES


def test_weights_that_float16_would_ruin_are_stored_as_they_are(tmp_path: Path) -> None:
    checkpoint, faces = checkpoint_of(Recipe(width=4)), some_faces()
    crops = center_crop(torch.from_numpy(faces.pixels), 44)
    with torch.no_grad():
        mean_K = checkpoint.model().eval()(crops).mean(0)
        checkpoint.weights["head.bias"] -= mean_K  # or all faces would get one label
        checkpoint.weights["head.weight"] *= 1e-9  # below float16's least number
        checkpoint.weights["head.bias"] *= 1e-9
        labels = checkpoint.model().eval()(crops).argmax(1).numpy()
    assert len(set(labels.tolist())) > 1
    path = tmp_path / "tiny.onnx"
    export(
        checkpoint, Identity("tiny", "1"), Faces(faces.pixels, labels), path, temperature=1.0
    )  # fmt: skip
    said = evaluation.onnx_classifier(path)(faces.pixels).argmax(1)
    assert (said == labels).mean() > 0.9
