"""What Figs. 6 and 7 of the DOA paper have in common: the spectrum of one direction, three ways.

By the published response of the trained stack, by a stack of our design and by the digital DFT;
and what maximum likelihood makes of the same energies in noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Complex
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from ....design import design_phases
from ....doa import (
    DirectionModel,
    EffectiveSnr,
    KnownNoise,
    Protocol,
    angular_spectrum,
    cramer_rao,
    energies,
    energy_information,
    maximum_likelihood,
    peak_estimate,
    received_field,
    simulate_snapshots,
)
from ....precision import float64
from ....report.style import MAGNITUDE_MAP, new_figure, styled
from ....targets import dft_2d
from ...units import Results, Unit
from ..published_data import published_array
from ..study import Judgement, Verdict
from .descents import uniform_stack

PUBLISHED, OURS, DIGITAL = "trained stack, published", "stack, our design", "digital 2D DFT"
_SHOWN_RANGE_DB = 40.0
# Rounding of decibels, where a stack is the DFT to the last digit.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Spectra:
    """What is shown.

    `psi_over_pi`: the direction. `steps`: snapshots a side. `goal_db`: of our design, the NMSE at
    which it ends. `snr_db`, `runs`: of the estimates off the grid.
    """

    response: str
    stack: Mapping[str, Any]
    side: int
    steps: int
    psi_over_pi: tuple[float, float]
    goal_db: float
    snr_db: float = 20.0
    runs: int = 200
    seed: int = 0


def units(parameters: Spectra) -> list[Unit]:
    """Our design, which takes longest, then the spectra with it, then the runs off the grid."""
    p = parameters
    common = {"side": p.side, "steps": p.steps, "psi_over_pi": p.psi_over_pi}
    ours = {"stack": dict(p.stack), "goal_db": p.goal_db, "seed": p.seed}
    noisy = {"response": p.response, "snr_db": p.snr_db, "runs": p.runs, "seed": p.seed}
    return [
        Unit(designed_spectrum, {**common, **ours}),
        Unit(published_spectra, {**common, "response": p.response}),
        Unit(off_the_grid, {**common, **noisy}),
    ]


def designed_spectrum(
    *,
    stack: Mapping[str, Any],
    goal_db: float,
    seed: int,
    side: int,
    steps: int,
    psi_over_pi: Sequence[float],
) -> dict[str, np.ndarray]:
    """The spectrum of a stack that `design_phases` makes a DFT, as `spectrum` tells it."""
    target = dft_2d(side, side)
    (found,) = design_phases(uniform_stack(**stack), target, starts=1, seed=seed, goal_db=goal_db)
    G = found.response * EffectiveSnr(0.0).scale(found.response, target)
    told = _spectrum(G, side, steps, psi_over_pi)
    loss = np.array(found.insertion_loss_db)
    return {**told, "nmse_db": np.array(found.nmse_db), "insertion_loss_db": loss}


def published_spectra(
    *, response: str, side: int, steps: int, psi_over_pi: Sequence[float]
) -> dict[str, np.ndarray]:
    """The spectra of the published response and, as `digital_…`, of the exact DFT."""
    target = dft_2d(side, side)
    digital = _spectrum(target, side, steps, psi_over_pi)
    told = _spectrum(published_array(response), side, steps, psi_over_pi)
    return {**told, **{f"digital_{name}": value for name, value in digital.items()}}


def _spectrum(
    response: Complex[np.ndarray, "probes elements"],
    side: int,
    steps: int,
    psi_over_pi: Sequence[float],
) -> dict[str, np.ndarray]:
    """`power_db` (y, x); `found_over_pi`; `bound`: most that an amplitude can be off a DFT's.

    The fields differ by (G - F) Υ a, in any probe by no more than the largest row sum of |G - F|;
    so do their peaks, and amplitudes over the peak by no more than twice that over the peak.
    """
    protocol, angles = Protocol(side, side, steps, steps), _angles(psi_over_pi)
    field = received_field(response, protocol, **angles)
    estimate = peak_estimate(energies(field), protocol)
    off = np.abs(response - dft_2d(side, side)).sum(axis=1).max()
    return {
        "power_db": angular_spectrum(energies(field), protocol).power_db,
        "found_over_pi": np.array([estimate.psi_x_rad, estimate.psi_y_rad]) / np.pi,
        "bound": np.array(2 * off / np.abs(field).max()),
    }


def _angles(psi_over_pi: Sequence[float]) -> dict[str, float]:
    x, y = psi_over_pi
    return {"psi_x_rad": x * np.pi, "psi_y_rad": y * np.pi}


def off_the_grid(
    *,
    response: str,
    side: int,
    steps: int,
    psi_over_pi: Sequence[float],
    snr_db: float,
    runs: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Errors of ψ/π, (run, axis), of maximum likelihood and of the peak; the bound's deviation."""
    G, protocol, noise = (
        published_array(response),
        Protocol(side, side, steps, steps),
        EffectiveSnr(snr_db),
    )
    psi_rad = np.pi * np.array(psi_over_pi)
    x, y = np.repeat(psi_rad[:, None], runs, axis=1)
    received = simulate_snapshots(G, protocol, psi_x_rad=x, psi_y_rad=y, noise=noise, seed=seed)
    measured = energies(received)
    model = DirectionModel.of_stack(noise.scale(G, dft_2d(side, side)) * G, protocol)
    level = KnownNoise(noise.variance)
    ml = maximum_likelihood(measured, model, noise=level)
    peak = peak_estimate(measured, protocol)
    with float64():
        information = energy_information(model, psi_rad[None], noise=level)
    by_peak = np.stack([peak.psi_x_rad, peak.psi_y_rad], axis=-1)
    return {
        "ml_error": (np.asarray(ml.psi_rad) - psi_rad) / np.pi,
        "peak_error": (by_peak - psi_rad) / np.pi,
        "deviation": np.sqrt(np.diagonal(cramer_rao(information)[0])) / np.pi,
    }


def gather(parameters: Spectra, results: Sequence[Results]) -> xr.Dataset:
    """Spectra in dB of their peak over `way`, `psi_y` and `psi_x`, in π; errors off the grid."""
    ours, published, noisy = results
    digital = {
        name: published[f"digital_{name}"] for name in ("power_db", "found_over_pi", "bound")
    }
    ways = (published, ours, digital)
    bins = (2 * np.arange(parameters.side * parameters.steps)) / (
        parameters.side * parameters.steps
    ) - 1
    return xr.Dataset(
        {
            "power_db": (("way", "psi_y", "psi_x"), np.array([w["power_db"] for w in ways])),
            "found_over_pi": (("way", "axis"), np.array([w["found_over_pi"] for w in ways])),
            "bound": ("way", np.array([w["bound"] for w in ways])),
            "true_over_pi": ("axis", np.array(parameters.psi_over_pi)),
            "design_nmse_db": ours["nmse_db"],
            "insertion_loss_db": ours["insertion_loss_db"],
            "ml_error": (("run", "axis"), noisy["ml_error"]),
            "peak_error": (("run", "axis"), noisy["peak_error"]),
            "deviation": ("axis", noisy["deviation"]),
        },
        coords={
            "way": [PUBLISHED, OURS, DIGITAL],
            "axis": ["x", "y"],
            "psi_x": bins,
            "psi_y": bins,
        },
        attrs={"snr_db": parameters.snr_db, "side": parameters.side, "steps": parameters.steps},
    )


@styled
def draw(data: xr.Dataset) -> Figure:
    """Three panels on one scale, the true direction a red cross in each."""
    figure = new_figure(2.9, 7.16)
    panels: list[Axes] = figure.subplots(1, 3, sharex=True, sharey=True).tolist()
    images = [
        _panel(axes, data.sel(way=way)) for axes, way in zip(panels, data.way.values, strict=True)
    ]
    panels[0].set_ylabel("$ψ_y/π$")
    figure.colorbar(images[-1], ax=panels, label="power relative to peak (dB)", extend="min")
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center")
    return figure


def _panel(axes: Axes, data: xr.Dataset) -> QuadMesh:
    mesh = axes.pcolormesh(
        data.psi_x,
        data.psi_y,
        np.maximum(data.power_db, -10 * _SHOWN_RANGE_DB),
        cmap=MAGNITUDE_MAP,
        vmin=-_SHOWN_RANGE_DB,
        vmax=0,
        shading="nearest",
        rasterized=True,
    )
    axes.plot(*data.true_over_pi.values, "x", color="red", markersize=6, label="true direction")
    axes.set_title(str(data.way.item()))
    axes.set_aspect("equal")
    axes.set_xlabel("$ψ_x/π$")
    return mesh


def judge(data: xr.Dataset) -> list[Verdict]:
    """The peak's bin, how near the spectra are to the digital one, and what is off the grid."""
    stacks = [data.sel(way=way) for way in (PUBLISHED, OURS)]
    digital = data.sel(way=DIGITAL)
    return [
        *(_judge_bin(each) for each in stacks),
        *(_judge_spectrum(each, digital) for each in stacks),
        _judge_off_grid(data),
    ]


def _judge_bin(data: xr.Dataset) -> Verdict:
    bins = data.psi_x.values
    nearest = np.array([bins[np.abs(bins - psi).argmin()] for psi in data.true_over_pi.values])
    found = data.found_over_pi.values
    agrees = bool(np.allclose(found, nearest, rtol=0, atol=1e-12))
    return Verdict(
        Judgement.AGREES if agrees else Judgement.DIFFERS,
        f"The peak of the {data.way.item()} is at ψ = ({found[0]:.6g}, {found[1]:.6g})π, "
        f"{'the' if agrees else 'not the'} bin nearest to the source at "
        f"({data.true_over_pi.values[0]:g}, {data.true_over_pi.values[1]:g})π.",
    )


def _judge_spectrum(data: xr.Dataset, digital: xr.Dataset) -> Verdict:
    """'Almost the same signal spectrum as the 2D digital DFT'."""
    one, other = (10 ** (each.power_db.values / 20) for each in (data, digital))
    off, bound = np.abs(one - other).max(), float(data.bound)
    how = (
        f" Its insertion loss is {float(data.insertion_loss_db):.1f} dB."
        if data.way.item() == OURS
        else ""
    )
    return Verdict(
        Judgement.AGREES if off <= bound + _ROUNDING and bound < 0.1 else Judgement.DIFFERS,
        f"Over the whole spectrum, amplitudes of the {data.way.item()} are within {off:.2g} of the "
        f"digital ones, peak 1; the error of its DFT allows {bound:.2g}.{how}",
    )


def _judge_off_grid(data: xr.Dataset) -> Verdict:
    """The root mean square of both angles; chi-square tells how far it may be off the bound."""
    ml, peak = (
        float(np.sqrt((each.values**2).mean())) for each in (data.ml_error, data.peak_error)
    )
    bound = float(np.sqrt((data.deviation.values**2).mean()))
    return Verdict(
        Judgement.BETTER if ml < peak else Judgement.DIFFERS,
        f"In noise, at {data.attrs['snr_db']:g} dB effective SNR, maximum likelihood from the "
        f"published stack's energies errs by {ml:.2g} π ({data.sizes['run']} runs, root mean "
        f"square; Cramér-Rao bound {bound:.2g} π), the strongest bin by {peak:.2g} π.",
    )
