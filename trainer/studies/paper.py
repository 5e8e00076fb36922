"""Figures of the paper: the systems of its tables and their accuracies, in percent.

Source: Wen et al., "Facial Expression Recognition Method Based on Convolution Neural Network
Combining Attention Mechanism", Tables 1 to 4.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class System:
    """System of the paper's tables, the preset that trains it, and its figures (None: none)."""

    preset: str
    title: str
    fer: float | None = None
    jaffe: float | None = None


METHOD = "cbam-resnet-asoftmax"
"""The paper's own method: channel attention first, A-Softmax."""

SYSTEMS = {
    system.preset: system
    for system in (
        System("tang", "Tang: CNN with an SVM's loss", 71.2, None),
        System("zhang", "Zhang: stacked hybrid auto-encoder", None, 96.7),
        System("resnet", "ResNet without attention (the paper cites another's)", 72.4, 97.6),
        System("cbam-resnet-softmax", "CBAM-ResNet, softmax", 73.1, 98.4),
        System(METHOD, "CBAM-ResNet, A-Softmax, channel first (the method)", 73.5, 98.9),
        System("spatial-first", "Spatial attention first", 73.4, 98.7),
        System("parallel", "Channel and spatial side by side", 73.2, 98.6),
        System("hog-svm", "HOG with an SVM (named, no figure)"),
        System("lbp-svm", "LBP with an SVM (named, no figure)"),
        System("gabor-svm", "Gabor with an SVM (named, no figure)"),
    )
}

TABLES: dict[str, tuple[str, ...]] = {
    "table1": (
        "tang", "zhang", "resnet", "cbam-resnet-softmax", METHOD, "hog-svm", "lbp-svm", "gabor-svm",
    ),
    "table2": (METHOD, "spatial-first", "parallel"),
    "table3": (METHOD,),
    "table4": (METHOD,),
}  # fmt: skip

TABLE3 = (
    (0.68, 0.00, 0.10, 0.03, 0.11, 0.02, 0.06),
    (0.11, 0.75, 0.05, 0.01, 0.02, 0.04, 0.01),
    (0.08, 0.00, 0.63, 0.02, 0.13, 0.08, 0.05),
    (0.00, 0.00, 0.01, 0.91, 0.02, 0.02, 0.03),
    (0.08, 0.00, 0.14, 0.02, 0.64, 0.01, 0.11),
    (0.01, 0.00, 0.08, 0.04, 0.02, 0.83, 0.03),
    (0.05, 0.00, 0.06, 0.06, 0.15, 0.01, 0.67),
)
"""Confusion on FER2013, rows and columns in LABELS' order."""

TABLE4 = (
    (0.98, 0.01, 0.01, 0.00, 0.00, 0.00, 0.00),
    (0.00, 0.98, 0.01, 0.00, 0.01, 0.00, 0.00),
    (0.00, 0.01, 0.99, 0.00, 0.00, 0.00, 0.00),
    (0.00, 0.00, 0.00, 1.00, 0.00, 0.00, 0.00),
    (0.00, 0.01, 0.00, 0.00, 0.98, 0.01, 0.00),
    (0.00, 0.00, 0.00, 0.00, 0.00, 1.00, 0.00),
    (0.00, 0.00, 0.01, 0.01, 0.00, 0.00, 0.98),
)
"""Confusion on JAFFE, rows and columns in LABELS' order."""
