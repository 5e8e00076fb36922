"""The study file: what it may say, and one sentence for each mistake in it."""

from pathlib import Path

import pytest

from ferdesk.errors import StudyError
from ferdesk.studies.study_file import Question, read_study
from tests.studies.conftest import StudyMaker

WHOLE = """
[study]
name = "Water and wood"
version = "2"
order = "latin square"
instructions = "Look at the pictures."
thanks = "Thank you."
conditions = ["morning", "evening"]
fixation_s = 0.75
show_labels = true

[baseline]
duration_s = 20
text = "Look at the cross."
neutral = true

[[fields]]
id = "age"
label = "Age in years"
kind = "number"
required = true

[[fields]]
id = "hand"
kind = "choice"
choices = ["left", "right"]

[[stimuli]]
id = "lake"
kind = "image"
file = "lake.png"
duration_s = 5
condition = "water"

[[stimuli.questions]]
id = "calm"
text = "How calm is it?"
kind = "scale"
lowest = 1
highest = 9
lowest_label = "not at all"
highest_label = "very"

[[stimuli]]
id = "rest"
kind = "pause"
duration_s = 2.5

[[stimuli]]
id = "waves"
kind = "video"
file = "waves.mp4"
fixation_s = 0
sound = false

[[stimuli]]
id = "words"
kind = "text"
text = "The rain."

[[questions]]
id = "known"
text = "Did you know it?"
kind = "buttons"
buttons = ["Yes", "No"]
"""


def test_a_study_is_read_as_it_was_written(make_study: StudyMaker) -> None:
    folder = make_study(WHOLE)
    study = read_study(folder)
    assert (study.name, study.version, study.order) == ("Water and wood", "2", "latin square")
    assert (study.instructions, study.thanks) == ("Look at the pictures.", "Thank you.")
    assert study.conditions == ("morning", "evening")
    assert (study.show_face, study.show_labels) == (False, True)
    assert study.baseline is not None
    assert (study.baseline.duration_s, study.baseline.neutral) == (20.0, True)
    age, hand = study.fields
    assert (age.label, age.kind, age.required) == ("Age in years", "number", True)
    assert (hand.label, hand.choices, hand.required) == ("hand", ("left", "right"), False)
    lake, rest, waves, words = study.stimuli
    assert lake.file == (folder / "lake.png").resolve()
    assert (lake.duration_s, lake.fixation_s, lake.condition) == (5.0, 0.75, "water")
    assert (waves.duration_s, waves.fixation_s, waves.sound, waves.stays) == (None, 0, False, False)
    assert (rest.duration_s, rest.fixation_s, rest.stays, rest.questions) == (2.5, 0, True, ())
    assert (words.text, words.duration_s) == ("The rain.", None)
    assert len(study.sha256) == 64


def test_a_stimulus_has_its_own_questions_or_those_of_all(make_study: StudyMaker) -> None:
    lake, _, waves, _ = read_study(make_study(WHOLE)).stimuli
    assert lake.questions == (
        Question("calm", "How calm is it?", "scale", (), 1, 9, "not at all", "very"),
    )
    assert waves.questions == (Question("known", "Did you know it?", "buttons", ("Yes", "No")),)


def test_the_path_of_the_file_itself_will_do(make_study: StudyMaker) -> None:
    assert read_study(make_study(WHOLE) / "study.toml").name == "Water and wood"


LAKE = '[study]\nname = "n"\n[[stimuli]]\nid = "lake"\nkind = "image"\nfile = "lake.png"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[study]\nname = "n"\n', "there is no stimulus; add a table [[stimuli]]."),
        ('[[stimuli]]\nid = "a"\n', "the table [study] is missing."),
        ("[study\n", "is not TOML"),
        (LAKE, "[[stimuli]] lake: the key 'duration_s' is missing."),
        (LAKE + "duration_s = 0\n", "duration_s must be a number from 0.01 to 3600, not 0."),
        (LAKE + f"duration_s = 1{400 * '0'}\n", "duration_s must be a number from 0.01 to 3600"),
        (LAKE.replace('name = "n"', 'name = " "') + "duration_s = 1\n", "name must be a text of 1"),
        (LAKE.replace('id = "lake"', 'id = "Baseline"') + "duration_s = 1\n",
         "the id 'baseline' is that of the baseline phase."),
        ("[baseline]\nduration_s = 3\nneutral = true\n" + LAKE + "duration_s = 1\n",
         "[baseline]: neutral needs a duration_s of 4 at least."),
        (LAKE + "duration_s = 5000000\n", "a number from 0.01 to 3600, not 5000000."),
        (LAKE + "duration_s = nan\n", "a number from 0.01 to 3600, not nan."),
        (LAKE + "duration_s = true\n", "a number from 0.01 to 3600, not True."),
        (LAKE + 'duration_s = "5"\n', "not '5'."),
        (LAKE + "duration_s = 5\nduratoin = 3\n", "there is no key 'duratoin'; known are"),
        (LAKE.replace("lake.png", "sea.png"), "there is no file 'sea.png' in the study's folder."),
        (LAKE.replace("lake.png", "../study.png"), "lies outside of the study's folder"),
        (LAKE.replace("lake.png", "/etc/passwd"), "lies outside of the study's folder"),
        (LAKE.replace("lake.png", "waves.mp4"), "'waves.mp4' is empty or no picture"),
        (LAKE.replace('kind = "image"', 'kind = "smell"'), "one of video, image, text, pause"),
        (LAKE.replace('id = "lake"', 'id = "a lake"'), "id must be letters"),
        (LAKE + "duration_s = 1\n" + LAKE.partition("\n[[")[2].join(["[[", "duration_s = 1\n"]),
         "the id 'lake' stands twice among [[stimuli]]."),
        (LAKE.replace('name = "n"', 'name = "n"\norder = "any"'), "one of fixed, random, latin"),
        (LAKE.replace('name = "n"', 'name = "n"\nseed = 3'), "[study]: there is no key 'seed'"),
        ('[[fields]]\nid = "hand"\nkind = "choice"\nchoices = []\n' + LAKE + "duration_s = 1\n",
         "[[fields]] hand: choices must be a list of texts that differ"),
        ('[[fields]]\nid = "hand"\nkind = "choice"\nchoices = ["left", "left "]\n' + LAKE
         + "duration_s = 1\n", "choices must be a list of texts that differ"),
        ("baseline = 3\n" + LAKE + "duration_s = 1\n", "baseline must be a table, as in"),
        ("[baseline]\nduration_s = 0.2\n" + LAKE + "duration_s = 1\n", "[baseline]: duration_s"),
        (LAKE + 'duration_s = 1\n[[questions]]\nid = "q"\ntext = "?"\nkind = "scale"\nlowest = 7\n',
         "[[questions]] q: highest must be greater than lowest"),
        (LAKE + 'duration_s = 1\n[[questions]]\nid = "q"\ntext = "?"\nkind = "buttons"\n'
         'buttons = ["yes"]\n', "buttons must be 2 to 9 texts."),
        (LAKE + 'duration_s = 1\n[[fields]]\nid = "a"\nkind = "choice"\n',
         "[[fields]] a: the key 'choices' is missing."),
    ],
)  # fmt: skip
def test_each_mistake_is_one_sentence_with_its_place(
    make_study: StudyMaker, text: str, sentence: str
) -> None:
    folder = make_study(text)
    with pytest.raises(StudyError) as caught:
        read_study(folder)
    said = str(caught.value)
    assert sentence in said
    assert str(folder / "study.toml") in said
    assert "\n" not in said


def test_a_link_that_leaves_the_folder_is_refused(make_study: StudyMaker, tmp_path: Path) -> None:
    folder = make_study(LAKE + "duration_s = 1\n")
    (tmp_path / "elsewhere.png").write_bytes((folder / "lake.png").read_bytes())
    (folder / "lake.png").unlink()
    (folder / "lake.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(StudyError, match="outside"):
        read_study(folder)


def test_links_in_a_circle_are_one_sentence(make_study: StudyMaker) -> None:
    folder = make_study(LAKE + "duration_s = 1\n")
    (folder / "lake.png").unlink()
    (folder / "lake.png").symlink_to(folder / "sea.png")
    (folder / "sea.png").symlink_to(folder / "lake.png")
    with pytest.raises(StudyError, match=r"lake\.png"):
        read_study(folder)


def test_a_folder_without_a_study_says_what_a_study_is(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"A study is a folder with a study\.toml"):
        read_study(tmp_path)
