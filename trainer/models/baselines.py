"""Baseline networks that the paper compares itself with: Tang's CNN and Zhang's auto-encoder.

Axes: B faces, C features, H rows, W columns, K expressions. docs/method.md tells what the sources
say, and what was decided where they are silent.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferdesk.core.labels import NUM_LABELS
from trainer.models.network import Network

TANG_NORM = 100.0
"""Length that each face is given as a vector of pixels (Tang, 2013, section 3.1)."""
_FEWEST_GREYS = 1e-3
"""Keeps a face of one grey from being divided by 0."""


class TangNet(Network):
    """Tang's CNN (2013): two stages of convolution and pooling, a hidden layer, linear SVMs.

    Args:
        width: filters of the first stage; the second has twice and the hidden layer 96 times as
            many: 32, 64 and 3072 in the paper.
        crop_px: side of the faces.
        dropout: share of the hidden units that are dropped while it learns.
        angular: unit rows and no bias in the last layer, for A-Softmax.
    """

    def __init__(self, width: int, crop_px: int, dropout: float, angular: bool = False) -> None:
        super().__init__()
        self.angular, self.dropout, self.crop_px = angular, dropout, crop_px
        self.pixel_mean: Tensor
        self.pixel_std: Tensor
        self.register_buffer("pixel_mean", torch.zeros(crop_px, crop_px))
        self.register_buffer("pixel_std", torch.ones(crop_px, crop_px))
        self.conv1 = nn.Conv2d(1, width, 5, padding=2)
        self.conv2 = nn.Conv2d(width, 2 * width, 5, padding=2)
        cells = crop_px // 2 // 2
        self.hidden = nn.Linear(2 * width * cells * cells, 96 * width)
        self.head = nn.Linear(96 * width, NUM_LABELS, bias=not angular)
        for layer in (self.conv1, self.conv2, self.hidden):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def embed(self, faces_BCHW: Tensor) -> Tensor:
        """Hidden activations [B, 96 * width] of faces [B, 1, H, W] in grey values 0..255."""
        x_BCHW = (normalise_length(faces_BCHW) - self.pixel_mean) / self.pixel_std
        x_BCHW = F.max_pool2d(F.relu(self.conv1(x_BCHW)), 2)
        x_BCHW = F.max_pool2d(F.relu(self.conv2(x_BCHW)), 2)
        hidden_BC = F.relu(self.hidden(x_BCHW.flatten(1)))
        return F.dropout(hidden_BC, self.dropout, self.training)

    @torch.no_grad()
    def prepare(self, pixels_NHW: Tensor) -> None:
        """Mean and standard deviation of each pixel over all training faces, as buffers."""
        margin = (pixels_NHW.shape[-1] - self.crop_px) // 2
        inner = slice(margin, margin + self.crop_px)
        total = torch.zeros_like(self.pixel_mean, dtype=torch.float64)
        squares = torch.zeros_like(total)
        for start in range(0, len(pixels_NHW), 1024):
            part_NHW = pixels_NHW[start : start + 1024, inner, inner].float()
            part_NHW = normalise_length(part_NHW[:, None])[:, 0].double()
            total += part_NHW.sum(0)
            squares += part_NHW.square().sum(0)
        mean = total / len(pixels_NHW)
        variance = (squares / len(pixels_NHW) - mean.square()).clamp_min(0)
        self.pixel_mean.copy_(mean)
        self.pixel_std.copy_(variance.sqrt().clamp_min(_FEWEST_GREYS))


def normalise_length(faces_BCHW: Tensor) -> Tensor:
    """Contrast normalisation: faces of mean 0 and Euclidean length ``TANG_NORM``."""
    x_BCHW = faces_BCHW - faces_BCHW.mean((2, 3), keepdim=True)
    length_B111 = x_BCHW.square().sum((2, 3), keepdim=True).sqrt()
    return TANG_NORM * x_BCHW / length_B111.clamp_min(_FEWEST_GREYS)


class StackedAutoEncoder(Network):
    """Stacked auto-encoder (Zhang et al., 2019): denoising, sparse and plain layers.

    ``trainer/training/pretrain.py`` trains them one after the other to reconstruct what they are
    shown; then the whole is fine-tuned like any network here.

    Args:
        width: the layers have 16, 8 and 4 times as many units: 1024, 512 and 256 at 64.
        crop_px: side of the faces.
        angular: unit rows and no bias in the last layer, for A-Softmax.
    """

    def __init__(self, width: int, crop_px: int, angular: bool = False) -> None:
        super().__init__()
        self.angular = angular
        sizes = [crop_px * crop_px, 16 * width, 8 * width, 4 * width]
        layers = [nn.Linear(inputs, units) for inputs, units in itertools.pairwise(sizes)]
        self.encoders = nn.ModuleList(layers)
        self.head = nn.Linear(sizes[-1], NUM_LABELS, bias=not angular)
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(self, faces_BCHW: Tensor) -> Tensor:
        """Activations [B, 4 * width] of the last encoder."""
        return self.encode(self.normalise(faces_BCHW), len(self.encoders))

    def normalise(self, faces_BCHW: Tensor) -> Tensor:
        """Faces as vectors [B, H * W], each of mean 0 and standard deviation 1."""
        x_BC = faces_BCHW.flatten(1)
        spread_B1 = x_BC.std(1, correction=0, keepdim=True)
        return (x_BC - x_BC.mean(1, keepdim=True)) / spread_B1.clamp_min(_FEWEST_GREYS)

    def encode(self, x_BC: Tensor, num_layers: int) -> Tensor:
        """Activations of the first ``num_layers`` encoders, in [0, 1], for normalised faces."""
        for layer in self.encoders[:num_layers]:
            x_BC = torch.sigmoid(layer(x_BC))
        return x_BC
