"""Strategies: ways to calibrate that can be exchanged for each other and compared."""

from .codebook import Codebook, CodebookSearch
from .linear_map import LinearMap
from .preparation import Preparation
from .strategy import Estimate, FreeEntries, Geometric, Strategy
from .training import Training, fine_tuned, train_unrolled
from .unrolled import UnrolledNetwork

__all__ = [
    "Codebook",
    "CodebookSearch",
    "Estimate",
    "FreeEntries",
    "Geometric",
    "LinearMap",
    "Preparation",
    "Strategy",
    "Training",
    "UnrolledNetwork",
    "fine_tuned",
    "train_unrolled",
]
