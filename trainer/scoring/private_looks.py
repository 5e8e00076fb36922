"""Looks at PrivateTest: the log of them, and the refusal of a second one by the same network."""

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.errors import DataError
from ferdesk.paths import models_folder
from trainer.scoring.evaluate import file_sha256


def private_log(checkout: Path) -> Path:
    """Path of the log of evaluations on PrivateTest: in the checkout, else in this folder.

    The variable FERDESK_PRIVATE_LOG overrules it, for a copy of a checkout that is thrown away.
    """
    if told := os.environ.get("FERDESK_PRIVATE_LOG", "").strip():
        return Path(told)
    if (checkout / "pyproject.toml").is_file():
        return checkout / "docs" / "results" / "private-test-log.jsonl"
    return Path("ferdesk-private-test-log.jsonl")


PRIVATE_LOG = private_log(Path(__file__).parents[2])


def log_private(entry: dict[str, object], log: Path | None = None) -> None:
    """Log one evaluation on PrivateTest: what was measured, when, on which file."""
    stamped = {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **entry}
    log = log or PRIVATE_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(stamped) + "\n")


def network_sha256(path: Path) -> str:
    """SHA-256 of an exported file's weights, whatever name, metadata and order it has them in.

    Weights stored as float16 count as the float32 that they stand for.

    Raises:
        DataError: the file is missing or broken.
    """
    import onnx

    try:
        tensors = onnx.load(path).graph.initializer
        arrays = [onnx.numpy_helper.to_array(tensor) for tensor in tensors]
    except Exception as error:  # onnx's and protobuf's classes share no base of their own
        raise DataError(
            f"{path} cannot be opened as an ONNX model; it may be cut off. Export it again."
        ) from error
    digests = []
    for array in arrays:
        if array.size > 1:
            wide = array.astype(np.float32) if array.dtype == np.float16 else array
            about = f"{wide.dtype} {wide.shape}\n".encode()
            digests.append(hashlib.sha256(about + wide.tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def refuse_second_look(
    name: str, version: str, log: Path | None = None, *, weights_sha256: str = ""
) -> None:
    """Refusal of a second evaluation on PrivateTest by the same version of a model.

    Lines of the log that tell no version are of version 1, lines without scores of no look. The
    same weights, where they are known, are the same model under whatever name and version.

    Raises:
        DataError: the log has such a look already.
    """
    log = log or PRIVATE_LOG
    for look in _looks(log):
        told = (Path(look.get("file", "")).stem, look.get("version", "1"))
        if weights_sha256 and look.get("weights_sha256") == weights_sha256:
            raise DataError(
                f"PrivateTest was looked at with these very weights on {str(look.get('date'))[:10]}"
                f", as {told[0]}, version {told[1]} ({log}); once is allowed. Export without "
                "--final; another name makes no other network."
            )
        if told == (name, version):
            raise DataError(
                f"PrivateTest was looked at by {name}, version {version}, on "
                f"{str(look.get('date'))[:10]} ({log}); once is allowed. Export without --final, "
                "or give a network that was trained anew another --model-version."
            )


def refuse_second_look_by_file(
    path: Path, weights_sha256: str | None, log: Path | None = None, *, what: str = ""
) -> None:
    """Refusal of a second evaluation on PrivateTest by the same file or the same weights.

    An exported file is known by its weights too, so that one that was saved anew is the same; so
    are the bundled files, whose looks may tell their own hash alone. ``what``: only looks by that
    command count.

    Raises:
        DataError: the log has such a look already.
    """
    log = log or PRIVATE_LOG
    own = {file_sha256(path), weights_sha256}
    if path.suffix == ".onnx":
        network = network_sha256(path)
        own |= {network} | {
            file_sha256(bundled)
            for bundled in models_folder().glob("*.onnx")
            if network_sha256(bundled) == network
        }
    for look in _looks(log):
        told = {look.get(key) for key in ("sha256", "weights_sha256", "network_sha256")} - {None}
        if told & own and (not what or look.get("what") == what):
            raise DataError(
                f"PrivateTest was looked at with the weights of {path.name} on "
                f"{str(look.get('date'))[:10]} by {look.get('what')}; once is allowed, and its "
                f"scores are in {log}."
            )


def refuse_second_look_by_twin(source: Path, log: Path | None = None) -> None:
    """Refusal of a second evaluation on PrivateTest by an int8 twin of the same network.

    Raises:
        DataError: the log has a look by such a twin already.
    """
    log = log or PRIVATE_LOG
    network = network_sha256(source)
    twins = {
        file_sha256(twin)
        for twin in models_folder().glob("*-int8.onnx")
        if (bundled := twin.with_name(twin.name.replace("-int8", ""))).is_file()
        and network_sha256(bundled) == network
    }
    for look in _looks(log):
        if look.get("of_network_sha256") == network or look.get("sha256") in twins:
            raise DataError(
                f"PrivateTest was looked at by an int8 twin of {source.name} on "
                f"{str(look.get('date'))[:10]} ({log}); once is allowed. Quantise without --final."
            )


def _looks(log: Path) -> Iterator[dict[str, Any]]:
    """Looks at PrivateTest that the log tells of; lines without scores are none."""
    try:
        lines = log.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return
    yield from (look for look in map(json.loads, lines) if "scores" in look)
