"""Calibration: what a built stack is, from pilots sent through it."""

from .entry_methods import Adam, EntryMethod, GaussNewton, GradientDescent, Nesterov
from .entry_problem import all_alike, each_entry, each_matrix
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
from .gauge_orbit import poses_on_gauge_orbit, stack_on_gauge_orbit, swept_gauge
from .per_entry import (
    CumulativeStages,
    PerEntryCalibration,
    SeparateStages,
    Stages,
    calibrate_entries,
    noise_nmse,
)
from .three_figures import ThreeFigures

__all__ = [
    "Adam",
    "CumulativeStages",
    "EntryMethod",
    "GaussNewton",
    "GradientDescent",
    "Matrices",
    "Nesterov",
    "PerEntryCalibration",
    "SeparateStages",
    "Stages",
    "ThreeFigures",
    "all_alike",
    "calibrate_entries",
    "cross_ratios",
    "each_entry",
    "each_matrix",
    "gauge_floor",
    "in_nearest_gauge",
    "matrix_nmse",
    "nearest_gauge",
    "noise_nmse",
    "poses_on_gauge_orbit",
    "regauged",
    "stack_on_gauge_orbit",
    "swept_gauge",
    "through_layers",
]
