"""Invariants of a recording: all that was given is in it, in order, whatever came between."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ferdesk.adapters.outputs.session_writer import SessionWriter
from ferdesk.sessions.catalogue import entry_of
from ferdesk.sessions.markers import clean_label
from ferdesk.sessions.reader import problems_of, read_session
from tests.adapters.test_session_writer import header, new_folder
from tests.helpers.results import faces, make_result
from tests.helpers.strategies import TEXTS, fresh_folder

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.integers(0, 3), st.integers(1, 5), st.floats(1e-4, 7.0)),
        st.tuples(st.just("mark"), TEXTS, st.floats(0.0, 3.0)),
        st.tuples(st.just("event"), TEXTS, st.floats(0.0, 3.0)),
    ),
    max_size=25,
)


@settings(max_examples=30)
@given(STEPS, st.booleans())
def test_every_frame_marker_and_event_is_in_the_session(
    steps: list[tuple[Any, ...]], live: bool
) -> None:
    now_s, index, first = 1000.0, 17, None
    rows, marks, events = [], [], []
    with fresh_folder() as root:
        writer = SessionWriter(
            new_folder(root), header(), live=live, lossless=not live, clock=lambda: now_s
        )
        for kind, what, *rest in steps:
            if kind == "frame":
                index += rest[0]
                now_s += rest[1]
                first = (index, now_s) if first is None else first
                result = make_result(
                    *faces(what), index=index, t_s=now_s - first[1], captured_s=now_s
                )
                writer.add(result)
                number = index - first[0] if live else index
                rows += [(number, face.face_id) for face in result.faces] or [(number, 0)]
            elif kind == "mark":
                writer.mark(what, now_s - rest[0])
                marks.append(clean_label(what))
            else:
                writer.note_event("tried", what, now_s - rest[0])
                events.append(what)
        writer.close()
        session = read_session(root / "s")
        assert problems_of(session) == []
        table = session.table
        assert list(zip(table.frame.tolist(), table.face_id.tolist(), strict=True)) == rows
        assert (table.t_s[1:] >= table.t_s[:-1]).all()
        assert sorted(marker.label for marker in session.markers) == sorted(marks)
        assert all(marker.t_s >= 0 for marker in session.markers)
        assert [event["text"] for event in session.about["events"]] == events
        assert entry_of(root / "s").num_rows == len(rows)
        # in the rows, each marker stands once, in a frame after it
        after = [label for _, text in table.markers for label in text.split(";")]
        assert [label for label in after if label] == [m for m in marks if m][: len(after)]
