"""Accuracy, and agreement with votes, of a torch network by one centre crop, on its device.

For watching a training; ``trainer.scoring.evaluate`` has the figures of a finished model.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.augment import center_crop
from trainer.data.fer2013 import Faces
from trainer.data.ferplus import FerPlus
from trainer.models.network import Network


@torch.no_grad()
def center_accuracy(model: Network, faces: Faces, crop_px: int, bf16: bool = False) -> float:
    """Accuracy in [0, 1] on ``faces`` by one centre crop each."""
    model.eval()
    device = next(model.parameters()).device
    hits = torch.zeros((), dtype=torch.int64, device=device)
    for start in range(0, len(faces), 512):
        pixels = torch.from_numpy(faces.pixels[start : start + 512]).to(device)
        labels = torch.from_numpy(faces.labels[start : start + 512]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            logits = model(center_crop(pixels, crop_px))
        hits += (logits.argmax(1) == labels).sum()
    return hits.item() / max(len(faces), 1)


@torch.no_grad()
def center_crowd(
    model: Network, faces: Faces, crop_px: int, bf16: bool = False
) -> NDArray[np.float64]:
    """Logits [N, K] of the crowd head for ``faces``, one centre crop each."""
    model.eval()
    device = next(model.parameters()).device
    parts = []
    for start in range(0, len(faces), 512):
        pixels = torch.from_numpy(faces.pixels[start : start + 512]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            embedding_BC = model.embed(center_crop(pixels, crop_px))
        parts.append(model.classify_crowd(embedding_BC.float()).double().cpu())
    return torch.cat(parts).numpy()


def center_crowd_scores(
    model: Network, faces: Faces, votes: FerPlus, crop_px: int, bf16: bool = False
) -> dict[str, float]:
    """Agreement of the crowd head with the votes' plurality, and its KL divergence from them."""
    crowd_NK = center_crowd(model, faces, crop_px, bf16)
    agreeing, clear = votes.agreement(crowd_NK.argmax(1))
    return {
        "crowd_plurality": agreeing / max(clear, 1), "crowd_kl": votes.divergence(crowd_NK),
    }  # fmt: skip
