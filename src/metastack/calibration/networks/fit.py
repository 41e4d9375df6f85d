"""Calibrating a device of which the designed network is known: which network explains the pilots.

Gauss-Newton on the whole scattering matrix, of thousands of elements, with a prior about the
designed one: values of a moving network, as poses, and an element-wise remainder. There are fewer
pilots than elements, so every step is solved in the space of pilots. Inside, the network is known
up to a gauge, as every device is that is seen from outside: judge by what it predicts.

Source: ours; DESIGN.md, Calibration, for the element-wise part.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float

from ...errors import require
from ...multiport import Device, Scatterers
from .linear import LinearPilots, gram, symmetric
from .prior import MovingNetwork, StillNetwork, Strengths, likeliest_strengths

_FIRST = Strengths(of_motion=0.3, of_all=0.03, noise_variance=0.0)
# So many configurations tell the strengths well enough, and are solved in a moment.
_FEW = 40
# Noise below this share of the pilots' power is rounding.
_ROUNDING = 1e-13
# Configurations in the first steps: a start that is near takes few, and costs little.
_PARTS = (40, 40, 80, 120)
# Strengths are settled once what is not linear is small beside them.
_TELLING_STEPS = 3


@dataclass(frozen=True, eq=False)
class NetworkCalibration:
    """A device whose network explains its pilots.

    `values`: of what moves, in units of their expected deviations; `remainder`: of the scattering
    matrix beside it. `left`: share of the pilots' energy that was not explained, before every step
    and at the end.
    """

    device: Device
    values: Float[np.ndarray, " values"]
    remainder: Complex[np.ndarray, "ports ports"]
    strengths: Strengths
    left: tuple[float, ...]

    def predicted(self, layers: Scatterers) -> Complex[np.ndarray, "slots receivers feeds"]:
        """Responses in other configurations."""
        return LinearPilots.of(self.device, layers).response


def calibrate_network(
    designed: Device,
    layers: Scatterers,
    received: Complex[np.ndarray, "slots receivers feeds"],
    noise_variance: float,
    *,
    moving: MovingNetwork | None = None,
    iterations: int = 7,
    on_step: Callable[[int, float], None] | None = None,
) -> NetworkCalibration:
    """Find the network of a built device from its responses in some configurations.

    `moving`: how the network follows what may be out of place; without it all is remainder.
    `noise_variance`: of a response, as repeated ones tell it; 0 is rounding. `on_step` is told
    steps done and the share of energy that was left before the last of them.

    Raises:
        InputError: responses of another device, or that are not finite; a noise variance that is
            negative or not finite.
    """
    require(
        bool(np.isfinite(noise_variance) and noise_variance >= 0),
        f"`noise_variance` must be finite and not negative, but is {noise_variance}.",
    )
    y = np.asarray(received)
    _check(designed, layers, y)
    moving = moving or StillNetwork(np.asarray(designed.scattering))
    floor = _ROUNDING * float(np.mean(np.abs(y) ** 2))
    still = np.zeros(moving.size)
    state = _State(
        designed,
        still,
        np.zeros_like(moving.at(still)),
        replace(_FIRST, noise_variance=max(noise_variance, floor)),
    )
    few = slice(0, min(_FEW, len(y)))
    some = jax.tree.map(lambda each: each[few], layers)
    left = list[float]()
    for step in range(iterations):
        if step < _TELLING_STEPS:
            state = state.with_strengths(moving, some, y[few])
        part = slice(0, _PARTS[step]) if step < len(_PARTS) else slice(None)
        shown = jax.tree.map(lambda each, part=part: each[part], layers)
        state, before = state.stepped(moving, shown, y[part])
        left.append(before)
        if on_step is not None:
            on_step(step + 1, before)
    left.append(_share(y, LinearPilots.of(state.device, layers).response))
    return NetworkCalibration(
        state.device, state.values, state.remainder, state.strengths, tuple(left)
    )


@dataclass(frozen=True, eq=False)
class _State:
    device: Device
    values: Float[np.ndarray, " values"]
    remainder: Complex[np.ndarray, "ports ports"]
    strengths: Strengths

    def with_strengths(
        self,
        moving: MovingNetwork,
        layers: Scatterers,
        received: Complex[np.ndarray, "slots receivers feeds"],
    ) -> "_State":
        """With the strengths that these pilots make most probable."""
        linear, slopes, beyond = self._seen(moving, layers, received)
        designed = moving.at(np.zeros(moving.size))
        found = likeliest_strengths(linear, beyond, designed, slopes, self.strengths)
        return replace(self, strengths=found)

    def stepped(
        self,
        moving: MovingNetwork,
        layers: Scatterers,
        received: Complex[np.ndarray, "slots receivers feeds"],
    ) -> tuple["_State", float]:
        """After one step of Gauss-Newton, and what was not explained before it."""
        linear, slopes, beyond = self._seen(moving, layers, received)
        before = _share(received, linear.response)
        designed = moving.at(np.zeros(moving.size))
        deviation = self.strengths.deviation(designed, slopes)
        J = linear.slopes(deviation)
        K = gram(J)
        K[np.diag_indices(len(K))] += self.strengths.noise_variance
        root = scipy.linalg.cholesky(K, lower=True, overwrite_a=True, check_finite=False)
        values = self.values
        if moving.size:
            along = np.stack([linear.along(slope) for slope in slopes], axis=-1)
            seen, white = (
                scipy.linalg.solve_triangular(root, each, lower=True) for each in (along, beyond)
            )
            precision = np.real(seen.conj().T @ seen) + np.eye(moving.size) / 2
            values = np.linalg.solve(precision, np.real(seen.conj().T @ white))
            beyond = beyond - along @ values
        weights = J.conj().T @ scipy.linalg.cho_solve((root, True), beyond)
        remainder = symmetric(weights, len(designed)) * deviation
        network = moving.at(values) + remainder
        device = eqx.tree_at(lambda each: each.scattering, self.device, network)
        return _State(device, values, remainder, self.strengths), before

    def _seen(
        self,
        moving: MovingNetwork,
        layers: Scatterers,
        received: Complex[np.ndarray, "slots receivers feeds"],
    ) -> tuple[LinearPilots, Complex[np.ndarray, "values ports ports"], Complex[np.ndarray, " n"]]:
        """Pilots linearised here, slopes of what moves, and what is received beyond the prior."""
        linear, slopes = LinearPilots.of(self.device, layers), moving.slopes(self.values)
        away = self.remainder + np.tensordot(self.values, slopes, axes=1)
        return linear, slopes, (received - linear.response).ravel() + linear.along(away)


def _share(
    received: Complex[np.ndarray, "slots receivers feeds"],
    explained: Complex[np.ndarray, "slots receivers feeds"],
) -> float:
    return float(np.sum(np.abs(received - explained) ** 2) / np.sum(np.abs(received) ** 2))


def _check(designed: Device, layers: Scatterers, received: Complex[np.ndarray, "..."]) -> None:
    expected = (designed.receivers, designed.feeds)
    require(
        received.ndim == 3 and received.shape[1:] == expected,
        f"`received` must be slots x {expected[0]} receivers x {expected[1]} feeds, but has shape "
        f"{received.shape}.",
    )
    require(bool(np.isfinite(received).all()), "`received` must be finite, but is not everywhere.")
    shape = layers.matrix().shape
    ports = 2 * designed.layers * designed.atoms
    require(
        shape == (len(received), ports, ports),
        f"`layers` must hold a configuration for each of the {len(received)} slots, of "
        f"{designed.layers} layers of {designed.atoms} atoms, but have a matrix of shape {shape}.",
    )
