"""Channel estimation through a stack: few antennas, many phase patterns."""

from .bounds import bayesian_bound, cramer_rao, subspace_bound
from .directions import direction_bound_rad2, pattern_model
from .estimators import best_subspace, expected_error, least_squares, lmmse, subspace_least_squares
from .judging import Judged, Ratio, compared, judge
from .pattern_design import DesignedPatterns, design_patterns
from .patterns import fourier_patterns, random_patterns
from .prior import ChannelPrior
from .sensing import Sensing, sensing_matrix
from .user_pilots import OneAfterTheOther, OrthogonalPilots, UserPilots

__all__ = [
    "ChannelPrior",
    "DesignedPatterns",
    "Judged",
    "OneAfterTheOther",
    "OrthogonalPilots",
    "Ratio",
    "Sensing",
    "UserPilots",
    "bayesian_bound",
    "best_subspace",
    "compared",
    "cramer_rao",
    "design_patterns",
    "direction_bound_rad2",
    "expected_error",
    "fourier_patterns",
    "judge",
    "least_squares",
    "lmmse",
    "pattern_model",
    "random_patterns",
    "sensing_matrix",
    "subspace_bound",
    "subspace_least_squares",
]
