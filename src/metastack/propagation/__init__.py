"""How a wave crosses from one plane to the next."""

from .chain import Chain, incoming_fields, outgoing_weights, propagate
from .dense import DenseHop
from .fourier import FourierHop
from .measured import MeasuredHop, MeasuredHops
from .mirror import MirrorHop
from .model import InterlayerModel, Nearest, hop_matrix
from .near_field import NearField
from .operators import Hop, automatic_hop, fastest_kind, transposed
from .passivity import largest_gain
from .radar import GeometricRadar
from .rayleigh_sommerfeld import RayleighSommerfeld

__all__ = [
    "Chain",
    "DenseHop",
    "FourierHop",
    "GeometricRadar",
    "Hop",
    "InterlayerModel",
    "MeasuredHop",
    "MeasuredHops",
    "MirrorHop",
    "NearField",
    "Nearest",
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
