"""An epoch's plan is decided by seed and epoch, and sharing it out changes no face's view."""

import dataclasses

import numpy as np
import pytest
import torch

from ferdesk.errors import DataError
from trainer.models.losses import Annealing
from trainer.recipes.config import Recipe
from trainer.training.distributed import Group
from trainer.training.epoch_plan import learning_rate_at, plan_epoch

RECIPE = Recipe(batch=8, epochs=3, mixup=0.4, average=0.5, loss="a-softmax")


def test_an_epoch_shows_each_face_once_in_another_order_each_time() -> None:
    first, second = plan_epoch(RECIPE, 26, 0), plan_epoch(RECIPE, 26, 1)
    assert first.order_SB.shape == (3, 8)
    for plan in (first, second):
        assert len(set(plan.order_SB.flatten().tolist())) == 24
    assert not torch.equal(first.order_SB, second.order_SB)
    assert not torch.equal(first.random_SBD, second.random_SBD)
    assert 0 <= first.random_SBD.min() <= first.random_SBD.max() < 1


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    plans = [plan_epoch(RECIPE, 26, 2) for _ in range(2)]
    for table, same in zip(plans[0].tables(), plans[1].tables(), strict=True):
        assert torch.equal(table, same)
    other = plan_epoch(dataclasses.replace(RECIPE, seed=7), 26, 2)
    assert not torch.equal(other.order_SB, plans[0].order_SB)
    assert not torch.equal(other.mixup_lambda_S, plans[0].mixup_lambda_S)


def test_the_numbers_of_a_step_are_those_of_the_schedules() -> None:
    plan = plan_epoch(RECIPE, 26, 1)
    annealing = Annealing()
    for within, step in enumerate((3, 4, 5)):
        assert plan.rate_S[within].item() == pytest.approx(learning_rate_at(RECIPE, step / 3))
        assert plan.annealing_S[within].item() == pytest.approx(annealing.at(step))
        assert plan.ema_decay_S[within].item() == pytest.approx(min(0.5, (1 + step) / (10 + step)))
    assert plan_epoch(dataclasses.replace(RECIPE, mixup=0.0), 26, 0).mixup_lambda_S.tolist() == [
        1,
        1,
        1,
    ]


@pytest.mark.parametrize("size", [2, 4])
def test_the_processes_share_a_batch_out_with_its_mirror_pairs(size: int) -> None:
    whole = plan_epoch(RECIPE, 26, 0)
    seen: list[int] = []
    for rank in range(size):
        group = Group(rank, size)
        rows = group.rows(8)
        assert (rows + rows[::-1] == 7).all()  # mixup pairs row i with row 7 - i
        part = plan_epoch(RECIPE, 26, 0, group)
        assert torch.equal(part.order_SB, whole.order_SB[:, rows])
        assert torch.equal(part.random_SBD, whole.random_SBD[:, rows])
        assert torch.equal(part.mixup_lambda_S, whole.mixup_lambda_S)
        seen += rows.tolist()
    assert sorted(seen) == list(range(8))


def test_one_process_takes_the_batch_as_it_is() -> None:
    assert np.array_equal(Group().rows(5), np.arange(5))
    Group().check_batch(5)


@pytest.mark.parametrize(("batch", "near"), [(6, "4 or 8"), (3, "4"), (129, "128 or 132")])
def test_a_batch_that_cannot_be_shared_out_names_its_neighbours(batch: int, near: str) -> None:
    with pytest.raises(DataError, match=f"multiple of 4: --set batch={near}."):
        Group(0, 2).check_batch(batch)
