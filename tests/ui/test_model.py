"""The model is measured once on each computer, remembered, and can be locked for a study."""

from collections.abc import Callable

import pytest

from ferdesk.factory.models import bundled_models, find_model, quick_model
from ferdesk.factory.services import WindowServices
from ferdesk.runtime.model_choice import Candidate
from ferdesk.runtime.status import State, Status
from ferdesk.settings import Settings
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeClassifier, FakeServices

MakeWindow = Callable[..., MainWindow]
HERE = "this computer, these models"


def chosen(reason: str = "Using full (6 ms for 1 face).") -> Status:
    return Status(State.RUNNING, model=FakeClassifier().info, model_choice=reason)


def entries(window: MainWindow) -> dict[str, bool]:
    menu = window.live_page.status_line.model.menu()
    return {action.text(): action.isEnabled() for action in menu.actions() if action.text()}


def test_what_was_measured_is_kept_and_used_the_next_time(
    make_window: MakeWindow, services: FakeServices
) -> None:
    window = make_window()
    assert services.measured_models[-1] == ""
    window.live.status.emit(chosen())
    settings = window.store.settings
    assert (settings.measured_model, settings.measured_for) == ("full", HERE)
    assert services.measured_models[-1] == "full"
    window.end()
    make_window(settings)
    assert services.measured_models[-1] == "full"


@pytest.mark.parametrize("measured_for", ["another computer", ""])
def test_other_models_or_another_computer_are_measured_anew(
    make_window: MakeWindow, services: FakeServices, measured_for: str
) -> None:
    make_window(Settings(measured_model="full", measured_for=measured_for))
    assert services.measured_models[-1] == ""


def test_it_is_measured_again_on_request_only(
    make_window: MakeWindow, services: FakeServices
) -> None:
    window = make_window(Settings(measured_model="full", measured_for=HERE))
    menu = window.live_page.status_line.model.menu()
    again = next(a for a in menu.actions() if a.text() == "Measure speed again")
    again.trigger()
    assert services.measured_models[-1] == ""
    assert window.store.settings.measured_model == ""


def test_a_locked_model_is_the_one_that_runs_and_cannot_be_changed(
    make_window: MakeWindow, services: FakeServices
) -> None:
    window = make_window()
    window.live.status.emit(chosen())
    window.choose_settings(0)
    dialog = window.preferences.dialog
    assert dialog is not None
    dialog.editors["lock_model"].click()  # type: ignore[attr-defined]
    assert window.store.settings.model == "full"
    assert services.wanted_models == ["full"]
    assert services.opened == []
    for name in ("model", "provider"):
        assert not dialog.editors[name].isEnabled()
    assert not any(entries(window).values())
    window.live_page.models.choose("fast")
    assert window.store.settings.model == "full"
    assert "locked for this study" in window.notices.texts[0]
    dialog.editors["lock_model"].click()  # type: ignore[attr-defined]
    assert dialog.editors["model"].isEnabled()
    assert entries(window)["fast"]


@pytest.mark.skipif(len(bundled_models()) < 2, reason="there is nothing to choose from")
def test_no_model_is_timed_where_one_was_measured() -> None:
    services = WindowServices()
    names = [path.stem for path in bundled_models()]
    assert [c.name for c in services.candidates()] == sorted(names, key=_rank)
    services.use_measured(names[0])
    assert services.candidates() == []
    services.use_measured("none of them")
    assert all(isinstance(c, Candidate) for c in services.candidates())
    assert services.candidates()
    first = services.measured_for()
    services.use_device("cpu")
    assert services.measured_for() != first


def test_the_window_begins_and_analyze_works_with_the_first_of_the_order() -> None:
    assert quick_model() == find_model(None).stem == "tiny"


def _rank(name: str) -> int:
    return ["full", "full-int8", "tiny", "tiny-int8", "fast", "fast-int8"].index(name)
