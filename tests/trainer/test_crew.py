"""What reproduce and ladder give to a crew, here or on a cluster: the arguments of fit."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trainer.cli import recipe_search, reproduce
from trainer.cli.crew import Crew
from trainer.recipes.config import Recipe, load_recipe
from trainer.studies.recipe_search_state import PendingRun
from trainer.studies.reproduce import Plan, Step
from trainer.training.parallel_runs import Job, Outcome, Overview

GIVEN = ("--data", "/shared/fer2013.csv", "--no-bf16")


class Fake:
    """Runs nothing: the first job is done, the others fail."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.at_once = 0

    def __call__(
        self,
        jobs: Sequence[Job],
        at_once: int,
        *,
        report: Callable[[Overview], None],
        stop_requested: Callable[[], bool],
    ) -> list[Outcome]:
        self.jobs, self.at_once = list(jobs), at_once
        ended = [Outcome(job, int(number > 0), "no luck") for number, job in enumerate(jobs)]
        report(Overview(ended=ended))
        return ended


def test_ladder_writes_each_recipe_where_the_crew_reads_it(
    tmp_path: Path, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fake = Fake()
    train = recipe_search._parallel_training(GIVEN, Crew(3, ("cuda:0", "cuda:1"), fake))
    pending = [PendingRun(tiny_recipe, Path("runs") / str(number)) for number in range(3)]
    train(pending, lambda: False)
    assert fake.at_once == 3
    for number, job in enumerate(fake.jobs):
        recipe = tmp_path / "runs" / str(number) / "recipe.toml"
        assert job == Job(
            Path("runs") / str(number), (*GIVEN, "--preset", str(recipe)), f"cuda:{number % 2}"
        )
        assert load_recipe(str(recipe), []) == tiny_recipe


def test_reproduce_gives_each_step_to_the_crew_and_judges_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    judged: list[Step] = []
    plan = Plan(("table1",), (7,), ("width=8",), tmp_path, tmp_path, "ferdesk-train reproduce")
    names = ["cbam-resnet-asoftmax", "cbam-resnet-softmax"]
    recipe = SimpleNamespace(seed=7)
    steps = [Step(name, cast("Recipe", recipe), tmp_path / name) for name in names]

    class Reproduction:
        def __init__(self, *given: Any) -> None:
            self.ahead = given[-1]

        def run(self) -> None:
            self.ahead(steps, lambda: False, judged.append)

    monkeypatch.setattr(reproduce, "Reproduction", Reproduction)
    crew = Crew(2, ("auto",), fake)
    reproduce._run(plan, cast("Any", None), None, crew, GIVEN)
    assert fake.jobs == [
        Job(
            tmp_path / name,
            (*GIVEN, "--preset", name, "--set", "width=8", "--set", "seed=7"),
            "auto",
        )
        for name in names
    ]
    assert judged == steps[:1]


def test_without_a_crew_reproduce_trains_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Reproduction:
        def __init__(self, *given: Any) -> None:
            seen.append(given[-1])

        def run(self) -> None:
            pass

    monkeypatch.setattr(reproduce, "Reproduction", Reproduction)
    plan = Plan(("table1",), (7,), (), tmp_path, tmp_path, "ferdesk-train reproduce")
    reproduce._run(plan, cast("Any", None), None, None, GIVEN)
    assert seen == [None]
