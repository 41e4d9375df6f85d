"""metastack: design, calibrate and use stacked intelligent metasurfaces.

The names below are loaded when they are first used, so that `import metastack` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .atoms import IdealAtoms, MeasuredAtoms, QuantisedAtoms, StuckAtoms
    from .design import (
        LBFGS,
        Adam,
        CoordinateDescent,
        Design,
        GivenPhases,
        GradientDescent,
        LevenbergMarquardt,
        NearUniform,
        Outcome,
        RandomPhases,
        best_design,
        design_phases,
        insertion_loss_tradeoff,
    )
    from .errors import InputError
    from .geometry import PlanarArray, Plane, Pose
    from .precision import float64
    from .propagation import DenseHop, FourierHop, MirrorHop, RayleighSommerfeld
    from .stack import Stack, hops, make_stack, make_uniform_stack, propagate, response
    from .targets import best_scale, decibels, dft_2d, insertion_loss_db, nmse

__version__ = "0.1.0"

_HOME = {
    "atoms": ("IdealAtoms", "MeasuredAtoms", "QuantisedAtoms", "StuckAtoms"),
    "design": (
        "LBFGS",
        "Adam",
        "CoordinateDescent",
        "Design",
        "GivenPhases",
        "GradientDescent",
        "LevenbergMarquardt",
        "NearUniform",
        "Outcome",
        "RandomPhases",
        "best_design",
        "design_phases",
        "insertion_loss_tradeoff",
    ),
    "errors": ("InputError",),
    "geometry": ("PlanarArray", "Plane", "Pose"),
    "precision": ("float64",),
    "propagation": ("DenseHop", "FourierHop", "MirrorHop", "RayleighSommerfeld"),
    "stack": ("Stack", "hops", "make_stack", "make_uniform_stack", "propagate", "response"),
    "targets": ("best_scale", "decibels", "dft_2d", "insertion_loss_db", "nmse"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'metastack' has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
