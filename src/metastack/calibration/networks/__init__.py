"""Calibration of devices by their networks: what a designed network became when it was built."""

from .fit import NetworkCalibration, calibrate_network
from .judged import HeldOut, JudgedNetwork, NoiseSource, calibrate_and_judge
from .linear import LinearPilots
from .noise import noise_of_repeats, noise_that_predicts
from .pilots import check_network_pilots, likelier_network_convention, looks_transposed
from .prediction import NetworkPosterior, Prediction
from .prior import MovingNetwork, StillNetwork, Strengths
from .wires import MovingWireNetwork

__all__ = [
    "HeldOut",
    "JudgedNetwork",
    "LinearPilots",
    "MovingNetwork",
    "MovingWireNetwork",
    "NetworkCalibration",
    "NetworkPosterior",
    "NoiseSource",
    "Prediction",
    "StillNetwork",
    "Strengths",
    "calibrate_and_judge",
    "calibrate_network",
    "check_network_pilots",
    "likelier_network_convention",
    "looks_transposed",
    "noise_of_repeats",
    "noise_that_predicts",
]
