"""The air between a stack and whom it serves."""

from .channel import Channel
from .clustered import Clustered
from .line_of_sight import (
    PlaneWave,
    SphericalWave,
    aperture_diameter_m,
    check_far,
    fraunhofer_m,
    reactive_limit_m,
)
from .path_loss import PathLoss
from .rayleigh import CorrelatedRayleigh, sinc_correlation, square_root
from .rician import Rician
from .users import Sector

__all__ = [
    "Channel",
    "Clustered",
    "CorrelatedRayleigh",
    "PathLoss",
    "PlaneWave",
    "Rician",
    "Sector",
    "SphericalWave",
    "aperture_diameter_m",
    "check_far",
    "fraunhofer_m",
    "reactive_limit_m",
    "sinc_correlation",
    "square_root",
]
