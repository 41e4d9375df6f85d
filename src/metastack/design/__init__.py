"""Phases that make a stack compute a target: methods, starts, scales, and how a run ended."""

from .coordinate import CoordinateDescent
from .design_phases import best_design, design_phases, insertion_loss_tradeoff
from .first_order import LBFGS, Adam
from .gradient_descent import GradientDescent
from .levenberg_marquardt import DualCholesky, DualConjugateGradient, LevenbergMarquardt
from .method import Method
from .solution import Design, Outcome
from .starts import GivenPhases, NearUniform, RandomPhases

__all__ = [
    "LBFGS",
    "Adam",
    "CoordinateDescent",
    "Design",
    "DualCholesky",
    "DualConjugateGradient",
    "GivenPhases",
    "GradientDescent",
    "LevenbergMarquardt",
    "Method",
    "NearUniform",
    "Outcome",
    "RandomPhases",
    "best_design",
    "design_phases",
    "insertion_loss_tradeoff",
]
