"""How a wave crosses from one plane to the next."""

from .operators import (
    DenseHop,
    FourierHop,
    Hop,
    InterlayerModel,
    MirrorHop,
    automatic_hop,
    fastest_kind,
    hop_matrix,
    transposed,
)
from .passivity import largest_gain
from .rayleigh_sommerfeld import RayleighSommerfeld

__all__ = [
    "DenseHop",
    "FourierHop",
    "Hop",
    "InterlayerModel",
    "MirrorHop",
    "RayleighSommerfeld",
    "automatic_hop",
    "fastest_kind",
    "hop_matrix",
    "largest_gain",
    "transposed",
]
