"""The card of a model file, as Markdown: what it is, how good, how it was judged, what not for.

Everything comes from the file's own metadata, the log of looks at PrivateTest, and the figures that
other commands measured on that very file. What was not measured is said to be so.
"""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.evaluate import file_sha256, open_session, wilson_interval

CLASS_COUNTS: dict[str, tuple[int, ...]] = {
    "public_test": (467, 56, 496, 895, 653, 415, 607),
    "private_test": (491, 55, 528, 879, 594, 416, 626),
}
"""Faces of each expression in the official splits, in the labels' order."""
_SPLITS = {"public_test": "PublicTest", "private_test": "PrivateTest"}
_VIEWS = {"one_crop": "one crop, as the app runs it", "ten_crop": "ten crops"}
_NOT_MEASURED = "Not measured on this file yet"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model file."""

    file: str
    sha256: str
    size_bytes: int
    gmacs: float
    metadata: Mapping[str, str]
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name, the sections that were measured on this file."""
    looks: Sequence[Mapping[str, Any]] = ()
    """Lines of the log of PrivateTest that are about this file."""


def facts_of(
    model: Path, figures: Mapping[str, Mapping[str, Any]], log: Path | None = None
) -> Facts:
    """Read what ``model`` says of itself, and what the log says of it.

    Raises:
        DataError: it is no model that ``ferdesk-train export`` wrote.
    """
    metadata = dict(open_session(model).get_modelmeta().custom_metadata_map)
    if metadata.get("ferdesk.schema") != "1" or "accuracy" not in metadata:
        raise DataError(f"{model} was not made by ferdesk-train export; give a file that was.")
    sha256 = file_sha256(model)
    return Facts(
        model.name, sha256, model.stat().st_size, count_macs(model) / 1e9, metadata, figures,
        _looks(log, sha256),
    )  # fmt: skip


def count_macs(model: Path) -> int:
    """Multiplications with addition for one face: those of convolutions and matrix products.

    Raises:
        DataError: the graph's shapes cannot be told.
    """
    import onnx
    from onnx import numpy_helper, shape_inference

    graph = onnx.load(model)
    for value in graph.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in (*graph.graph.output, *graph.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_value = 1
    inferred = shape_inference.infer_shapes(graph, data_prop=True).graph
    shapes = {
        tensor.name: list(numpy_helper.to_array(tensor).shape) for tensor in inferred.initializer
    }
    for value in (*inferred.input, *inferred.output, *inferred.value_info):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    total = 0
    for node in inferred.node:
        if node.op_type == "Conv":
            kernel, out = shapes.get(node.input[1]), shapes.get(node.output[0])
            if not kernel or not out or 0 in out:
                raise DataError(f"{model}: the shapes of its convolutions cannot be told.")
            _, channels, *window = kernel
            work = channels
            for size in (*window, *out[1:]):
                work *= size
            total += work
        elif node.op_type in ("Gemm", "MatMul"):
            kernel = shapes.get(node.input[1])
            if kernel and len(kernel) == 2:
                total += kernel[0] * kernel[1]
    return total


def _looks(log: Path | None, sha256: str) -> list[Mapping[str, Any]]:
    """The log's lines about this file, also from before notes were taken out of it."""
    if log is None or not log.is_file():
        return []
    try:
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(f"{log} has a line that is not JSON: {error}.") from error
    same = {sha256}
    for line in reversed(lines):
        if line.get("sha256") in same and "sha256_before" in line:
            same.add(line["sha256_before"])
    return [line for line in lines if line.get("sha256") in same and "scores" in line]


def write_card(facts: Facts) -> str:
    """The card's text."""
    parts = [
        _head(facts), _uses(), _data(facts), _accuracy(facts), _per_class(facts),
        _calibration(facts), _crowd(facts), _robustness(facts), _steadiness(facts), _live(facts),
        _jaffe(facts), _speed(facts), _limits(facts), _licence(facts), _sources(facts),
    ]  # fmt: skip
    return "\n\n".join(_wrapped(part) for part in parts if part) + "\n"


def _wrapped(text: str) -> str:
    """Prose in lines of the usual length; tables and headings stay as they are."""
    lines = []
    for line in text.split("\n"):
        if line.startswith(("|", "#")):
            lines.append(line)
        else:
            indent = "  " if line.startswith("- ") else ""
            # a number stays with its percent sign
            lines += textwrap.wrap(
                line.replace(" %", "\0%"), 120, subsequent_indent=indent,
                break_long_words=False, break_on_hyphens=False,
            ) or [""]  # fmt: skip
    return "\n".join(lines).replace("\0%", " %")


def _head(facts: Facts) -> str:
    meta = facts.metadata
    rows = [
        ["Version", f"{meta['version']}, written {meta.get('created_utc', 'unknown')[:10]}"],
        ["Network", meta["architecture"]],
        ["Work for one face", f"{facts.gmacs:.2f} GMAC"],
        ["File", f"`{facts.file}`, {facts.size_bytes / 1e6:.1f} MB, {_weights(meta)}"],
        ["SHA-256", f"`{facts.sha256}`"],
        ["Trained by commit", f"`{meta.get('commit', 'unknown')}`"],
    ]
    return (
        f"# {meta['name']}\n\nOne of seven expressions for a grey face of 48x48 pixels, with maps "
        "of "
        "where the network looked.\n\n" + _table(["", ""], rows)
    )


def _weights(meta: Mapping[str, str]) -> str:
    if "quantization" not in meta:
        return "weights stored as float16, computed in float32"
    about = json.loads(meta["quantization"])
    return (
        f"weights {about['weights']}, activations {about['activations']}, the twin of "
        f"`{about['of']}`, with which it agrees on {100 * about['agreement']:.1f} % of PublicTest"
    )


def _uses() -> str:
    return (
        "## What it is for, and what not\n\n"
        "It is for showing and recording which expression a face *shows*, in research, teaching "
        "and "
        "play, with the consent of the people. A label is the word that strangers would give to a "
        "picture; it is no proof that its owner feels it.\n\n"
        "It is **not** for decisions about people: not for hiring, policing, border control, "
        "medicine, credit, school marks or the watching of workers, students or children, and not "
        "for finding out who lies. In the European Union, inferring emotions at work and in "
        "education is forbidden (AI Act, article 5(1)(f)), and elsewhere people must be told "
        "(article 50(3))."
    )


def _data(facts: Facts) -> str:
    return (
        "## Data and protocol\n\n"
        f"{facts.metadata['trained_on']}. FER2013's own Usage column splits it: Training (28,709 "
        "faces) is trained on; PublicTest (3,589) chooses, fits the temperature and gives the "
        "maps' "
        "display range; PrivateTest (3,589) is looked at once for each shipped version, and each "
        "look is logged. No other faces and no pre-trained weights were used. All figures are "
        "measured on this very file, through ONNX Runtime.\n\n" + _looked(facts)
    )


def _looked(facts: Facts) -> str:
    if not facts.looks:
        return "PrivateTest was not looked at by this file."
    told = "; ".join(
        f"{look['date'][:10]} by `{look['what']}`, commit `{look.get('commit', 'unknown')}`"
        for look in facts.looks
    )
    return f"Looks at PrivateTest by these weights: {told}."


def _accuracy(facts: Facts) -> str:
    rows = []
    for split, by_views in _figures(facts).items():
        for views, found in by_views.items():
            rows.append(
                [
                    _SPLITS.get(split, split), _VIEWS.get(views, views),
                    _with_interval(found["accuracy"], found["interval"]),
                    f"{100 * found['macro_recall']:.1f} %", f"{found['ece']:.3f}",
                    f"{found['nll']:.3f}", str(found["num_faces"]),
                ]
            )  # fmt: skip
    head = [
        "Test", "views", "accuracy (95 %)", "mean recall", "calibration error", "NLL", "faces",
    ]  # fmt: skip
    text = "## Accuracy\n\n" + _table(head, rows)
    return text + (
        "\n\nFor comparison: people agree with FER2013's labels in about 65 % of cases (Goodfellow "
        "et al., 2013); the paper that the network follows reports 73.5 % on PrivateTest by ten "
        "crops. Differences below the width of an interval are noise."
    )


def _figures(facts: Facts) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(facts.metadata["accuracy"])
    except ValueError as error:
        raise DataError(f"{facts.file} has figures that cannot be read; export again.") from error
    return found


def _per_class(facts: Facts) -> str:
    figures = _figures(facts)
    split = "private_test" if "private_test" in figures else next(iter(figures), None)
    if split is None or "one_crop" not in figures[split]:
        return ""
    found = figures[split]["one_crop"]
    counts = CLASS_COUNTS.get(split, ())
    official = sum(counts) == found["num_faces"]
    rows = []
    for k, label in enumerate(LABELS):
        recall = found["recall"].get(label)
        if recall is None:
            rows.append([label, "-", ""])
        elif official:
            interval = wilson_interval(round(recall * counts[k]), counts[k])
            rows.append([label, _with_interval(recall, interval), str(counts[k])])
        else:
            rows.append([label, f"{100 * recall:.1f} %", ""])
    return (
        f"## Each expression\n\nRecall on {_SPLITS.get(split, split)}, one crop: of the faces with "
        "this label, how many are named so.\n\n"
        + _table(["expression", "recall (95 %)", "faces"], rows)
    )


def _calibration(facts: Facts) -> str:
    return (
        "## Calibration\n\n"
        f"One temperature ({float(facts.metadata['temperature']):.3f}), fitted on PublicTest by "
        "one "
        "crop, is inside the file. The calibration error above (ECE, 15 bins of equal width) is "
        "the "
        "mean distance between how sure the file says to be and how often it is right. Below the "
        'app\'s bound it says "unsure" (docs/uncertain.md).'
    )


def _crowd(facts: Facts) -> str:
    """What the second head says, judged by the people who voted; nothing where there is none."""
    if "crowd_accuracy" not in facts.metadata:
        return ""
    try:
        found: dict[str, dict[str, Any]] = json.loads(facts.metadata["crowd_accuracy"])
    except ValueError as error:
        raise DataError(f"{facts.file} has figures that cannot be read; export again.") from error
    rows, recalls = [], []
    heads = {"crowd": "`crowd`", "labels": "`logits`"}
    for split, by_head in found.items():
        for head, said in heads.items():
            scores = by_head[head]
            rows.append(
                [
                    _SPLITS.get(split, split), said,
                    _with_interval(scores["plurality"], scores["plurality_interval"]),
                    _with_interval(scores["strict"], scores["strict_interval"]),
                    f"{100 * scores['top2']:.1f} %", f"{scores['kl']:.3f}",
                    f"{scores['cosine']:.3f}", f"{scores['ece']:.3f}",
                ]
            )  # fmt: skip
            told = (
                "-" if scores["recall"][label] is None else f"{100 * scores['recall'][label]:.1f}"
                for label in LABELS
            )
            recalls.append([_SPLITS.get(split, split), said, *told])
    text = (
        "## How people would vote\n\nThe second output, `crowd`, was taught and is judged by FER+: "
        f"ten people's votes for each face ({facts.metadata['crowd_trained_on']}). Votes for "
        "contempt, unknown and no face are left out, the others shared among the seven labels. One "
        f"temperature of its own ({float(facts.metadata['crowd_temperature']):.3f}), fitted on "
        "PublicTest's single votes, is inside the file. Figures by one crop: agreement with what "
        "most voters saw, where that is one of the seven and no tie, and where it is more than "
        "half of all voters; top 2; KL divergence from the votes and cosine to them over all faces "
        "with votes; calibration error against single votes."
    )
    if not rows:
        return f"{text}\n\n{_NOT_MEASURED} (`ferdesk-train quantize --ferplus`)."
    columns = [
        "Test", "output", "plurality (95 %)", "strict majority (95 %)", "top 2", "KL", "cosine",
        "calibration error",
    ]  # fmt: skip
    return f"{text}\n\n{_table(columns, rows)}\n\nRecall by plurality, %:\n\n" + _table(
        ["Test", "output", *LABELS], recalls
    )


def _robustness(facts: Facts) -> str:
    found = facts.figures.get("robustness")
    if found is None:
        return f"## Worse pictures\n\n{_NOT_MEASURED} (`ferdesk-train robustness`)."
    rows = []
    for way in found["ways"]:
        cells = [
            f"{row['strength']:g}: {100 * row['accuracy']:.1f} % ({100 * row['change']:+.1f})"
            for row in way["strengths"]
        ]
        rows.append([way["way"], way["strength_is"], *cells])
    clean = found["clean"]
    return (
        f"## Worse pictures\n\n{_faces(found['num_faces'])}, one crop, the network alone; "
        f"{_with_interval(clean['accuracy'], clean['interval'])} as they are. In brackets the "
        "change in points.\n\n" + _table(["", "strength", "weak", "middle", "strong"], rows)
    )


def _faces(number: int) -> str:
    whole = number == sum(CLASS_COUNTS["public_test"])
    return "All of PublicTest" if whole else f"{number} PublicTest faces, evenly spread"


def _steadiness(facts: Facts) -> str:
    found = facts.figures.get("steadiness")
    if found is None:
        return f"## Steadiness\n\n{_NOT_MEASURED} (`ferdesk-train robustness`)."
    moving, jumping = found["moving"], found["jumping"]
    return (
        f"## Steadiness\n\nThe crop of a still face moves by up to {100 * found['shift']:.0f} % of "
        "its "
        f"side, {100 * found['scale']:.0f} % in scale and {found['rotation_deg']:.0f} degrees "
        f"({found['num_faces']} PublicTest faces, {found['num_frames']} frames each). Swinging "
        "with "
        f"periods of 1 to 3 s at {found['frames_per_s']:.0f} frames a second, the raw label "
        "changes "
        f"in {_with_interval(moving['changes'], moving['interval'])} of the frames, and never on "
        f"{100 * moving['never']:.0f} % of the faces. Where each frame's place is drawn anew, as "
        "if "
        f"boxes were noise: {_with_interval(jumping['changes'], jumping['interval'])}. "
        f"{_steady_crowd(found)}The app smooths over time, which these figures leave out."
    )


def _steady_crowd(found: Mapping[str, Any]) -> str:
    """How often the second output's label changes on the same faces, where there is one."""
    if "crowd" not in found:
        return ""
    moving, jumping = found["crowd"]["moving"], found["crowd"]["jumping"]
    return (
        f"By `crowd` it changes in {_with_interval(moving['changes'], moving['interval'])} and "
        f"{_with_interval(jumping['changes'], jumping['interval'])}. "
    )


def _live(facts: Facts) -> str:
    found = facts.figures.get("live_gap")
    if found is None:
        return (
            f"## On the way from the camera\n\n{_NOT_MEASURED} "
            "(`python benchmarks/framing.py --out FIGURES`)."
        )
    rows = [
        [
            row["search"], f"{row['num_faces']}", _with_interval(row["found"], row["interval"]),
            f"{100 * row['accuracy_through_app']:.1f} %",
            f"{100 * row['accuracy_directly']:.1f} %",
            f"{100 * (row['accuracy_through_app'] - row['accuracy_directly']):+.1f}",
        ]
        for row in found["rows"]
    ]  # fmt: skip
    head = [
        "searched", "PublicTest faces", "found (95 %)", "right of those, through the app",
        "right of those, directly", "points",
    ]  # fmt: skip
    return (
        "## On the way from the camera\n\nFaces enlarged to 200 pixels and set into 640x480 "
        "pictures, then found, cut out and judged by the app's own pipeline; beside the same faces "
        "given to the file directly.\n\n" + _table(head, rows)
    )


def _jaffe(facts: Facts) -> str:
    found = facts.figures.get("jaffe")
    if found is None:
        return f"## JAFFE\n\n{_NOT_MEASURED} (`python benchmarks/portraits.py --jaffe JAFFE`)."
    recalls = ", ".join(
        f"{label} {100 * share:.0f}"
        for label, share in found["recall"].items()
        if share is not None
    )
    return (
        f"## JAFFE\n\nNever trained on: all {found['num_pictures']} whole portraits through the "
        "app's "
        f"pipeline, one crop. Found {found['found']}; right of the found ones "
        f"{_with_interval(found['accuracy'], found['interval'])}. Recalls: {recalls} %. JAFFE "
        "shows "
        "posed expressions of ten Japanese women; FER2013's people and labels differ much from "
        f"them.{_jaffe_crowd(found)}"
    )


def _jaffe_crowd(found: Mapping[str, Any]) -> str:
    """What the second output says of the same portraits, where there is one."""
    crowd = found.get("crowd")
    if crowd is None:
        return ""
    recalls = ", ".join(
        f"{label} {100 * share:.0f}"
        for label, share in crowd["recall"].items()
        if share is not None
    )
    return (
        f" By `crowd` {_with_interval(crowd['accuracy'], crowd['interval'])} of the found ones are "
        f"right; recalls: {recalls} %."
    )


def _speed(facts: Facts) -> str:
    found = facts.figures.get("speed")
    if found is None:
        return ""
    rows = [
        [f"{row['num_faces']}", f"{row['median_ms']:.1f}", f"{row['least_ms']:.1f}"]
        for row in found["rows"]
    ]
    return (
        f"## Speed\n\n{found['machine']}, by the app's classifier on the CPU, {found['runs']} runs "
        "beside other work.\n\n" + _table(["faces at once", "median, ms", "least, ms"], rows)
    )


def _limits(facts: Facts) -> str:
    return (
        "## Limits\n\n"
        "- FER2013's labels are keywords of a web search, noisy and unbalanced; fear and sadness "
        "are "
        "missed most, disgust has so few faces that its figures say little.\n"
        "- Profiles, faces turned or tilted far, covered mouths, glare and children were hardly "
        "seen. The app does not judge faces that are too small, dark, blurred or turned.\n"
        "- How well it does for people of different age, skin or sex was not measured: FER2013 "
        "does "
        "not say who is shown. Expect it to be worse for those who are rare in web pictures.\n"
        "- The attention maps are masks that the network lays over its own features; they do not "
        "explain a label."
    )


def _licence(facts: Facts) -> str:
    return f"## Licence\n\n{facts.metadata['licence']}."


def _sources(facts: Facts) -> str:
    names: dict[str, list[str]] = {}
    for name, found in facts.figures.items():
        told = (
            f"`{found['command']}`, {found['date'][:10]}, commit `{found['commit']}`, "
            f"{found['machine']}"
        )
        names.setdefault(told, []).append(name.replace("_", " "))
    lines = [f"- {', '.join(sections)}: {told}" for told, sections in names.items()]
    return "## Where the figures come from\n\n" + "\n".join(
        ["- accuracy, each expression: inside the file, by `ferdesk-train export`", *lines]
    )


def _with_interval(share: float, interval: Sequence[float]) -> str:
    low, high = interval
    return f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
