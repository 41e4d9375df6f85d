"""How a wave crosses from one plane to the next."""

from .chain import Chain, incoming_fields, outgoing_weights, propagate
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
    "Chain",
    "DenseHop",
    "FourierHop",
    "Hop",
    "InterlayerModel",
    "MirrorHop",
    "RayleighSommerfeld",
    "automatic_hop",
    "fastest_kind",
    "hop_matrix",
    "incoming_fields",
    "largest_gain",
    "outgoing_weights",
    "propagate",
    "transposed",
]
