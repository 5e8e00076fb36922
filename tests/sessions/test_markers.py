"""Marker files of stimulus and annotation programs, one small file of each kind."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ferdesk.errors import RecordingError
from ferdesk.sessions.marker_columns import Unit, Wanted
from ferdesk.sessions.markers import read_markers
from ferdesk.sessions.reader import read_session

Maker = Callable[..., Path]
Pairs = Sequence[tuple[float, str]]

BORIS = (
    "Observation id,Observation date,Description,Observation duration,Observation type,Source,"
    "Time offset (s),Coding duration,Media duration (s),FPS (frame/s),Subject,Observation duration "
    "by subject by observation,Behavior,Behavioral category,Behavior type,Time,Media file name,"
    "Image index,Image file path,Comment\n"
)
BORIS_ROW = "{id},2026-03-04,{about},3.0,Media file(s),player #1:a.mp4,0.0,0.7,3.0,30.0,No focal \
subject,3.0,{what},,{phase},{time},a.mp4,15,,\n"
ELAN = "Tier\tBegin Time - hh:mm:ss.ms\tBegin Time - msec\tEnd Time - msec\tAnnotation\n"
E_PRIME = "ExperimentName\tSubject\tSession\tCue.OnsetTime\tFace.OnsetTime\tFace.RT\tEmotion\n"
JSPSYCH = '"rt","stimulus","response","trial_type","trial_index","time_elapsed"\n'
OPENSESAME = '"count_face","face","subject_nr","time_face","time_fixation"\n'
PSYCHOPY = "face,trials.thisN,fix.started,image.started,key_resp.rt,participant,psychopyVersion,\n"


@pytest.fixture
def markers_of(make_session: Maker, tmp_path: Path) -> Callable[..., list[tuple[float, str]]]:
    """The markers of a file with that content, for a session of three seconds."""
    session = read_session(make_session([[]] * 31))

    def read(content: str | bytes, **wanted: str) -> list[tuple[float, str]]:
        path = tmp_path / "markers.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        unit = Unit(wanted.pop("unit")) if "unit" in wanted else None
        found = read_markers(path, session, wanted=Wanted(unit=unit, **wanted))
        return [(one.t_s, one.label) for one in found]

    return read


@pytest.mark.parametrize(
    ("content", "pairs"),
    [
        ("0,5;film A, sad\n1,5;film B, happy\n", [(0.5, "film A, sad"), (1.5, "film B, happy")]),
        ("0,5\tfilm A, sad\n1,5\tB; b\n", [(0.5, "film A, sad"), (1.5, "B, b")]),
        ("0.5,film A; sad\n1.5,B\n", [(0.5, "film A, sad"), (1.5, "B")]),
        ("time\tlabel\n0,5\ta, b\n1,25\tc\n", [(0.5, "a, b"), (1.25, "c")]),
        ("0.500\ta\n1,5\tb\n".replace(".", ","), [(0.5, "a"), (1.5, "b")]),
        ('time,label\n"0,5",a\n"1,25",b\n', [(0.5, "a"), (1.25, "b")]),
        ("sep=;\ntime;label\n0,5;a\n", [(0.5, "a")]),
        ('time,label\n0.5,"film\nA"\n1.5,b\n', [(0.5, "film A"), (1.5, "b")]),
        ("time,label\r\n0.5,a\u2028b\r\n1.5,c\vd\r\n", [(0.5, "a b"), (1.5, "c d")]),
        ('time\tlabel\n0.5\t"so" she said\n', [(0.5, '"so" she said')]),
        ('label\tonset\n" a\t0,5\n"b" c\t1,5\n', [(0.5, '" a'), (1.5, '"b" c')]),
        ("time,label\n0.5,测试\n".encode("utf-16"), [(0.5, "测试")]),
        ("time,label\n0.5,测试\n".encode("utf-16-le"), [(0.5, "测试")]),
        ("time,label\n0.5,测试\n".encode("utf-16-be"), [(0.5, "测试")]),
        ("\ufefftime;label\n0,5;é\n", [(0.5, "é")]),
        ("Onset (ms),Event\n1500,a\n", [(1.5, "a")]),
        ("onset\tduration\ttrial_type\tvalue\n0.5\t1\tface\t3\n", [(0.5, "face")]),
        ("1.5,=1+1\n", [(1.5, "=1+1")]),
        ("1,500;a\n", [(1.5, "a")]),
        ("time,label\n1,a\n77,b\n", [(1.0, "a"), (77.0, "b")]),
    ],
)  # fmt: skip
def test_delimiters_commas_quotes_and_encodings_are_told_apart(
    markers_of: Callable[..., Pairs], content: str | bytes, pairs: Pairs
) -> None:
    assert markers_of(content) == pairs


PROGRAMS: dict[str, tuple[str | bytes, dict[str, str], Pairs]] = {
    "BORIS, tabular": (
        BORIS
        + BORIS_ROW.format(id="o", about="session of participant 7", what="smile", phase="START",
                           time="0.5")
        + BORIS_ROW.format(id="o", about="", what="smile", phase="STOP", time="1.0")
        + BORIS_ROW.format(id="o", about="", what="frown", phase="POINT", time="1.2"),
        {}, [(0.5, "smile"), (1.0, "smile stop"), (1.2, "frown")],
    ),
    "BORIS 7, with lines above the header": (
        "Observation id\to\n\nMedia file(s)\n\n"
        "Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\t"
        "Comment\tStatus\n0.5\ta.mp4\t3\t30\t\tsmile\t\t\tPOINT\n"
        "00:00:01.200\ta.mp4\t3\t30\t\tfrown\t\t\tPOINT\n",
        {}, [(0.5, "smile"), (1.2, "frown")],
    ),
    "BORIS, aggregated": (
        "Observation id,Description,Subject,Behavior,Behavioral category,Behavior type,Start (s),"
        "Stop (s),Duration (s)\no,x,,smile,,STATE,0.5,0.9,0.4\n",
        {}, [(0.5, "smile")],
    ),
    "ELAN": (
        '"#file:///home/a, b.eaf\n' + ELAN + "words\t00:00:01.500\t1500\t2000\thello; you\n"
        "words\t00:00:00.250\t250\t900\t\"hi\" she says\n",
        {}, [(0.25, '"hi" she says'), (1.5, "hello, you")],
    ),
    "ELAN, clock times": (
        "Begin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tmouth\teyes\n"
        "00:00:01.500\t00:00:02.000\topen\t\n00:00:02.250\t00:00:02.500\t\tshut\n",
        {"label_column": "mouth"}, [(1.5, "open")],
    ),
    "ELAN in French": (
        "Temps de départ - ss.msec\tTemps de fin - ss.msec\tmots\n1.5\t2.0\tbonjour\n",
        {"time_column": "Temps de départ - ss.msec"}, [(1.5, "bonjour")],
    ),
    "ELAN without a header": (
        "words\t\t00:00:01.500\t00:00:02.000\thello\n",
        {"time_column": "3", "label_column": "5", "unit": "hms"}, [(1.5, "hello")],
    ),
    "PsychoPy": (
        PSYCHOPY + "a.png,0,0.25,0.5,0.31,7,2024.1.4,\nb.png,1,1.25,1.5,,7,2024.1.4,\n"
        ",,,,,7,2024.1.4,\n",
        {"time_column": "image.started", "label_column": "face"},
        [(0.5, "a.png"), (1.5, "b.png")],
    ),
    "E-Prime": (
        ("C:\\data\\face.edat3\r\n" + (E_PRIME + "face\t7\t1\t\t1500\t310\tsad\n"
         "face\t7\t1\t250\t\t\t\nface\t7\t1\t\t2750\t290\thappy\n").replace("\n", "\r\n"))
        .encode("utf-16"),
        {"time_column": "Face.OnsetTime", "label_column": "Emotion"},
        [(1.5, "sad"), (2.75, "happy")],
    ),
    "jsPsych": (
        JSPSYCH + '"310","a.png","{""Q0"":""no; yes, but""}","survey-text","0","1500"\n'
        '"","<p>\nhi</p>","null","html-button-response","1","2750"\n',
        {}, [(1.5, "survey-text"), (2.75, "html-button-response")],
    ),
    "OpenSesame": (
        OPENSESAME + '"0","sad","7","1500","250"\n"1","happy","7","2750","NA"\n',
        {"time_column": "time_face", "label_column": "face"}, [(1.5, "sad"), (2.75, "happy")],
    ),
    "a clock that counts": ("time,label\n01:02:03.25,a\n", {"unit": "hms"}, [(3723.25, "a")]),
    "a table of its own": (
        "trial;stim_onset;emotion;note\n1;0,5;sad;\n2;1,5;happy;x\n",
        {"time_column": "stim_onset", "label_column": "Emotion", "unit": "s"},
        [(0.5, "sad"), (1.5, "happy")],
    ),
    "cp1252": (
        "time;label\n0,5;Ärger\n".encode("cp1252"), {"encoding": "cp1252"}, [(0.5, "Ärger")],
    ),
    "GBK": ("time,label\n0.5,测试\n".encode("gbk"), {"encoding": "gbk"}, [(0.5, "测试")]),
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_tables_of_programs_give_their_times_and_labels(
    markers_of: Callable[..., Pairs], program: str
) -> None:
    content, wanted, pairs = PROGRAMS[program]
    assert markers_of(content, **wanted) == pairs


REFUSED: dict[str, tuple[str | bytes, dict[str, str], str]] = {
    "decimal comma without a header": ("0,5,film A\n1,5,film B\n", {}, "Line 1 .* no header"),
    "unquoted comma in a label": ("0.5,a\n1.5,film B, sad\n", {}, "Line 2 .* no header"),
    "whole numbers alone": ("0,5\n1,5\n", {}, "time,label"),
    "decimal comma under a header": ("time,label\n0,5,film\n", {}, "Line 2 .* more columns"),
    "two meanings of the comma": ("0,5;a\n1.5;b\n", {}, "Line 1.*'0,5' means"),
    "thousands or decimals": ("time\tlabel\n900\ta\n1,500\tb\n", {}, "Line 3.*'1,500' means"),
    "Python's numbers": ("time,label\n1_0,a\n", {}, "Line 2.*'1_0' is not a time"),
    "digits of other scripts": ("time,label\n\uff11.5,a\n", {}, "Line 2.*is not a time"),
    "infinity": ("time,label\ninf,a\n", {}, "Line 2.*is not a time"),
    "Unix time": ("time,label\n1772600767.5,a\n", {}, "Line 2.*is not a time"),
    "milliseconds under seconds": ("time,label\n500,a\n1500,b\n", {}, "--unit ms or --unit s"),
    "a clock": ("time,label\n00:00:01.5,a\n", {}, "Line 2.*--unit hms"),
    "a number among dates": ("time_utc,label\n1.5,a\n", {}, "Line 2.*is not a time"),
    "two columns of times": ("time,onset,label\n1.5,2.5,a\n", {}, "'time', 'onset'.*--time-column"),
    "no known label": ("onset,colour\n1.5,red\n", {}, "'onset', 'colour'.*--label-column"),
    "an unknown unit": (
        "stim,what\n1500,a\n", {"time_column": "stim", "label_column": "what"}, "--unit s",
    ),
    "a missing column": ("time,label\n1.5,a\n", {"time_column": "when"}, "--time-column"),
    "a number too low": ("time,label\n1.5,a\n", {"time_column": "0"}, "no column 0; it has 2"),
    "one name for two columns": (
        "time,label,label\n1.5,a,b\n", {"label_column": "label"}, "several columns label",
    ),
    "a line above the header": ("Monday\ntime,label\n1.5,a\n", {}, "'Monday'.*--time-column"),
    "a line behind Excel's": ("sep=;\ntime;label\nsoon;a\n", {}, "Line 3 of"),
    "a number too high": ("time,label\n1.5,a\n", {"time_column": "3"}, "no column 3; it has 2"),
    "an open quotation mark": ('time,label\n0.5,"a\n1.5,b\n', {}, "Line 2 .*quotation mark"),
    "an open quotation mark after a semicolon": ('1,9;"NA\n', {}, "Line 1 .*quotation mark"),
    "a label's quotation marks over lines": (
        'time;label\n0,5;"a\n1,5;b\n2,5;c"\n', {}, "line 2.*write two",
    ),
    "the same with tabs": ('label\tonset\n" a\t0,5\n"\t1,5\n', {}, "line 2.*write two"),
    "the same with the label before": (
        'label,onset\n"a,0.5\n",1.5\n', {}, "line 2.*write two",
    ),
    "a label of blank lines": ('time,label\n0.5," \n "\n', {}, "Line 2.*no time or no label"),
    "not UTF-8": ("time,label\n0.5,Ärger\n".encode("cp1252"), {}, "--encoding cp1252"),
    "an unknown encoding": ("time,label\n", {"encoding": "klingon"}, "'klingon'"),
    "a wrong encoding": ("time,label\n0.5,测\n".encode("gbk"), {"encoding": "ascii"}, "'ascii'"),
    "a spreadsheet": (b"PK\x03\x04\x14\0\x06\0", {}, "save it as CSV"),
    "nothing": (b"", {}, "no lines"),
    "no line with a time": (OPENSESAME + '"0","sad","7","NA","250"\n',
                            {"time_column": "time_face", "label_column": "face"}, "no lines"),
    "BORIS, two observations": (
        BORIS + BORIS_ROW.format(id="o", about="", what="a", phase="POINT", time="0.5")
        + BORIS_ROW.format(id="p", about="", what="b", phase="POINT", time="0.5"),
        {}, "Observation id: o, p",
    ),
    "ELAN, several tiers": (
        "Begin Time - msec\tmouth\teyes\n1500\topen\t\n", {}, "ELAN.*--label-column.*'eyes'",
    ),
    "ELAN in French": (
        "Temps de départ - ss.msec\tTemps de fin - ss.msec\tmots\n1.5\t2.0\tbonjour\n", {},
        "--time-column NAME. Times: 'Temps de départ - ss.msec', 'Temps de fin - ss.msec'",
    ),
    "ELAN, pictures": (
        "Begin Time - hh:mm:ss:ff\ttext\n00:00:01:12\ta\n",
        {"time_column": "Begin Time - hh:mm:ss:ff"}, "counts frames",
    ),
    "ELAN without a header": ("words\t\t1.5\t2.0\thello\n", {}, "--time-column NAME"),
    "PsychoPy": (PSYCHOPY + "a,0,0.25,0.5,,7,2024.1.4,\n", {},
                 "PsychoPy.*--time-column NAME --label-column NAME.*'fix.started', 'image"),
    "E-Prime": (("a.edat3\n" + E_PRIME + "f\t7\t1\t250\t500\t9\tsad\n").encode("utf-16"), {},
                "E-Prime.*'Cue.OnsetTime', 'Face.OnsetTime'"),
    "E-Prime, two people": (
        E_PRIME + "f\t7\t1\t250\t500\t9\tsad\nf\t8\t1\t250\t500\t9\tsad\n",
        {"time_column": "Face.OnsetTime", "label_column": "Emotion"}, "Subject: 7, 8",
    ),
    "E-Prime's log": ("*** Header Start ***\nSubject: 1\n".encode("utf-16"), {}, "E-DataAid"),
    "OpenSesame": (OPENSESAME + '"0","sad","7","1500","250"\n', {},
                   "OpenSesame.*'time_face', 'time_fixation'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_meant_in_two_ways_is_refused_in_one_sentence(
    markers_of: Callable[..., Pairs], case: str
) -> None:
    content, wanted, words = REFUSED[case]
    with pytest.raises(RecordingError, match=words) as caught:
        markers_of(content, **wanted)
    assert "\n" not in str(caught.value)
    assert "markers.csv" in str(caught.value)


def test_whole_seconds_within_a_long_session_are_seconds(
    make_session: Maker, tmp_path: Path
) -> None:
    session = read_session(make_session([[]] * 3, times=[0, 900, 1800]))
    path = tmp_path / "markers.csv"
    path.write_text("time,label\n0,a\n1500,b\n")
    assert [marker.t_s for marker in read_markers(path, session)] == [0.0, 1500.0]
