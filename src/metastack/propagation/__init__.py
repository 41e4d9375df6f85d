"""How a wave crosses from one plane to the next."""

from .chain import Chain, incoming_fields, outgoing_weights, propagate
from .dense import DenseHop
from .fourier import FourierHop
from .mirror import MirrorHop
from .model import InterlayerModel, hop_matrix
from .operators import Hop, automatic_hop, fastest_kind, transposed
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
