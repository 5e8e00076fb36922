"""Sentences are strings like any other, and keep what they were made of."""

import copy
import json
import pickle

from ferdesk.errors import SourceError
from ferdesk.messages import Message, translatable


def test_a_sentence_is_a_string_with_its_gaps_filled() -> None:
    said = translatable("{path} breaks off after {seconds:.2f} s.", path="a.mp4", seconds=1.5)
    assert said == "a.mp4 breaks off after 1.50 s."
    assert json.dumps({"text": said}) == '{"text": "a.mp4 breaks off after 1.50 s."}'
    assert isinstance(str(SourceError(said)), Message)


def test_a_sentence_in_an_error_stays_one_in_another_sentence() -> None:
    inner = SourceError(translatable("There is no camera {number}.", number=3))
    outer = translatable("{why} Showing the demo.", why=inner)
    assert outer == "There is no camera 3. Showing the demo."
    assert isinstance(outer.values["why"], Message)
    assert translatable("{why}", why=ValueError("odd")).values["why"] == "odd"


def test_a_copy_of_a_sentence_is_one() -> None:
    said = translatable("{count} faces", count=2)
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert (again, again.template, again.values) == ("2 faces", "{count} faces", {"count": 2})


def test_braces_in_a_value_are_no_gaps() -> None:
    assert translatable("There is no file {path}.", path="{name}") == "There is no file {name}."
