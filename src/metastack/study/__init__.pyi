"""The public names and where each is defined; `__init__.py` loads them from this list."""

from .accuracy import (
    Accuracy as Accuracy,
    study_linear as study_linear,
    study_network as study_network,
)
from .angular_division import angular_rates as angular_rates
from .calibration_loop import (
    DirectionTask as DirectionTask,
    WayOut as WayOut,
    redesigned as redesigned,
    ways_out as ways_out,
)
from .downlink import (
    downlink_rates as downlink_rates,
    max_min_rates as max_min_rates,
    over_powers as over_powers,
)
from .downlink_case import DownlinkCase as DownlinkCase, Scheme as Scheme
from .few_directions import FewStudy as FewStudy, study_few as study_few, three_fits as three_fits
from .holographic import (
    HolographicCase as HolographicCase,
    LinkDesign as LinkDesign,
    fitted_design as fitted_design,
    holographic_case as holographic_case,
    published_design as published_design,
    rate_design as rate_design,
)
from .model_comparison import (
    HopKind as HopKind,
    ModelOfHop as ModelOfHop,
    ModelProfile as ModelProfile,
    candidate_models as candidate_models,
    compare_models as compare_models,
    hop_kinds as hop_kinds,
    model_profiles as model_profiles,
    name_of as name_of,
)
from .mse_study import Contender as Contender, MsePoint as MsePoint, mse_points as mse_points
from .network_design import (
    DESIGNERS as DESIGNERS,
    JudgedDesigns as JudgedDesigns,
    compare_designers as compare_designers,
)
from .network_error import ErrorCase as ErrorCase, JudgedMimo as JudgedMimo
from .probes import ProbesStudy as ProbesStudy, study_probes as study_probes
from .product_fit import ProductFit as ProductFit, fit_products as fit_products
from .readings import (
    READERS as READERS,
    designed_stack as designed_stack,
    digital_energies as digital_energies,
    digital_fields as digital_fields,
    patterned_stack as patterned_stack,
    published_arrays as published_arrays,
)
from .search_depth import SearchDepth as SearchDepth, study_search_depth as study_search_depth
from .staging import (
    StagedScore as StagedScore,
    StagedWay as StagedWay,
    compare_staging as compare_staging,
    staged_ways as staged_ways,
)
from .strategy_comparison import (
    Comparison as Comparison,
    StrategyScore as StrategyScore,
    compare_strategies as compare_strategies,
)
