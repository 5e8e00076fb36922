"""Evaluation of a network while it trains: PublicTest by one crop, and finite weights."""

from collections.abc import Mapping

import torch

from trainer.data.fer2013 import Faces, Split
from trainer.data.ferplus import FerPlus
from trainer.models.network import Network
from trainer.scoring.center_crop import center_accuracy, center_crowd_scores
from trainer.training.distributed import Group


def public_scores(
    network: Network,
    public: Faces,
    votes: Mapping[Split, FerPlus] | None,
    crop_px: int,
    *,
    bf16: bool,
    group: Group,
) -> tuple[float | None, dict[str, float]]:
    """Accuracy on PublicTest over all processes, None without faces, and the crowd head's scores.

    The network is in eval mode afterwards. Crowd scores are the writing process's alone, and empty
    without votes.
    """
    if not len(public):
        return None, {}
    own = public
    if group.size > 1:
        rows = slice(group.rank, None, group.size)
        own = Faces(public.pixels[rows], public.labels[rows])
    accuracy = center_accuracy(network, own, crop_px, bf16)
    if group.size > 1:
        hits = torch.tensor([accuracy * len(own), len(own)], dtype=torch.float64)
        hits = group.mean(hits)
        accuracy = float(hits[0] / hits[1])
    if votes is None or not group.writes:
        return accuracy, {}
    return accuracy, center_crowd_scores(network, public, votes["public"], crop_px, bf16)


def weights_are_finite(network: torch.nn.Module) -> bool:
    """Whether weights and statistics are finite numbers."""
    values = [v for v in network.state_dict().values() if v.is_floating_point()]
    # a norm is finite where all its numbers are; these are far from overflow
    return bool(torch.isfinite(torch.stack(torch._foreach_norm(values))).all())
