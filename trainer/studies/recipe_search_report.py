"""Report of the recipe search, from stored predictions alone: each stage's gain with interval.

The files are ``ladder.md`` and ``ladder.json``, whose keys stay (baseline: ``ground``, stages:
``rungs``).
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

from trainer.recipes.config import Recipe
from trainer.scoring.statistics import SeedAccuracy
from trainer.studies.recipe_search_plan import Plan, as_toml
from trainer.studies.recipe_search_state import FailedTrial, Gain, SearchState, StageResult, Trial

REPORT = "ladder.md"


def write_report(plan: Plan, state: SearchState, date: str, commit: str, machine: str) -> Path:
    """Write the report, ``ladder.md`` and ``ladder.json``; returns the former's path.

    Raises:
        OSError: they cannot be written.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    parts = [
        _head(plan, date, commit, machine), _stages(state, plan), _variants(state),
        _final(state), _pending(plan, state), _recipes(plan, state),
    ]  # fmt: skip
    path = plan.out / REPORT
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    (plan.out / "ladder.json").write_text(
        json.dumps(_as_table(state), indent=1) + "\n", encoding="utf-8"
    )
    return path


def _head(plan: Plan, date: str, commit: str, machine: str) -> str:
    lines = [
        "# Recipe search",
        f"`{plan.command}`; {date[:10]}, commit `{commit}`, {machine}.",
        "From the paper's recipe to the best one, stage by stage. Every run is evaluated on\n"
        "PublicTest at the last epoch of a fixed schedule; PrivateTest is not read. The variant\n"
        "of a stage with the highest mean accuracy by one crop is selected. It is kept where it\n"
        f"gains{_other_bounds(plan)}, and the next stage extends it.\n"
        "Accuracies are means over seeds with the sample standard deviation over seeds; in\n"
        "brackets the 95 % interval of the finite test set. Gains are paired over faces.\n"
        "Selecting the best of several on 3,589 faces biases the accuracy upwards by some tenths\n"
        "of a point.",
    ]
    if plan.overrides:
        changed = ", ".join(f"`{override}`" for override in plan.overrides)
        lines.append(
            f"**Not the paper's size.** Every recipe was changed by {changed}: the gains hold at\n"
            "that size, and say little about full networks trained for long."
        )
    return "\n\n".join(lines)


def _other_bounds(plan: Plan) -> str:
    bounds = [
        f"{stage.name}: more than {stage.min_gain:+g}" for stage in plan.stages if stage.min_gain
    ]
    return f" ({'; '.join(bounds)} points)" if bounds else ""


def _stages(state: SearchState, plan: Plan) -> str:
    if state.baseline is None:
        return "## Stages\n\nThe baseline, the paper's recipe, is not trained yet."
    rows = [
        [
            "0", "the paper's recipe", "",
            _accuracy(state.baseline.one_crop), _accuracy(state.baseline.ten_crop), "", "",
        ]
    ]  # fmt: skip
    for number, result in enumerate(state.stages, 1):
        what = [str(number), f"{result.stage.name}: {result.stage.what}"]
        best = result.best
        if best is None or result.gain is None:
            rows.append([*what, "", "cannot be trained here", "", "", "no"])
            continue
        rows.append(
            [
                *what, _variant(result, best), _accuracy(best.one_crop), _accuracy(best.ten_crop),
                _gain(result.gain), "yes" if result.kept else "no",
            ]
        )  # fmt: skip
    head = ["", "stage", "adds", "one crop, %", "ten crops, %", "gain, points", "kept"]
    seeds = ", ".join(map(str, state.baseline.seeds))
    return f"## Stages\n\nSeeds {seeds}.\n\n" + _table(head, rows)


def _variant(result: StageResult, trial: Trial | FailedTrial) -> str:
    pairs = [f"{key}={value}" for key, value in trial.variant.items()]
    if result.stage.epoch_factor > 1:
        pairs.append(f"epochs={trial.recipe.epochs}")
    return f"`{', '.join(pairs)}`"


def _variants(state: SearchState) -> str:
    rows = [
        [
            result.stage.name,
            _variant(result, trial),
            _accuracy(trial.one_crop),
            _accuracy(trial.ten_crop),
        ]
        for result in state.stages
        if len(result.trials) > 1
        for trial in result.trials
    ]
    rows += [
        [result.stage.name, _variant(result, failed), f"left out: {failed.why}", ""]
        for result in state.stages
        for failed in result.failed
    ]
    if not rows:
        return ""
    return "## Variants\n\n" + _table(["stage", "variant", "one crop, %", "ten crops, %"], rows)


def _final(state: SearchState) -> str:
    if state.final_recipe is None:
        return ""
    rows: list[list[str]] = []
    if state.members is not None:
        rows.append(
            [
                f"{len(state.members.seeds)} members, each alone",
                _accuracy(state.members.one_crop),
                _accuracy(state.members.ten_crop),
            ]
        )  # fmt: skip
    for seed, why in state.failed_members.items():
        rows.append([f"member of seed {seed}", f"left out: {why}", ""])
    if state.ensemble is not None:
        one, ten = state.ensemble
        rows.append(["ensemble (mean probabilities)", f"{100 * one:.2f}", f"{100 * ten:.2f}"])
    for name, found in state.students.items():
        for trial in found:
            rows.append(
                [
                    f"`{name}`, {_student(trial)}",
                    _accuracy(trial.one_crop),
                    _accuracy(trial.ten_crop),
                ]
            )
        for failed in state.failed.get(name, ()):
            rows.append([f"`{name}`, {_student(failed)}", f"left out: {failed.why}", ""])
    if not rows:
        return ""
    return (
        "## The final recipe\n\nNetworks of the final recipe, their ensemble, and the students "
        "that are distilled from it. The best of each name by one crop ships; of `full`, a member "
        "where no student is better than the members on average.\n\n"
        + _table(["", "one crop, %", "ten crops, %"], rows)
    )


def _student(trial: Trial | FailedTrial) -> str:
    if not trial.recipe.teacher:
        return "trained on the labels alone"
    return f"`{', '.join(f'{key}={value}' for key, value in trial.variant.items())}`"


def _pending(plan: Plan, state: SearchState) -> str:
    if not state.pending:
        return ""
    return (
        f"## Pending\n\nThe next step is **{state.pending_for}**, for which "
        f"{len(state.pending)} runs are to be trained. The same command continues:\n\n    "
        f"{plan.command}"
    )


def _recipes(plan: Plan, state: SearchState) -> str:
    parts = []
    if state.final_recipe is not None:
        parts.append(("The final recipe", _toml(state.final_recipe)))
    for name in ("full", "fast"):
        selected = state.selected(name)
        if selected is not None and not state.pending:
            parts.append((f"`{name}`", _toml(selected.recipe)))
    return "\n\n".join(f"## {title}\n\n```toml\n{text}```" for title, text in parts)


def _toml(recipe: Recipe) -> str:
    """TOML of the recipe, with teachers by their runs' names in place of this machine's paths."""
    names = tuple(str(Path(*Path(place).parts[-3:])) for place in recipe.teacher)
    return as_toml(dataclasses.replace(recipe, teacher=names))


def _as_table(state: SearchState) -> dict[str, object]:
    def plain(trial: Trial) -> dict[str, object]:
        return {
            "variant": dict(trial.variant), "seeds": list(trial.seeds),
            "one_crop": round(trial.one_crop.mean, 5), "ten_crop": round(trial.ten_crop.mean, 5),
        }  # fmt: skip

    return {
        "ground": None if state.baseline is None else plain(state.baseline),
        "rungs": [
            {
                "name": result.stage.name, "kept": result.kept,
                "gain_points": result.gain and round(result.gain.points, 3),
                "gain_interval": result.gain and [round(x, 3) for x in result.gain.interval],
                "tried": [plain(trial) for trial in result.trials],
            }
            for result in state.stages
        ],
        "ensemble": state.ensemble,
        "students": {name: [plain(t) for t in found] for name, found in state.students.items()},
        "wanted": len(state.pending),
    }  # fmt: skip


def _accuracy(found: SeedAccuracy) -> str:
    low, high = found.interval
    deviation = "" if math.isnan(found.deviation) else f" ± {100 * found.deviation:.2f}"
    return f"{100 * found.mean:.2f}{deviation} ({100 * low:.1f} to {100 * high:.1f})"


def _gain(gain: Gain) -> str:
    low, high = gain.interval
    deviation = "" if math.isnan(gain.deviation) else f" ± {gain.deviation:.2f}"
    return f"{gain.points:+.2f}{deviation} ({low:+.1f} to {high:+.1f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
