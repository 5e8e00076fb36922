"""Accuracy of a torch network by one centre crop, in batches on its device.

For watching a training; ``trainer.scoring.evaluate`` has the figures of a finished model.
"""

import torch

from trainer.data.augment import center_crop
from trainer.data.fer2013 import Faces
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
