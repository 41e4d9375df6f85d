"""Figures and the report page: what a run looks like.

Needs matplotlib, `metastack[plots]`. It takes most of a second to import, so it is only loaded
when the first name is asked for: `import metastack.report` itself is free.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from .accuracy import accuracy_figure
    from .angular_response import angular_response_maps
    from .bound import bound_map
    from .calibration_report import write_calibration_report
    from .classification import classification_figure
    from .cost import cost_figure
    from .diagnosis import diagnosis_figure
    from .direction_report import write_direction_report
    from .displacements import displacement_drawing
    from .drawing import stack_drawing
    from .evidence import Evidence, write_evidence
    from .few import few_figure
    from .figures_of_page import PageFigure, page_figures, write_page_figures
    from .fit import response_against_target
    from .history import convergence
    from .holographic import holographic_figure
    from .html import Section, write_page
    from .likelihood import MarkedEstimate, Surface, error_ellipse, likelihood_surface
    from .losses import tradeoff
    from .matrices import link_matrices
    from .models import models_figure
    from .monitored import monitor_figure
    from .mse_study import BoundCurve, EstimatorKind, MseCurve, SimulatedCurve, mse_against_snr
    from .network_design import designers_figure
    from .networks import NETWORK_CAPTION, network_figure
    from .pattern_directions import pattern_directions_figure
    from .phases import pattern_maps, phase_maps
    from .pose_errors import pose_estimates
    from .pose_report import write_pose_report
    from .probes import probes_figure
    from .rates import rates_figure
    from .residuals import fit_history, residual_figure
    from .run_report import write_report
    from .schedules import schedule_figure
    from .search_depth import search_depth_figure
    from .spectrum import MarkedSpectrum, angular_spectrum_map
    from .strategies import strategies_figure
    from .study_figure import mse_figure
    from .sweep import search_figure, sweep_figure
    from .training import training_figure, tuning_figure
    from .ways_out import ways_out_figure
    from .wires import wires_figure

__all__ = [
    "NETWORK_CAPTION",
    "BoundCurve",
    "EstimatorKind",
    "Evidence",
    "MarkedEstimate",
    "MarkedSpectrum",
    "MseCurve",
    "PageFigure",
    "Section",
    "SimulatedCurve",
    "Surface",
    "accuracy_figure",
    "angular_response_maps",
    "angular_spectrum_map",
    "bound_map",
    "classification_figure",
    "convergence",
    "cost_figure",
    "designers_figure",
    "diagnosis_figure",
    "displacement_drawing",
    "error_ellipse",
    "few_figure",
    "fit_history",
    "holographic_figure",
    "likelihood_surface",
    "link_matrices",
    "models_figure",
    "monitor_figure",
    "mse_against_snr",
    "mse_figure",
    "network_figure",
    "page_figures",
    "pattern_directions_figure",
    "pattern_maps",
    "phase_maps",
    "pose_estimates",
    "probes_figure",
    "rates_figure",
    "residual_figure",
    "response_against_target",
    "schedule_figure",
    "search_depth_figure",
    "search_figure",
    "stack_drawing",
    "strategies_figure",
    "sweep_figure",
    "tradeoff",
    "training_figure",
    "tuning_figure",
    "ways_out_figure",
    "wires_figure",
    "write_calibration_report",
    "write_direction_report",
    "write_evidence",
    "write_page",
    "write_page_figures",
    "write_pose_report",
    "write_report",
]

_HOME = {
    "NETWORK_CAPTION": "networks",
    "BoundCurve": "mse_study",
    "EstimatorKind": "mse_study",
    "Evidence": "evidence",
    "MarkedEstimate": "likelihood",
    "MarkedSpectrum": "spectrum",
    "MseCurve": "mse_study",
    "PageFigure": "figures_of_page",
    "Section": "html",
    "SimulatedCurve": "mse_study",
    "Surface": "likelihood",
    "accuracy_figure": "accuracy",
    "angular_response_maps": "angular_response",
    "angular_spectrum_map": "spectrum",
    "bound_map": "bound",
    "classification_figure": "classification",
    "convergence": "history",
    "cost_figure": "cost",
    "designers_figure": "network_design",
    "diagnosis_figure": "diagnosis",
    "displacement_drawing": "displacements",
    "error_ellipse": "likelihood",
    "few_figure": "few",
    "fit_history": "residuals",
    "likelihood_surface": "likelihood",
    "holographic_figure": "holographic",
    "link_matrices": "matrices",
    "mse_figure": "study_figure",
    "models_figure": "models",
    "monitor_figure": "monitored",
    "mse_against_snr": "mse_study",
    "network_figure": "networks",
    "page_figures": "figures_of_page",
    "pattern_maps": "phases",
    "phase_maps": "phases",
    "pose_estimates": "pose_errors",
    "probes_figure": "probes",
    "pattern_directions_figure": "pattern_directions",
    "rates_figure": "rates",
    "residual_figure": "residuals",
    "response_against_target": "fit",
    "schedule_figure": "schedules",
    "search_depth_figure": "search_depth",
    "stack_drawing": "drawing",
    "strategies_figure": "strategies",
    "sweep_figure": "sweep",
    "search_figure": "sweep",
    "tradeoff": "losses",
    "training_figure": "training",
    "tuning_figure": "training",
    "ways_out_figure": "ways_out",
    "wires_figure": "wires",
    "write_calibration_report": "calibration_report",
    "write_direction_report": "direction_report",
    "write_evidence": "evidence",
    "write_page": "html",
    "write_page_figures": "figures_of_page",
    "write_pose_report": "pose_report",
    "write_report": "run_report",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for from the file that it lives in."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise InputError("Drawing figures needs matplotlib; install metastack[plots].") from error
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
