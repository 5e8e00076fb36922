"""The ladder's report, from stored predictions alone: each rung's gain with its spread."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

from trainer.recipes.config import Recipe
from trainer.scoring.statistics import Spread
from trainer.studies.recipe_search import Climbed, Failed, Gain, Plan, State, Tried, as_toml

REPORT = "ladder.md"


def write_report(plan: Plan, state: State, date: str, commit: str, machine: str) -> Path:
    """Write ``ladder.md`` and ``ladder.json`` into the plan's folder; returns the former.

    Raises:
        OSError: they cannot be written.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    parts = [
        _head(plan, date, commit, machine), _rungs(state, plan), _variants(state),
        _top(state), _next(plan, state), _recipes(plan, state),
    ]  # fmt: skip
    path = plan.out / REPORT
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    (plan.out / "ladder.json").write_text(
        json.dumps(_as_table(state), indent=1) + "\n", encoding="utf-8"
    )
    return path


def _head(plan: Plan, date: str, commit: str, machine: str) -> str:
    lines = [
        "# The ladder",
        f"`{plan.command}`; {date[:10]}, commit `{commit}`, {machine}.",
        "From the paper's recipe upwards, a rung at a time. Everything is judged on PublicTest by\n"
        "the last epoch of a fixed schedule; PrivateTest is not read. A rung's best variant by "
        "one\n"
        f"crop counts; it is kept where it gains{_other_bounds(plan)}, and the next rung stands on "
        "it.\n"
        "Accuracies are means over seeds with the seeds'\n"
        "deviation; in brackets the 95 % interval of the finite test set. Gains are paired over "
        "the\n"
        "faces. Choosing the best of several on 3,589 faces flatters by some tenths of a point.",
    ]
    if plan.overrides:
        changed = ", ".join(f"`{override}`" for override in plan.overrides)
        lines.append(
            f"**Not the paper's size.** Every recipe was changed by {changed}: the gains are "
            "those\n"
            "at that size, and say little about full networks trained for long."
        )
    return "\n\n".join(lines)


def _other_bounds(plan: Plan) -> str:
    bounds = [
        f"{rung.name}: more than {rung.least_gain:+g}" for rung in plan.rungs if rung.least_gain
    ]
    return f" ({'; '.join(bounds)} points)" if bounds else ""


def _rungs(state: State, plan: Plan) -> str:
    if state.ground is None:
        return "## Rungs\n\nThe ground, the paper's recipe, is not trained yet."
    rows = [
        [
            "0", "the paper's recipe", "",
            _spread(state.ground.by_one), _spread(state.ground.by_ten), "", "",
        ]
    ]  # fmt: skip
    for number, climbed in enumerate(state.climbed, 1):
        what = [str(number), f"{climbed.rung.name}: {climbed.rung.what}"]
        best = climbed.best
        if best is None or climbed.gain is None:
            rows.append([*what, "", "cannot be trained here", "", "", "no"])
            continue
        rows.append(
            [
                *what, _variant(climbed, best), _spread(best.by_one), _spread(best.by_ten),
                _gain(climbed.gain), "yes" if climbed.kept else "no",
            ]
        )  # fmt: skip
    head = ["", "rung", "adds", "one crop, %", "ten crops, %", "gain, points", "kept"]
    seeds = ", ".join(map(str, state.ground.seeds))
    return f"## Rungs\n\nSeeds {seeds}.\n\n" + _table(head, rows)


def _variant(climbed: Climbed, tried: Tried | Failed) -> str:
    pairs = [f"{key}={value}" for key, value in tried.variant.items()]
    if climbed.rung.times_epochs > 1:
        pairs.append(f"epochs={tried.recipe.epochs}")
    return f"`{', '.join(pairs)}`"


def _variants(state: State) -> str:
    rows = [
        [climbed.rung.name, _variant(climbed, tried), _spread(tried.by_one), _spread(tried.by_ten)]
        for climbed in state.climbed
        if len(climbed.tried) > 1
        for tried in climbed.tried
    ]
    rows += [
        [climbed.rung.name, _variant(climbed, failed), f"left out: {failed.why}", ""]
        for climbed in state.climbed
        for failed in climbed.failed
    ]
    if not rows:
        return ""
    return "## Variants\n\n" + _table(["rung", "variant", "one crop, %", "ten crops, %"], rows)


def _top(state: State) -> str:
    if state.top is None:
        return ""
    rows: list[list[str]] = []
    if state.members is not None:
        rows.append(
            [
                f"{len(state.members.seeds)} members alone", _spread(state.members.by_one),
                _spread(state.members.by_ten),
            ]
        )  # fmt: skip
    for seed, why in state.left_out.items():
        rows.append([f"the member of seed {seed}", f"left out: {why}", ""])
    if state.ensemble is not None:
        one, ten = state.ensemble
        rows.append(["their mean opinion", f"{100 * one:.2f}", f"{100 * ten:.2f}"])
    for name, found in state.students.items():
        for tried in found:
            rows.append(
                [f"`{name}`, {_student(tried)}", _spread(tried.by_one), _spread(tried.by_ten)]
            )
        for failed in state.failed.get(name, ()):
            rows.append([f"`{name}`, {_student(failed)}", f"left out: {failed.why}", ""])
    if not rows:
        return ""
    return (
        "## The top\n\nNetworks of the last recipe, their ensemble, and the students that learn "
        "from "
        "it. The best of each name by one crop ships; of `full`, a member where no student is "
        "better than they are on average.\n\n" + _table(["", "one crop, %", "ten crops, %"], rows)
    )


def _student(tried: Tried | Failed) -> str:
    if not tried.recipe.teacher:
        return "by the labels alone"
    return f"`{', '.join(f'{key}={value}' for key, value in tried.variant.items())}`"


def _next(plan: Plan, state: State) -> str:
    if not state.wanted:
        return ""
    return (
        f"## What is left\n\nThe ladder stands before **{state.wanted_for}**, for which "
        f"{len(state.wanted)} runs are to be trained. The same command goes on:\n\n    "
        f"{plan.command}"
    )


def _recipes(plan: Plan, state: State) -> str:
    parts = []
    if state.top is not None:
        parts.append(("The recipe at the top", _toml(state.top)))
    for name in ("full", "fast"):
        chosen = state.chosen(name)
        if chosen is not None and not state.wanted:
            parts.append((f"`{name}`", _toml(chosen.recipe)))
    return "\n\n".join(f"## {title}\n\n```toml\n{text}```" for title, text in parts)


def _toml(recipe: Recipe) -> str:
    """With teachers by their runs' names: where those lie is this machine's business."""
    names = tuple(str(Path(*Path(place).parts[-3:])) for place in recipe.teacher)
    return as_toml(dataclasses.replace(recipe, teacher=names))


def _as_table(state: State) -> dict[str, object]:
    def plain(tried: Tried) -> dict[str, object]:
        return {
            "variant": dict(tried.variant), "seeds": list(tried.seeds),
            "one_crop": round(tried.by_one.mean, 5), "ten_crop": round(tried.by_ten.mean, 5),
        }  # fmt: skip

    return {
        "ground": None if state.ground is None else plain(state.ground),
        "rungs": [
            {
                "name": climbed.rung.name, "kept": climbed.kept,
                "gain_points": climbed.gain and round(climbed.gain.points, 3),
                "gain_interval": climbed.gain and [round(x, 3) for x in climbed.gain.interval],
                "tried": [plain(tried) for tried in climbed.tried],
            }
            for climbed in state.climbed
        ],
        "ensemble": state.ensemble,
        "students": {name: [plain(t) for t in found] for name, found in state.students.items()},
        "wanted": len(state.wanted),
    }  # fmt: skip


def _spread(found: Spread) -> str:
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
