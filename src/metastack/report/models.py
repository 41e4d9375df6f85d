"""Interlayer models side by side: the entries of one hop's matrix against distance."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..study import ModelProfile
from .style import MARKERS, SERIES, new_figure, styled

# One look for a model in every figure, that of the last for models of others.
_LOOKS = ("rayleigh_sommerfeld", "radar", "near_field", "measured", "dipoles")
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
_LABELS = (
    "magnitude of entries (dB)",
    "phase against own (°)",
    "difference from own (dB)",
)
_WRITTEN = {"rayleigh_sommerfeld": "Rayleigh-Sommerfeld"}
# Smaller phases are none to look at.
_LEAST_PHASE_DEG = 5.0
_MARKED = 6


@styled
def models_figure(profiles: Sequence[ModelProfile], title: str) -> Figure:
    """Magnitudes, as each model says; phase and difference from the first, which is the own one.

    Phases and differences are after the best complex scale of the whole matrix.
    """
    figure = new_figure(2.6, width_in=7.0)
    panels = figure.subplots(1, 3)
    for number, profile in enumerate(profiles):
        _draw(panels[0], profile, profile.magnitude_db)
        if number > 0:
            _draw(panels[1], profile, profile.phase_deg)
            _draw(panels[2], profile, profile.difference_db)
    low, high = panels[1].get_ylim()
    panels[1].set_ylim(min(low, -_LEAST_PHASE_DEG), max(high, _LEAST_PHASE_DEG))
    for axes, label in zip(panels, _LABELS, strict=True):
        axes.set_xlabel("distance between elements (λ)")
        axes.set_ylabel(label)
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    lines = panels[0].get_lines()
    names = [_shown(profile.model) for profile in profiles]
    figure.legend(
        lines,
        [f"{names[0]} (own)", *names[1:]],
        loc="outside upper center",
        ncols=len(names),
        title=title,
        title_fontsize=8,
    )
    return figure


def _draw(axes: Axes, profile: ModelProfile, values: Float[np.ndarray, " distances"]) -> None:
    """A line with a few markers, at other places for every model."""
    is_known = profile.model in _LOOKS
    look = _LOOKS.index(profile.model) if is_known else len(_LOOKS)
    every = max(1, len(values) // _MARKED)
    axes.plot(
        profile.distance_wavelengths,
        np.where(np.isfinite(values), values, np.nan),
        linestyle=_LINES[look],
        marker=MARKERS[look],
        color=SERIES[look],
        markerfacecolor="white",
        markersize=3.5,
        linewidth=0.9,
        markevery=(look * every // len(_LINES), every),
    )


def _shown(name: str) -> str:
    return _WRITTEN.get(name, name.replace("_", " ").capitalize())
