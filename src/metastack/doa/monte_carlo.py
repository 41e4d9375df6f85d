"""Monte Carlo: how far off readings are, over many directions and noises, with intervals.

Trials run in compiled batches, several at a time on all cores. Batch k draws from the k-th fold
of the seed's key, so that the same seed gives the same trials whatever the number of cores.

Source: DOA paper, section VI-D; intervals by the central limit theorem.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Complex, Float
from scipy.stats import norm

from .._types import AnyArray
from ..errors import require
from ..precision import float64
from ..targets import dft_2d
from .angles import wrapped_rad
from .directions import Directions, PsiSquare
from .draws import complex_normal_draws
from .model import DirectionModel
from .noise import NoiseLevel
from .protocol import Protocol
from .readers import Reader
from .source import Source, SteadySource

# Measurements in a batch: enough that starting one costs nothing beside it.
_MEASUREMENTS_A_BATCH = 1 << 18

# XLA uses half the width of 512-bit vector units, if not told.
_COMPILER_OPTIONS = {"xla_cpu_prefer_vector_width": 512}

# Called after every batch with the number of trials that are done.
OnTrials: TypeAlias = Callable[[int], None]


class Experiment(eqx.Module):
    """A device in noise, and where sources stand before it."""

    model: DirectionModel
    noise_variance: float
    source: Source = eqx.field(static=True, default=SteadySource())
    directions: Directions = eqx.field(static=True, default=PsiSquare())


def stack_experiment(
    response: Complex[AnyArray, "receivers inputs"],
    protocol: Protocol,
    noise: NoiseLevel,
    *,
    target: Complex[AnyArray, "receivers inputs"] | None = None,
    source: Source | None = None,
    directions: Directions | None = None,
) -> Experiment:
    """A stack at a stated SNR, scaled as that SNR demands.

    `target`: what the response was fitted to, for the scale of `EffectiveSnr`; without one, the
    protocol's DFT. The source is steady and the directions are the paper's, if not told.

    Raises:
        InputError: `response` does not fit the protocol.
    """
    model = DirectionModel.of_stack(response, protocol)
    target = dft_2d(protocol.columns, protocol.rows) if target is None else target
    scaled = DirectionModel(
        noise.scale(response, target) * np.asarray(model.weights), model.columns, model.rows
    )
    return Experiment(scaled, noise.variance, source or SteadySource(), directions or PsiSquare())


@dataclass(frozen=True)
class MonteCarlo:
    """Mean squared errors of ψ_x and ψ_y in rad², errors wrapped to [-π, π).

    `low_rad2`, `high_rad2` bound each mean at the given confidence. `both_rad2` and its bounds are
    for the mean of the two angles; `worst_rad` is the largest error of all.
    """

    trials: int
    mse_rad2: Float[np.ndarray, "2"]
    low_rad2: Float[np.ndarray, "2"]
    high_rad2: Float[np.ndarray, "2"]
    both_rad2: float
    both_low_rad2: float
    both_high_rad2: float
    worst_rad: Float[np.ndarray, "2"]
    confidence: float


def monte_carlo(
    experiment: Experiment,
    reader: Reader,
    *,
    trials: int,
    seed: int,
    dtype: DTypeLike = jnp.complex128,
    confidence: float = 0.99,
    workers: int | None = None,
    on_trials: OnTrials | None = None,
) -> MonteCarlo:
    """Errors of `reader` over `trials` directions, each with noise of its own.

    `dtype`: complex64 is twice as fast, and good for errors above 1e-6 rad. `workers`: threads,
    as many as there are cores if not told. Ctrl-C ends the run with the trials that are done, if
    there are two at least.

    Raises:
        InputError: fewer than two trials, or a confidence outside (0, 1).
    """
    require(trials >= 2, f"`trials` must be at least 2, but is {trials}.")
    require(0 < confidence < 1, f"`confidence` must be between 0 and 1, but is {confidence}.")
    parts: list[Float[np.ndarray, "batch 2"]] = []
    try:
        precision, threads = jnp.dtype(dtype), workers or os.cpu_count()
        for part in _batches(experiment, reader, trials, seed, precision, threads):
            parts.append(part)
            if on_trials is not None:
                on_trials(sum(map(len, parts)))
    except KeyboardInterrupt:
        if sum(map(len, parts)) < 2:
            raise
    return _summary(np.concatenate(parts), confidence)


def _batches(
    experiment: Experiment,
    reader: Reader,
    trials: int,
    seed: int,
    dtype: jnp.dtype,
    workers: int | None,
) -> Iterator[Float[np.ndarray, "batch 2"]]:
    """Errors in rad, batch after batch."""
    size = batch_size(experiment.model)
    with float64():
        root = jax.random.key(_folded(seed))
    dynamic, static = eqx.partition((_cast(experiment, dtype), _cast(reader, dtype)), eqx.is_array)

    def run(index: int) -> Float[np.ndarray, "batch 2"]:
        with float64():
            left = trials - index * size
            # Powers of two, so that other numbers of trials are not compiled again.
            count = min(size, 1 << (left - 1).bit_length())
            errors = _errors(dynamic, static, root, np.uint32(index), size, count, dtype)
        return np.asarray(errors, float)[:left]

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(run, index) for index in range(-(-trials // size))]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _folded(seed: int) -> int:
    """A seed of any size in the 63 bits that a key takes."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))


def batch_size(model: DirectionModel) -> int:
    """Trials in a batch."""
    return max(16, _MEASUREMENTS_A_BATCH // (model.snapshots * model.probes))


@partial(jax.jit, static_argnums=(1, 4, 5, 6), compiler_options=_COMPILER_OPTIONS)
def _errors(
    dynamic: Any,
    static: Any,
    root: Array,
    index: Any,
    size: int,
    count: int,
    dtype: jnp.dtype,
) -> Float[Array, "{count} 2"]:
    """Wrapped errors of the first `count` readings of one batch; all of it is drawn."""
    experiment, reader = eqx.combine(dynamic, static)
    key = jax.random.fold_in(root, index)
    psi_rad, received = draw_runs(experiment, key, size, dtype)
    return wrapped_rad(reader(received[:count]) - psi_rad[:count])


def draw_runs(
    experiment: Experiment, key: Array, count: int, dtype: jnp.dtype
) -> tuple[Float[Array, "count 2"], Complex[Array, "count snapshots probes"]]:
    """Directions, and what the detectors receive from a source in each: eq. (15)."""
    for_directions, for_source, for_noise = jax.random.split(key, 3)
    real = jnp.finfo(dtype).dtype
    psi_rad = experiment.directions.draw(for_directions, count, real)
    field = experiment.model.field(psi_rad)
    s = experiment.source.draw(for_source, field.shape[:2], dtype)
    deviation = jnp.sqrt(jnp.asarray(experiment.noise_variance, real))
    return psi_rad, field * s[..., None] + deviation * complex_normal_draws(
        for_noise, field.shape, dtype
    )


def _cast(tree: object, dtype: jnp.dtype) -> object:
    """The same with its numbers in the run's precision."""
    real = jnp.finfo(dtype).dtype

    def cast(leaf: object) -> object:
        if not eqx.is_inexact_array_like(leaf):
            return leaf
        return jnp.asarray(leaf, dtype if jnp.iscomplexobj(leaf) else real)

    with float64():
        return jax.tree.map(cast, tree)


def _summary(errors_rad: Float[np.ndarray, "trials 2"], confidence: float) -> MonteCarlo:
    """Means and their intervals; on a log scale, so that no interval reaches below zero."""
    squared = np.column_stack([errors_rad**2, (errors_rad**2).mean(axis=1)])
    mean = squared.mean(axis=0)
    relative = squared.std(axis=0, ddof=1) / np.sqrt(len(squared)) / np.where(mean > 0, mean, 1)
    factor = np.exp(norm.ppf((1 + confidence) / 2) * relative)
    return MonteCarlo(
        trials=len(squared),
        mse_rad2=mean[:2],
        low_rad2=(mean / factor)[:2],
        high_rad2=(mean * factor)[:2],
        both_rad2=float(mean[2]),
        both_low_rad2=float(mean[2] / factor[2]),
        both_high_rad2=float(mean[2] * factor[2]),
        worst_rad=np.abs(errors_rad).max(axis=0),
        confidence=confidence,
    )
