"""Model files: what is read from a good one, and what is said of a bad one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.networks import onnx_classifier
from ferdesk.adapters.networks.onnx_classifier import BoundRuns, OnnxClassifier
from ferdesk.errors import ModelError
from ferdesk.factory.models import find_model
from ferdesk.paths import THREADS_VARIABLE

ModelMaker = Callable[..., Path]


def test_probabilities_are_the_softmax_of_the_logits(make_model: ModelMaker) -> None:
    classifier = OnnxClassifier(make_model(), "cpu")
    crops = np.stack([np.full((48, 48), grey, np.float32) for grey in (0, 255)])
    dark, bright = classifier.classify(crops)
    np.testing.assert_allclose(dark.probabilities, 1 / 7, rtol=1e-5)
    expected = np.exp(np.arange(7)) / np.exp(np.arange(7)).sum()
    np.testing.assert_allclose(bright.probabilities, expected, rtol=1e-4)
    assert bright.probabilities.dtype == np.float32
    assert bright.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_maps_that_the_model_has_are_given_and_others_left_out(make_model: ModelMaker) -> None:
    classifier = OnnxClassifier(make_model(), "cpu")
    (expression,) = classifier.classify(np.full((1, 48, 48), 255, np.float32))
    assert set(expression.maps) == {"attention"} == set(classifier.info.maps)
    np.testing.assert_allclose(expression.maps["attention"], np.ones((6, 6)), rtol=1e-5)
    assert classifier.info.maps["attention"].stride == 8
    assert OnnxClassifier(make_model(with_map=False), "cpu").info.maps == {}


def test_the_crowd_is_given_where_the_model_has_it(make_model: ModelMaker) -> None:
    bright = np.full((1, 48, 48), 255, np.float32)
    (expression,) = OnnxClassifier(make_model(crowd_labels=7), "cpu").classify(bright)
    assert expression.crowd is not None
    np.testing.assert_allclose(expression.crowd, expression.probabilities[::-1], rtol=1e-4)
    for other in (0, 8):  # eight labels are not ours
        (expression,) = OnnxClassifier(make_model(crowd_labels=other), "cpu").classify(bright)
        assert expression.crowd is None
        assert expression.probabilities.shape == (7,)


def test_no_faces_need_no_run(make_model: ModelMaker) -> None:
    assert OnnxClassifier(make_model(), "cpu").classify(np.empty((0, 48, 48), np.float32)) == []


def test_an_int8_network_takes_one_thread_and_another_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)

    def threads(name: str) -> int:
        options = OnnxClassifier(find_model(name), "cpu")._session.get_session_options()
        return int(options.intra_op_num_threads)

    assert [threads(name) for name in ("tiny", "tiny-int8")] == [2, 1]
    monkeypatch.setenv(THREADS_VARIABLE, "3")
    assert [threads(name) for name in ("tiny", "tiny-int8")] == [3, 3]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model file .*gone\.onnx"):
        OnnxClassifier(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 500])
def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        OnnxClassifier(path, "cpu")


def test_a_model_cut_off_in_the_middle_is_refused(make_model: ModelMaker) -> None:
    path = make_model()
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(ModelError, match=r"tiny\.onnx"):
        OnnxClassifier(path, "cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"labels": None}}, "lacks the metadata labels"),
        ({"metadata": {"map_range": None, "name": None}}, "lacks the metadata name, map_range"),
        ({"metadata": {"labels": '["joy", "a", "b", "c", "d", "e", "f"]'}}, "has the labels"),
        ({"metadata": {"labels": "{"}}, "cannot be read"),
        ({"metadata": {"map_stride": "{}"}}, "cannot be read"),
        ({"metadata": {"ferdesk.schema": "9"}}, "schema 9"),
        ({"num_labels": 6}, "gives logits of shape"),
        ({"output_name": "scores"}, "no output named logits"),
        ({"input_name": "image"}, "does not take faces"),
        ({"side": 64}, "does not take faces"),
    ],
)
def test_a_model_that_breaks_the_contract_is_refused_with_what_is_wrong(
    make_model: ModelMaker, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        OnnxClassifier(make_model(**change), "cpu")


@pytest.mark.parametrize("num", [1, 3, 8, 70])
def test_runs_at_fixed_places_give_what_plain_runs_give(make_model: ModelMaker, num: int) -> None:
    # bound to the CPU's memory, as there is no GPU here
    classifier = OnnxClassifier(make_model(), "cpu")
    bound = BoundRuns(classifier._session, classifier._outputs, "cpu")
    batch = np.random.default_rng(num).uniform(0, 255, (num, 1, 48, 48)).astype(np.float32)
    plain = classifier._session.run(classifier._outputs, {"faces": batch})
    for _ in range(2):
        for got, expected in zip(bound.run(batch), plain, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_an_answer_is_not_overwritten_by_the_next(make_model: ModelMaker) -> None:
    classifier = OnnxClassifier(make_model(), "cpu")
    bound = BoundRuns(classifier._session, classifier._outputs, "cpu")
    bright = bound.run(np.full((1, 1, 48, 48), 255, np.float32))[0]
    kept = bright.copy()
    bound.run(np.zeros((1, 1, 48, 48), np.float32))
    np.testing.assert_array_equal(bright, kept)


def test_every_size_is_run_before_the_first_face(make_model: ModelMaker) -> None:
    classifier = OnnxClassifier(make_model(), "cpu")
    bound = BoundRuns(classifier._session, classifier._outputs, "cpu")
    bound.warm_up()
    assert set(bound._setups) == set(BoundRuns.SIZES)


def test_cuda_graphs_are_asked_for_and_done_without_where_the_model_does_not_allow_them(
    make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], dict[str, str] | None]] = []

    def opened(
        content: bytes, path: Path, providers: list[str], options: dict[str, str] | None = None
    ) -> str:
        asked.append((providers, options))
        if options:
            raise ModelError("not all nodes are on the GPU")
        return "session"

    monkeypatch.setattr(onnx_classifier, "_new_session", opened)
    session: object = onnx_classifier._new_cuda_session(b"", Path("x.onnx"))
    assert session == "session"
    (first, options), second = asked
    assert first[0] == "CUDAExecutionProvider"
    assert options is not None
    assert options["enable_cuda_graph"] == "1"
    assert second == (first, None)


def test_a_model_with_parts_in_other_files_is_refused(
    make_model: ModelMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    path = make_model()
    model = onnx.load(str(path))
    for name in ("weights.bin", "w" * 200):
        split = tmp_path / f"split-{len(name)}.onnx"
        onnx.save_model(
            model, str(split), save_as_external_data=True, location=name, size_threshold=0
        )
        # where it would be found, if anybody looked
        monkeypatch.chdir(tmp_path)
        model = onnx.load(str(split))
        with pytest.raises(ModelError, match="keeps parts of itself in other files"):
            OnnxClassifier(split)
    OnnxClassifier(path)


def test_metadata_that_is_no_utf_8_is_one_sentence(make_model: ModelMaker) -> None:
    path = make_model()
    content = path.read_bytes()
    assert content.count(b"architecture") == 1
    at = content.index(b"architecture") + len(b"architecture") + 2
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    with pytest.raises(ModelError, match=r"metadata of .* is no UTF-8 text"):
        OnnxClassifier(path)
