"""The public names and where each is defined; `__init__.py` loads them from this list."""

from .axes import Axis as Axis, Points as Points, labelled as labelled
from .designs import (
    DesignSettings as DesignSettings,
    design_points as design_points,
    design_units as design_units,
)
from .search import pareto_front as pareto_front, search as search
from .space import Draw as Draw, Objective as Objective, SearchPlan as SearchPlan
from .summary import shown_results as shown_results, summaries as summaries
from .sweep_file import (
    SweepDescription as SweepDescription,
    parse_sweep as parse_sweep,
    read_sweep as read_sweep,
)
