"""The design methods by the names that users write."""

from collections.abc import Callable, Mapping

from .coordinate import CoordinateDescent
from .first_order import LBFGS, Adam
from .gradient_descent import GradientDescent
from .levenberg_marquardt import LevenbergMarquardt
from .method import Method

METHODS: Mapping[str, Callable[..., Method]] = {
    "gradient-descent": GradientDescent,
    "adam": Adam,
    "lbfgs": LBFGS,
    "coordinate": CoordinateDescent,
    "levenberg-marquardt": LevenbergMarquardt,
}
