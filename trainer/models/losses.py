"""Training losses: softmax cross entropy, A-Softmax (equation 3), squared hinge, distillation.

Axes: B faces, C features, K expressions. Everything here computes in float32.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


def psi(cosine: Tensor, margin: int) -> Tensor:
    """Angular margin psi of equation 3, from cos(theta): (-1)^k cos(m theta) - 2k.

    k = floor(m theta / pi). cos(m theta) is the Chebyshev polynomial T_m(cos theta), so no arc
    cosine is needed, whose derivative at theta = 0 is infinite. The paper prints "-1^k";
    (-1)^k is what makes psi monotone.

    Args:
        cosine: any shape, in [-1, 1].
        margin: m, an integer of at least 1.

    Returns:
        the same shape, in [1 - 2m, 1], decreasing in theta.
    """
    previous, chebyshev = torch.ones_like(cosine), cosine
    for _ in range(margin - 1):
        previous, chebyshev = chebyshev, 2 * cosine * chebyshev - previous
    k = torch.zeros_like(cosine)
    for j in range(1, margin):
        k = k + (cosine < math.cos(j * math.pi / margin)).to(cosine.dtype)
    sign = 1 - 2 * (k % 2)
    return sign * chebyshev - 2 * k


@dataclass(frozen=True, slots=True)
class Annealing:
    """A-Softmax annealing: lambda = max(minimum, base / (1 + gamma * step)), as in SphereFace.

    It must not reach 0: from random weights theta is about 90 degrees, where psi's derivative by
    the cosine is 0 for m = 4, and the loss can then only fall by |x| -> 0, ending at ln 7.
    """

    base: float = 1000.0
    gamma: float = 0.12
    minimum: float = 5.0

    def at(self, step: int) -> float:
        """Lambda at a step, counted from 0."""
        return max(self.minimum, self.base / (1.0 + self.gamma * step))


def a_softmax_logits(
    embedding_BC: Tensor,
    weight_KC: Tensor,
    target_B: Tensor,
    margin: int,
    annealing: float | Tensor,
) -> Tensor:
    """A-Softmax logits [B, K]: |x| cos(theta_j), with the angular margin on the target.

    The target's logit is (lambda |x| cos + |x| psi) / (1 + lambda).

    Args:
        embedding_BC: pooled features x.
        weight_KC: rows of length 1.
        target_B: int64, the true expressions.
        margin: m.
        annealing: lambda, a number or a tensor of one; 0 is the definition itself.
    """
    norm_B1: Tensor = embedding_BC.norm(dim=1, keepdim=True)
    cosine_BK = (embedding_BC @ weight_KC.T / (norm_B1 + 1e-8)).clamp(-1.0, 1.0)
    target_B1 = target_B[:, None]
    cosine_B1 = cosine_BK.gather(1, target_B1)
    with_margin_B1 = (annealing * cosine_B1 + psi(cosine_B1, margin)) / (1.0 + annealing)
    return norm_B1 * cosine_BK.scatter(1, target_B1, with_margin_B1)


def cross_entropy(logits_BK: Tensor, target_B: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy of each face [B] with label smoothing, float32."""
    return F.cross_entropy(logits_BK.float(), target_B, label_smoothing=smoothing, reduction="none")


def squared_hinge(scores_BK: Tensor, target_B: Tensor) -> Tensor:
    """Squared hinge loss of each face [B]: sum_k max(0, 1 - t_k s_k)^2.

    t_k is 1 for the target and -1 elsewhere: the data term of K one-vs-rest linear L2-SVMs (Tang,
    2013, equations 5 and 11). Their other term, |w|^2 / 2, is weight decay d on the
    last layer: C = 1 / (faces * d).
    """
    sign_BK = 2.0 * F.one_hot(target_B, scores_BK.shape[1]).to(torch.float32) - 1.0
    missing_BK = F.relu(1.0 - sign_BK * scores_BK.float())
    return missing_BK.square().sum(1)


def vote_loss(logits_BK: Tensor, votes_BK: Tensor) -> Tensor:
    """Cross entropy [B] of each face with its votes, in float32; 0 for a face without votes.

    Args:
        logits_BK: the crowd head's logits [B, K].
        votes_BK: each label's share of the face's voters; what is missing to 1 chose none of K.
            A face's weight is the sum of its row, so that each vote counts alike.
    """
    return -(votes_BK * F.log_softmax(logits_BK.float(), dim=1)).sum(1)


def distillation(logits_BK: Tensor, soft_targets_BK: Tensor, temperature: float) -> Tensor:
    """Distillation loss (Hinton et al., 2015): T^2 KL(soft targets || softmax(logits / T)).

    Args:
        logits_BK: the student's logits [B, K].
        soft_targets_BK: the teachers' probabilities [B, K] at the same temperature.
        temperature: T; its square keeps the gradient's scale.

    Returns:
        the mean over faces, a scalar in nats.
    """
    log_BK = F.log_softmax(logits_BK.float() / temperature, dim=1)
    return temperature**2 * F.kl_div(log_BK, soft_targets_BK.float(), reduction="batchmean")
