"""CBAM-ResNet of the paper: a stem and eight residual blocks, 17 convolutions of 3x3, 7 logits.

Axes: B faces, C channels, H rows, W columns, K expressions.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferdesk.core.labels import NUM_LABELS
from trainer.models.layers import Order, ResidualBlock

Pool = Literal["gap", "paper"]

# mean and standard deviation of FER2013's Training pixels, as shares of 255
PIXEL_MEAN = 0.5077
PIXEL_STD = 0.2550

PAPER_POOL_CELLS = 4
"""Side of the paper's average pooling window, which sees the top-left cells of a 6x6 map only."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Architecture of the network; ``width`` is the first stage's channels, 64 in the paper."""

    width: int = 64
    attention: Order = "channel-first"
    pool: Pool = "gap"
    angular: bool = False
    """Whether the last layer has rows of length 1 and no bias, as A-Softmax requires."""
    input_px: int = 0
    """Side to which faces are enlarged before the first convolution; 0: as they come."""
    crowd: bool = False
    """Whether there is a crowd head: a second linear layer over the same features, for votes."""


class Maps(NamedTuple):
    """Feature and attention maps of one forward pass.

    ``attention`` [B, 1, h, w] is the last block's spatial map, ``attention_mid`` the one of the
    second stage's last block, both in [0, 1]; ``features`` [B, C, h, w] go into the pooling.
    """

    attention: Tensor
    attention_mid: Tensor
    features: Tensor


class Network(nn.Module):
    """Base class of all networks here: ``embed`` to features, then one linear layer to logits.

    Input [B, 1, H, W] float, grey values 0..255, of the recipe's crop; output logits [B, 7].
    Normalisation is inside. A subclass sets ``head`` and ``angular`` and defines ``embed``.
    """

    head: nn.Linear
    crowd_head: nn.Linear | None
    """Crowd head: a second last layer, whose softmax is the voters' shares; None: there is none."""
    angular: bool = False
    """Whether the last layer has rows of length 1 and no bias, as A-Softmax requires."""

    def __init__(self) -> None:
        super().__init__()
        self.register_module("crowd_head", None)

    def forward(self, faces_BCHW: Tensor) -> Tensor:
        """Logits [B, 7] for faces [B, 1, H, W]."""
        return self.classify(self.embed(faces_BCHW))

    def embed(self, faces_BCHW: Tensor) -> Tensor:
        """Features [B, C], the input of the last layer and of the loss."""
        raise NotImplementedError

    def class_weight(self) -> Tensor:
        """Weight [K, C] of the last layer, its rows of length 1 for an angular loss."""
        weight_KC: Tensor = self.head.weight
        return F.normalize(weight_KC) if self.angular else weight_KC

    def classify(self, embedding_BC: Tensor) -> Tensor:
        """Logits [B, 7] for features [B, C]."""
        return F.linear(embedding_BC, self.class_weight(), self.head.bias)

    def classify_crowd(self, embedding_BC: Tensor) -> Tensor:
        """Logits [B, K] of the crowd head for features [B, C].

        Raises:
            ValueError: the network has none.
        """
        if self.crowd_head is None:
            raise ValueError("this network has no crowd head")
        logits_BK: Tensor = self.crowd_head(embedding_BC)
        return logits_BK

    def num_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def first_stages(self, number: int) -> list[nn.Module]:
        """Modules before stage ``number`` (from 0), the stem included; none for 0."""
        if number:
            raise ValueError("this network has no stages")
        return []

    def prepare(self, pixels_NHW: Tensor) -> None:
        """Constants learned from the training faces [N, 48, 48] uint8, before the first step.

        They are buffers, so that a checkpoint carries them; most networks have none.
        """


class ExpressionNet(Network):
    """CBAM-ResNet of the paper's section 3.1.

    Input [B, 1, H, W] float, grey values 0..255 (44x44 in the paper), enlarged first where the
    architecture says so; output logits [B, 7].
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.angular = architecture.angular
        width, order = architecture.width, architecture.attention
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        blocks: list[ResidualBlock] = []
        channels_in = width
        for stage in range(4):
            channels = width * 2**stage
            blocks.append(ResidualBlock(channels_in, channels, 1 if stage == 0 else 2, order))
            blocks.append(ResidualBlock(channels, channels, 1, order))
            channels_in = channels
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(channels_in, NUM_LABELS, bias=not architecture.angular)
        if architecture.crowd:
            self.crowd_head = nn.Linear(channels_in, NUM_LABELS)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def embed(self, faces_BCHW: Tensor) -> Tensor:
        """Pooled features [B, C], the input of the last layer and of A-Softmax."""
        return self.pool(self.look(faces_BCHW).features)

    def look(self, faces_BCHW: Tensor) -> Maps:
        """Features before pooling, with the spatial maps (ones where there is no CBAM)."""
        x_BCHW = (faces_BCHW / 255.0 - PIXEL_MEAN) / PIXEL_STD
        if side := self.architecture.input_px:
            x_BCHW = F.interpolate(x_BCHW, size=(side, side), mode="bilinear", align_corners=False)
        x_BCHW = F.relu(self.stem_norm(self.stem(x_BCHW)))
        maps: list[Tensor] = []
        for block in self.blocks:
            x_BCHW, map_B1HW = block(x_BCHW)
            maps.append(torch.ones_like(x_BCHW[:, :1]) if map_B1HW is None else map_B1HW)
        return Maps(attention=maps[-1], attention_mid=maps[3], features=x_BCHW)

    def first_stages(self, number: int) -> list[nn.Module]:
        """Modules before stage ``number`` (from 0), the stem included; none for 0."""
        return [self.stem, self.stem_norm, *self.blocks[: 2 * number]] if number else []

    def pool(self, features_BCHW: Tensor) -> Tensor:
        """Average pooling [B, C, h, w] -> [B, C]: over the whole map, or the paper's 4x4 cells."""
        if self.architecture.pool == "paper":
            features_BCHW = features_BCHW[:, :, :PAPER_POOL_CELLS, :PAPER_POOL_CELLS]
        return features_BCHW.mean((2, 3))
