"""Calibration: what a built stack is, from pilots sent through it."""

from .gauge import (
    Matrices,
    cross_ratios,
    gauge_floor,
    in_nearest_gauge,
    matrix_nmse,
    nearest_gauge,
    regauged,
    through_layers,
)

__all__ = [
    "Matrices",
    "cross_ratios",
    "gauge_floor",
    "in_nearest_gauge",
    "matrix_nmse",
    "nearest_gauge",
    "regauged",
    "through_layers",
]
