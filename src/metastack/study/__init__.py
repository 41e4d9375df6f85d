"""Studies: computations over parameters that end in a figure and the data behind it."""

from .accuracy import Accuracy, study_linear, study_network
from .calibration_loop import DirectionTask, WayOut, redesigned, ways_out
from .few_directions import FewStudy, study_few, three_fits
from .model_comparison import (
    HopKind,
    ModelOfHop,
    ModelProfile,
    candidate_models,
    compare_models,
    hop_kinds,
    model_profiles,
    name_of,
)
from .mse_study import Contender, MsePoint, mse_points
from .network_design import DESIGNERS, JudgedDesigns, compare_designers
from .probes import ProbesStudy, study_probes
from .product_fit import ProductFit, fit_products
from .readings import (
    READERS,
    designed_stack,
    digital_energies,
    digital_fields,
    patterned_stack,
    published_arrays,
)
from .search_depth import SearchDepth, study_search_depth
from .staging import StagedScore, StagedWay, compare_staging, staged_ways
from .strategy_comparison import Comparison, StrategyScore, compare_strategies

__all__ = [
    "DESIGNERS",
    "READERS",
    "Accuracy",
    "Comparison",
    "Contender",
    "DirectionTask",
    "FewStudy",
    "HopKind",
    "JudgedDesigns",
    "ModelOfHop",
    "ModelProfile",
    "MsePoint",
    "ProbesStudy",
    "ProductFit",
    "SearchDepth",
    "StagedScore",
    "StagedWay",
    "StrategyScore",
    "WayOut",
    "candidate_models",
    "compare_designers",
    "compare_models",
    "compare_staging",
    "compare_strategies",
    "designed_stack",
    "digital_energies",
    "digital_fields",
    "fit_products",
    "hop_kinds",
    "model_profiles",
    "mse_points",
    "name_of",
    "patterned_stack",
    "published_arrays",
    "redesigned",
    "staged_ways",
    "study_few",
    "study_linear",
    "study_network",
    "study_probes",
    "study_search_depth",
    "three_fits",
    "ways_out",
]
