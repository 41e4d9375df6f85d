"""Phases that make a stack compute a target: methods, starts, scales, and how a run ended."""

from .coordinate import CoordinateDescent
from .design import best, design, insertion_loss_tradeoff
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
    "best",
    "design",
    "insertion_loss_tradeoff",
]
