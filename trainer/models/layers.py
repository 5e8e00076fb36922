"""Layers of the paper: channel attention, spatial attention, CBAM, residual block.

Axes: B faces of a batch, C channels, H rows, W columns.
Source of the equations: Wen et al., "Facial Expression Recognition Method Based on Convolution
Neural Network Combining Attention Mechanism", and Woo et al. (ECCV 2018) where the former is
misprinted; docs/method.md tells which and why.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Order = Literal["channel-first", "spatial-first", "parallel", "none"]


class ChannelAttention(nn.Module):
    """Channel attention, equation 1: sigma(W1 relu(W0 avg(F)) + W1 relu(W0 max(F))).

    Args:
        channels: C of the features.
        reduction: C over the hidden width; at least 4 hidden units are kept for narrow nets.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.w0 = nn.Linear(channels, hidden)
        self.w1 = nn.Linear(hidden, channels)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Gate [B, C, 1, 1] in [0, 1] for features [B, C, H, W]."""
        average_BC = features_BCHW.mean((2, 3))
        largest_BC = features_BCHW.amax((2, 3))
        gate_BC = torch.sigmoid(self._mlp(average_BC) + self._mlp(largest_BC))
        return gate_BC[:, :, None, None]

    def _mlp(self, pooled_BC: Tensor) -> Tensor:
        mapped: Tensor = self.w1(F.relu(self.w0(pooled_BC)))
        return mapped


class SpatialAttention(nn.Module):
    """Spatial attention, equation 2: sigma(bn(conv7x7([avg(F); max(F)]))).

    The normalisation's scale starts at 0, so that an untrained map is 0.5 everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)
        nn.init.zeros_(self.norm.weight)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Gate [B, 1, H, W] in [0, 1] for features [B, C, H, W]."""
        average_B1HW = features_BCHW.mean(1, keepdim=True)
        largest_B1HW = features_BCHW.amax(1, keepdim=True)
        pooled_B2HW = torch.cat([average_B1HW, largest_B1HW], dim=1)
        return torch.sigmoid(self.norm(self.conv(pooled_B2HW)))


class CBAM(nn.Module):
    """CBAM (Woo et al., 2018): channel and spatial attention, in sequence or in parallel.

    ``forward`` returns the recalibrated features and the spatial map [B, 1, H, W] in [0, 1].
    """

    def __init__(self, channels: int, order: Order = "channel-first") -> None:
        super().__init__()
        self.order = order
        self.channel = ChannelAttention(channels)
        self.spatial = SpatialAttention()

    def forward(self, features_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Gated features [B, C, H, W] and the spatial map [B, 1, H, W]."""
        if self.order == "channel-first":
            features_BCHW = features_BCHW * self.channel(features_BCHW)
            map_B1HW = self.spatial(features_BCHW)
            return features_BCHW * map_B1HW, map_B1HW
        map_B1HW = self.spatial(features_BCHW)
        if self.order == "spatial-first":
            features_BCHW = features_BCHW * map_B1HW
            return features_BCHW * self.channel(features_BCHW), map_B1HW
        return features_BCHW * self.channel(features_BCHW) * map_B1HW, map_B1HW


class ResidualBlock(nn.Module):
    """Residual block: relu(CBAM(bn(conv(relu(bn(conv(x)))))) + x), gated before the sum.

    ``forward`` returns the features and the spatial map, or None where there is no CBAM.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, order: Order) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.cbam = None if order == "none" else CBAM(channels, order)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features [B, C', H', W'] and the spatial map [B, 1, H', W'], None without CBAM."""
        y_BCHW = F.relu(self.norm1(self.conv1(x_BCHW)))
        y_BCHW = self.norm2(self.conv2(y_BCHW))
        map_B1HW = None
        if self.cbam is not None:
            y_BCHW, map_B1HW = self.cbam(y_BCHW)
        return F.relu(y_BCHW + self.shortcut(x_BCHW)), map_B1HW
