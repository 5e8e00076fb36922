"""The int8 twin keeps the contract, carries its own figures, and leaves the maps unbanded."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.crop import crop_face
from ferdesk.core.geometry import Square
from ferdesk.errors import DataError, FerdeskError
from trainer.data.fer2013 import Faces
from trainer.delivery import quantize as module
from trainer.delivery.export import Identity, export
from trainer.delivery.quantize import quantize, refuse_float_convolutions
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe
from trainer.scoring import evaluate as evaluation
from trainer.training.checkpoint import Checkpoint

pytestmark = pytest.mark.timeout(300)

Files = tuple[Path, Path, Faces, dict[str, object]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A small exported network, its twin, PublicTest and the twin's figures."""
    recipe = Recipe(width=8)
    torch.manual_seed(0)
    model = ExpressionNet(recipe.architecture)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.add_(torch.rand_like(parameter) * 0.5)
        model.train()
        for _ in range(5):
            model(torch.rand(16, 1, 44, 44) * 255)
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (64, 48, 48)).astype(np.uint8)
    faces = Faces(pixels, np.arange(64, dtype=np.int64) % 7)
    folder = tmp_path_factory.mktemp("models")
    source, twin = folder / "small.onnx", folder / "small-int8.onnx"
    checkpoint = Checkpoint(recipe, 0, model.state_dict(), None, {}, "", "test")
    export(checkpoint, Identity("small", "7"), faces, source)
    return source, twin, faces, quantize(source, twin, faces, faces)


def _outputs(path: Path, faces: Faces) -> dict[str, np.ndarray]:
    session = evaluation.open_session(path)
    names = [output.name for output in session.get_outputs()]
    batch = faces.pixels[:, None].astype(np.float32)
    return dict(zip(names, session.run(names, {"faces": batch}), strict=True))


def _metadata(path: Path) -> dict[str, str]:
    return dict(evaluation.open_session(path).get_modelmeta().custom_metadata_map)


def test_most_convolutions_are_int8_and_those_of_the_maps_are_not(files: Files) -> None:
    import onnx
    from onnx import TensorProto

    graph = onnx.load(files[1]).graph
    quantised = {t.name: t for t in graph.initializer if t.data_type == TensorProto.INT8}
    shapes = [tuple(t.dims) for t in quantised.values() if len(t.dims) == 4]
    assert len(shapes) == 17 + 3  # 3x3 and shortcuts; neither the 7x7 nor the last 1x1 for cam
    assert all(shape[-1] in (1, 3) for shape in shapes)
    assert {n.op_type for n in graph.node} >= {"QuantizeLinear", "DequantizeLinear"}
    assert files[1].stat().st_size < 0.75 * files[0].stat().st_size


def test_a_twin_that_is_int8_in_name_only_is_refused(files: Files) -> None:
    graph = onnx.load(files[0])
    with pytest.raises(FerdeskError, match=r"Only 0 of .* onnxruntime 1\.31 or newer"):
        refuse_float_convolutions(graph, 2, Path("tiny.onnx"))


def test_the_twin_says_nearly_what_the_float_file_says(files: Files) -> None:
    source, twin, faces, figures = files
    expected, found = _outputs(source, faces), _outputs(twin, faces)
    assert found.keys() == expected.keys()
    for name in ("attention", "attention_mid"):
        assert np.abs(found[name] - expected[name]).max() < 0.15, name
        assert len(np.unique(found[name])) > 300, name  # 8 bits would leave 256
    agreement = (found["logits"].argmax(1) == expected["logits"].argmax(1)).mean()
    assert figures["agreement"] == pytest.approx(agreement, abs=1e-4)
    assert agreement >= 0.9


def test_cam_still_sums_with_its_bias_to_the_logits(files: Files) -> None:
    outputs = _outputs(files[1], files[2])
    bias = np.array(json.loads(_metadata(files[1])["cam_bias"]))
    sums = outputs["cam"].sum((2, 3)) + bias
    np.testing.assert_allclose(sums, outputs["logits"], rtol=1e-4, atol=1e-4)


def test_the_temperature_is_its_own_and_fitted(files: Files) -> None:
    source, twin, faces, _ = files
    logits = evaluation.onnx_classifier(twin)(faces.pixels)
    assert evaluation.fit_temperature(logits, faces.labels) == pytest.approx(1, abs=0.01)
    assert _metadata(twin)["temperature"] != _metadata(source)["temperature"]


def test_the_metadata_is_the_contracts_with_the_twins_own_figures(files: Files) -> None:
    source, twin, faces, figures = files
    before, after = _metadata(source), _metadata(twin)
    assert after.keys() == before.keys() | {"quantization"}
    assert (after["name"], after["version"]) == ("small-int8", "7")
    assert after["architecture"] == before["architecture"] + "; int8"
    assert json.loads(after["accuracy"]) == {"public_test": figures["public_test"]}
    logits = _outputs(twin, faces)["logits"]
    accuracy = json.loads(after["accuracy"])["public_test"]["one_crop"]["accuracy"]
    assert accuracy == pytest.approx((logits.argmax(1) == faces.labels).mean(), abs=1e-4)
    about = json.loads(after["quantization"])
    assert about["of_sha256"] == evaluation.file_sha256(source)
    assert about["calibration_faces"] == 64
    assert set(json.loads(after["map_range"])) == {"attention", "attention_mid", "cam"}
    assert b".py" not in twin.read_bytes()


def test_the_app_opens_the_twin(files: Files) -> None:
    classifier = OnnxClassifier(files[1], "cpu")
    assert classifier.info.name == "small-int8"
    assert set(classifier.info.maps) == {"attention", "attention_mid", "cam"}
    crops = np.stack([crop_face(face, Square(0, 0, 48)) for face in files[2].pixels[:3]])
    assert len(classifier.classify(crops)) == 3


def test_a_twin_of_a_twin_and_of_a_stranger_are_refused(files: Files, tmp_path: Path) -> None:
    _, twin, faces, _ = files
    with pytest.raises(DataError, match="is an int8 file already"):
        quantize(twin, tmp_path / "again.onnx", faces, faces)
    with pytest.raises(DataError, match="There is no model"):
        quantize(tmp_path / "absent.onnx", tmp_path / "again.onnx", faces, faces)
    assert list(tmp_path.iterdir()) == []


def test_a_twin_that_says_something_else_is_not_kept(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _, faces, _ = files
    path = tmp_path / "twin.onnx"
    path.write_bytes(b"the old one")
    monkeypatch.setattr(module, "LEAST_AGREEMENT", 1.1)
    with pytest.raises(FerdeskError, match="does not bear 8 bits"):
        quantize(source, path, faces, faces)
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["twin.onnx"]


@pytest.mark.parametrize(("faces", "batches"), [(5, 1), (600, 16)])
def test_calibration_faces_are_spread_evenly(faces: int, batches: int) -> None:
    pixels = np.zeros((faces, 48, 48), np.uint8) + (np.arange(faces) % 251)[:, None, None]
    reader = module._Calibration(pixels.astype(np.uint8))
    seen = []
    while (batch := reader.get_next()) is not None:
        assert batch["faces"].dtype == np.float32
        seen.append(batch["faces"])
    assert len(seen) == batches
    shown = np.concatenate(seen)
    assert shown.shape == (min(faces, 512), 1, 48, 48)
    assert shown[0, 0, 0, 0] == 0
    assert shown[-1, 0, 0, 0] == (faces - 1) % 251
