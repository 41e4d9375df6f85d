"""Estimates and bounds from energies a second: batches in JAX, NumPy and SciPy one by one.

An exact 4x4 DFT, 16 snapshots, 10 dB effective SNR. The baselines get their tables for nothing,
and SciPy's maximum likelihood follows one start where ours follows three.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import numpy as np

import metastack
from metastack.doa import (
    EffectiveSnr,
    Experiment,
    KnownNoise,
    LagStart,
    MaximumLikelihood,
    Protocol,
    cramer_rao,
    energy_information,
    stack_experiment,
    wrapped_rad,
)
from metastack.doa.monte_carlo import draw_runs
from metastack.targets import dft_2d

from .baselines import doa_single_runs as single
from .rows import Row, per_second, rate_row, yes
from .timing import Clocked, alternate, clocked

PROTOCOL = Protocol(4, 4, 4, 4)
WHAT = f"4x4, T={PROTOCOL.snapshots}"
STARTS, RUNS, DIRECTIONS = 20_000, 1_000, 5_000
LONE_RUNS, LONE_DIRECTIONS = 50, 500
STARTS_A_SECOND = 1e6
PRECISIONS = (np.complex64, np.complex128)
ROUNDS = 7


def rows() -> Iterator[Row]:
    experiment = stack_experiment(dft_2d(4, 4), PROTOCOL, EffectiveSnr(10.0))
    for dtype in PRECISIONS:
        yield _start_row(experiment, dtype)
    for dtype in PRECISIONS:
        yield from _likelihood_rows(experiment, dtype)
    yield from _bound_rows(experiment)


def _start_row(experiment: Experiment, dtype: type) -> Row:
    """The baseline is the phase of the energies' first Fourier coefficients, all runs at once."""
    _, energies = _draw(experiment, STARTS, dtype)
    with _precision(dtype):
        start = _compiled(LagStart.of(experiment.model), dtype)
    at_hand = np.asarray(energies)
    phases = np.stack(PROTOCOL.bins_rad, axis=-1).reshape(-1, 2)
    waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1).astype(at_hand.dtype)

    def moments(_: int) -> np.ndarray:
        sums = at_hand.reshape(STARTS, -1) @ waves
        return np.arctan2(sums[:, 2:], sums[:, :2])

    compared = alternate(
        _each(lambda _: start(energies), STARTS), _each(moments, STARTS), rounds=ROUNDS
    )
    row = rate_row(f"closed-form start, {WHAT}, {at_hand.dtype}: NumPy batch", compared, "starts")
    rate = 1 / float(np.median(compared.ours_s))
    return replace(
        row, reach=f"≥ {per_second(STARTS_A_SECOND)}", reached=yes(rate >= STARTS_A_SECOND)
    )


def _likelihood_rows(experiment: Experiment, dtype: type) -> Iterator[Row]:
    """The same likelihood by SciPy's BFGS, started from the closed form."""
    psi_rad, energies = _draw(experiment, RUNS, dtype)
    noise = KnownNoise(experiment.noise_variance)
    with _precision(dtype):
        estimate = _compiled(MaximumLikelihood.of(experiment.model, noise=noise), dtype)
        starts = np.asarray(LagStart.of(experiment.model)(energies), float)
    device, alone = single.Device(experiment.model, experiment.noise_variance), np.asarray(energies)

    def one_by_one(count: int) -> np.ndarray:
        pairs = zip(alone[:count], starts, strict=False)
        return np.stack([single.most_likely(device, one.astype(float), psi) for one, psi in pairs])

    compared = alternate(
        _each(lambda _: estimate(energies).psi_rad, RUNS),
        _each(lambda _: one_by_one(LONE_RUNS), LONE_RUNS),
        rounds=ROUNDS,
    )
    yield rate_row(f"maximum likelihood, {WHAT}, {alone.dtype}: SciPy BFGS", compared, "runs")
    ours, theirs = (
        np.mean(wrapped_rad(np.asarray(found, float) - psi_rad) ** 2)
        for found in (estimate(energies).psi_rad, one_by_one(RUNS))
    )
    yield Row("  mean squared error of ψ", f"{ours:.3g} rad²", f"{theirs:.3g} rad²")


def _bound_rows(experiment: Experiment) -> Iterator[Row]:
    """The baseline interpolates the information of one energy in a table that it is given."""
    model, variance = experiment.model, experiment.noise_variance
    psi_rad = np.random.default_rng(0).uniform(-np.pi, np.pi, (DIRECTIONS, 2))
    device, table = single.Device(model, variance), single.informations()

    def ours(_: int) -> np.ndarray:
        return cramer_rao(energy_information(model, psi_rad, noise=KnownNoise(variance)))

    def one_by_one(_: int) -> np.ndarray:
        return np.stack([single.bound(device, psi, table) for psi in psi_rad[:LONE_DIRECTIONS]])

    compared = alternate(_each(ours, DIRECTIONS), _each(one_by_one, LONE_DIRECTIONS), rounds=ROUNDS)
    yield rate_row(f"energy-only bound, {WHAT}: NumPy, one by one", compared, "bounds")
    both = (np.diagonal(bounds, axis1=1, axis2=2) for bounds in (ours(0), one_by_one(0)))
    exact, interpolated = (variances[:LONE_DIRECTIONS] for variances in both)
    off = np.abs(interpolated / exact - 1).max()
    yield Row("  largest difference of a variance, relative", f"{off:.1e}")


def _draw(experiment: Experiment, count: int, dtype: type) -> tuple[np.ndarray, jax.Array]:
    """Directions, and energies in the precision that goes with `dtype`."""
    with metastack.float64():
        psi_rad, received = draw_runs(experiment, jax.random.key(0), count, np.dtype(dtype))
        energies = received.real**2 + received.imag**2
        return np.asarray(psi_rad), energies.astype(np.zeros(0, dtype).real.dtype)


def _precision(dtype: type) -> AbstractContextManager[None]:
    """How users enter it: single precision is JAX's own."""
    return metastack.float64() if dtype is np.complex128 else nullcontext()


def _compiled(estimator: Callable[..., Any], dtype: type) -> Callable[..., Any]:
    """The estimator, compiled, in its precision."""
    compiled = eqx.filter_jit(estimator)

    def run(energies: jax.Array) -> Any:
        with _precision(dtype):
            return compiled(energies)

    return run


def _each(run: Callable[[int], Any], count: int) -> Clocked:
    """Seconds of one of `count` things that a run does."""
    clock = clocked(run)
    return lambda index: clock(index) / count
