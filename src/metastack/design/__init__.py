"""Phases that make a stack compute a target: methods, starts, scales, and how a run ended."""

from .coordinate import CoordinateDescent
from .design_phases import (
    check_design,
    default_methods,
    design_phases,
    design_seeds,
    in_stack,
    insertion_loss_tradeoff,
    with_phases,
)
from .design_response import design_response
from .first_order import LBFGS, Adam
from .gradient_descent import GradientDescent
from .levenberg_marquardt import DualCholesky, DualConjugateGradient, LevenbergMarquardt
from .loss_meter import InsertionLossMeter
from .memory import required_bytes
from .method import Method
from .named_methods import METHODS
from .programmable import (
    ProgrammableResponse,
    ProgrammedCascade,
    ProgrammedChain,
    ProgrammedDevice,
    ResponseFunction,
)
from .robust import design_robustly, expected_nmse
from .run import OnProgress, SearchProgress
from .search import DEFAULT_GOAL_DB, best_design
from .solution import Design, Outcome, ResponseDesign
from .starts import GivenPhases, NearUniform, RandomPhases, StartPhases

__all__ = [
    "DEFAULT_GOAL_DB",
    "LBFGS",
    "METHODS",
    "Adam",
    "CoordinateDescent",
    "Design",
    "DualCholesky",
    "DualConjugateGradient",
    "GivenPhases",
    "GradientDescent",
    "InsertionLossMeter",
    "LevenbergMarquardt",
    "Method",
    "NearUniform",
    "OnProgress",
    "Outcome",
    "ProgrammableResponse",
    "ProgrammedCascade",
    "ProgrammedChain",
    "ProgrammedDevice",
    "RandomPhases",
    "ResponseDesign",
    "ResponseFunction",
    "SearchProgress",
    "StartPhases",
    "best_design",
    "check_design",
    "default_methods",
    "design_phases",
    "design_response",
    "design_robustly",
    "design_seeds",
    "expected_nmse",
    "in_stack",
    "insertion_loss_tradeoff",
    "required_bytes",
    "with_phases",
]
