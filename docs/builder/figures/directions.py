"""Figures of directions of arrival, and the picture of the loop."""

from io import BytesIO
from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

import metastack as ms
from metastack import calibration as cal, doa
from metastack.report import angular_spectrum_map
from metastack.report.style import (
    BLUE,
    GREY,
    MAGNITUDE_MAP,
    ORANGE,
    VERMILION,
    new_figure,
    styled,
)

_PROTOCOL = ms.Protocol(2, 2, snapshots_x=4, snapshots_y=4)
_TRIALS = 1000
_PILOT_SNR_DB = 30.0


def spectrum() -> Figure:
    """The spectrum of the tutorial, with truth and estimate."""
    psi = 0.9, -1.2
    F, noise = ms.dft_2d(2, 2), ms.EffectiveSnr(10)
    received = ms.simulate_snapshots(
        F, _PROTOCOL, psi_x_rad=psi[0], psi_y_rad=psi[1], noise=noise, seed=3
    )
    energies = ms.energies(received)
    model = doa.DirectionModel.of_stack(F, _PROTOCOL)
    found = doa.maximum_likelihood(energies, model, noise=doa.UnknownNoise(0.1))
    seen = ms.angular_spectrum(energies, _PROTOCOL)
    estimate = float(found.psi_rad[0]), float(found.psi_rad[1])
    return angular_spectrum_map(seen.psi_x_rad, seen.psi_y_rad, seen.power_db, psi, [estimate])


@styled
def grid_floor() -> Figure:
    """Errors of three readings over the SNR, bound and floor."""
    levels_db = np.arange(-10, 31, 5)
    curves = np.array([_errors(float(level)) for level in levels_db]) / np.pi**2
    figure = new_figure(2.8)
    axes = figure.add_subplot()
    looks = (("peak", VERMILION, "s-"), ("closed form", ORANGE, "^-"), ("likelihood", BLUE, "o-"))
    for (label, colour, style), mse in zip(looks, curves.T, strict=False):
        axes.semilogy(levels_db, mse, style, color=colour, markersize=4, label=label)
    axes.semilogy(levels_db, curves[:, 3], "k--", linewidth=1, label="Cramér-Rao bound")
    axes.axhline((2 / 8) ** 2 / 12, color=GREY, linestyle=":", label="floor of the grid")
    axes.set(xlabel="effective SNR (dB)", ylabel="mean squared error of $ψ/π$", ylim=(1e-6, 1))
    axes.legend()
    return figure


def _errors(level_db: float) -> tuple[float, float, float, float]:
    """Mean squared error of the peak, the closed form and likelihood, and the bound, rad²."""
    snr = ms.EffectiveSnr(level_db)
    experiment = doa.stack_experiment(ms.dft_2d(2, 2), _PROTOCOL, snr)
    noise = doa.KnownNoise(np.float64(snr.variance))
    with ms.float64():
        readers = (
            doa.PeakReader.of(_PROTOCOL),
            doa.LagReader(doa.LagStart.of(experiment.model)),
            doa.LikelihoodReader(doa.MaximumLikelihood.of(experiment.model, noise=noise)),
        )
    peak, lags, likely = (
        doa.monte_carlo(experiment, reader, trials=_TRIALS, seed=0).both_rad2 for reader in readers
    )
    psi = np.random.default_rng(0).uniform(-0.7 * np.pi, 0.7 * np.pi, (_TRIALS, 2))
    information = doa.energy_information(experiment.model, psi, noise=noise)
    bound = np.trace(doa.cramer_rao(information), axis1=1, axis2=2).mean() / 2
    return peak, lags, likely, float(bound)


@styled
def loop() -> Figure:
    """What each of four detectors sees, as designed, as built and as calibrated."""
    target = ms.dft_2d(2, 2)
    responses = _responses(target)
    figure = new_figure(4.0, width_in=7.0)
    rows = figure.subplots(3, 4, sharex=True, sharey=True)
    names = ("as designed", "as built", "designed again")
    for panels, name, response in zip(rows, names, responses, strict=True):
        nmse_db = float(ms.decibels(ms.nmse(response, target)))
        panels[0].set_ylabel(f"{name}\nNMSE {nmse_db:.0f} dB\n$ψ_y/π$")
        mesh = [_draw_gain(axes, gain) for axes, gain in zip(panels, _gains(response), strict=True)]
    for receiver, axes in enumerate(rows[0]):
        axes.set_title(f"detector {receiver}")
    for axes in rows[-1]:
        axes.set_xlabel("$ψ_x/π$")
    figure.colorbar(mesh[0], ax=rows, label="power, relative to the strongest (dB)", shrink=0.8)
    return figure


def write_loop(path: Path) -> None:
    """The same as a picture of 64 colours, which is small enough to be committed."""
    buffer = BytesIO()
    loop().savefig(buffer, dpi=110)
    Image.open(buffer).convert("RGB").quantize(64).save(path, optimize=True)


def _draw_gain(axes: Axes, gain: np.ndarray) -> QuadMesh:
    """Power of one detector over the electrical angles."""
    grid = np.linspace(-1, 1, gain.shape[0])
    axes.set_aspect("equal")
    axes.set_xticks([-1, 0, 1])
    axes.set_yticks([-1, 0, 1])
    return axes.pcolormesh(
        grid, grid, gain, cmap=MAGNITUDE_MAP, vmin=-30, vmax=0, shading="nearest", rasterized=True
    )


def _gains(response: np.ndarray, points: int = 81) -> np.ndarray:
    """Power of each detector over all directions, dB of the strongest of all."""
    psi = np.linspace(-np.pi, np.pi, points)
    psi_x, psi_y = np.meshgrid(psi, psi)
    power = np.abs(ms.steering_vector(psi_x, psi_y, 2, 2) @ response.T) ** 2
    return 10 * np.log10(np.moveaxis(power / power.max(), -1, 0) + 1e-12)


def _responses(target: np.ndarray) -> list[np.ndarray]:
    """The loop on the published 2x2 stack: layers off by up to 5 % of a wavelength, 20 pilots."""
    nominal = ms.make_uniform_stack(
        ports=2, atoms_per_side=11, layers=7, thickness_wavelengths=9.0, spacing_wavelengths=0.5
    )
    tolerances = ms.Imperfections(ms.Pose(dy_m=0.05 * nominal.wavelength_m))
    built = ms.built(nominal, tolerances, jax.random.key(0))
    user = cal.OntoInputLayer(cal.PlaneWaves.from_angles(np.radians([20.0]), np.radians([35.0])))
    expected = cal.Expected.within(tolerances)
    noise = cal.reference_power(nominal, user) * 10 ** (-_PILOT_SNR_DB / 10)
    designed = cal.design_plan(nominal, 20, user, expected=expected, noise_variance=noise, steps=40)
    key = jax.random.key(1)
    pilots = cal.simulate_pilots(built, designed.plan, snr_db=_PILOT_SNR_DB, key=key)
    found = cal.calibrate(nominal, pilots, expected=expected)
    first, again = (
        ms.design_phases(stack, target, insertion_loss_db=10.0)[0]
        for stack in (nominal, found.stack)
    )
    shown = (nominal, first), (built, first), (built, again)
    return [np.asarray(ms.response(stack, design.phases_rad)) for stack, design in shown]
