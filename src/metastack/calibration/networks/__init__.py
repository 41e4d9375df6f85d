"""Calibration of devices by their networks: what a designed network became when it was built."""

from .fit import NetworkCalibration, calibrate_network
from .linear import LinearPilots
from .prior import MovingNetwork, StillNetwork, Strengths

__all__ = [
    "LinearPilots",
    "MovingNetwork",
    "NetworkCalibration",
    "StillNetwork",
    "Strengths",
    "calibrate_network",
]
