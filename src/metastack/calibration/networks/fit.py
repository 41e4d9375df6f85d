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
from ...memory import machine_bytes
from ...multiport import Device, Scatterers
from .linear import LinearPilots, gram, symmetric
from .prior import MovingNetwork, StillNetwork, Strengths, Tangent, likeliest_strengths

_FIRST = Strengths(of_motion=0.3, of_all=0.03, noise_variance=0.0)
# So many configurations tell the strengths well enough, and are solved in a moment.
_FEW = 40
# Noise below this share of the pilots' power is rounding.
_ROUNDING = 1e-13
# Configurations in the first steps: a start that is near takes few, and costs little.
_PARTS = (40, 40, 80, 120)
# Strengths are settled once what is not linear is small beside them.
_TELLING_STEPS = 3
# What moves is followed anew where it went farther than this many expected deviations.
_STRAYED = 0.1
_COMPLEX_BYTES = 16
# Of all derivatives by elements, at once: both halves of a symmetric element, and their conjugate.
_COPIES = 3
# A step with all pilots that changes responses by less than this share of the noise is the last.
_SETTLED = 0.01


@dataclass(frozen=True, eq=False)
class NetworkCalibration:
    """A device whose network explains its pilots.

    `values`: of what moves, in units of their expected deviations, and `slopes`, how the network
    follows them; `remainder`: of the scattering matrix beside them, and its expected `deviation`.
    `left`: share of the energy that was not explained, before every step of the pilots that it
    takes, the first 40 to begin with, and at the end of all.
    `is_whole`: whether all steps were made, and none was interrupted.
    """

    device: Device
    values: Float[np.ndarray, " values"]
    slopes: Complex[np.ndarray, "values ports ports"]
    remainder: Complex[np.ndarray, "ports ports"]
    deviation: Float[np.ndarray, "ports ports"]
    strengths: Strengths
    left: tuple[float, ...]
    is_whole: bool = True

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
    `noise_variance`: of a response, as repeated ones tell it; 0 is rounding. At most `iterations`
    steps, fewer once they change responses by less than the noise. `on_step` is told steps done and
    the share of energy that was left before the last of them. Ctrl-C ends after the last step that
    was made, if there is one.

    Raises:
        InputError: responses of another device, or that are not finite; a noise variance that is
            negative or not finite; no iterations; more than this machine's memory holds.
    """
    require(
        bool(np.isfinite(noise_variance) and noise_variance >= 0),
        f"`noise_variance` must be finite and not negative, but is {noise_variance}.",
    )
    require(iterations >= 1, f"`iterations` must be at least 1, but is {iterations}.")
    y = np.asarray(received)
    _check(designed, layers, y)
    _check_memory(y.size, len(designed.scattering))
    moving = moving or StillNetwork(np.asarray(designed.scattering))
    floor = _ROUNDING * float(np.mean(np.abs(y) ** 2))
    tangent = Tangent.of(moving, np.zeros(moving.size))
    strengths = replace(_FIRST, noise_variance=max(noise_variance, floor))
    state = _State(designed, tangent, tangent.values, np.zeros_like(tangent.scattering), strengths)
    left, is_whole = list[float](), False
    try:
        for step in range(iterations):
            few, part = _configurations(len(y), step)
            if step < _TELLING_STEPS:
                state = state.with_strengths(_some(layers, few), y[few])
            state, before, change = state.stepped(_some(layers, part), y[part])
            state = state.followed(moving)
            left.append(before)
            if on_step is not None:
                on_step(step + 1, before)
            if len(y[part]) == len(y) and change < _SETTLED * strengths.noise_variance:
                break
        is_whole = True
    except KeyboardInterrupt:
        if not left:
            raise
    left.append(_share(y, LinearPilots.of(state.device, layers).response))
    return NetworkCalibration(
        state.device,
        state.values,
        state.tangent.slopes,
        state.remainder,
        state.deviation,
        state.strengths,
        tuple(left),
        is_whole,
    )


def _configurations(many: int, step: int) -> tuple[slice, slice]:
    """Those that tell strengths, and those of this step."""
    part = slice(0, _PARTS[step]) if step < len(_PARTS) else slice(None)
    return slice(0, min(_FEW, many)), part


def _some(layers: Scatterers, part: slice) -> Scatterers:
    return jax.tree.map(lambda each: each[part], layers)


@dataclass(frozen=True, eq=False)
class _State:
    device: Device
    tangent: Tangent
    values: Float[np.ndarray, " values"]
    remainder: Complex[np.ndarray, "ports ports"]
    strengths: Strengths

    @property
    def deviation(self) -> Float[np.ndarray, "ports ports"]:
        """Of every element of the remainder, as it is expected."""
        return self.strengths.deviation(self._designed, self.tangent.slopes)

    @property
    def _designed(self) -> Complex[np.ndarray, "ports ports"]:
        return self.tangent.at(np.zeros_like(self.values))

    def with_strengths(
        self, layers: Scatterers, received: Complex[np.ndarray, "slots receivers feeds"]
    ) -> "_State":
        """With the strengths that these pilots make most probable."""
        linear, beyond = self._seen(layers, received)
        slopes = self.tangent.slopes
        found = likeliest_strengths(linear, beyond, self._designed, slopes, self.strengths)
        return replace(self, strengths=found)

    def stepped(
        self, layers: Scatterers, received: Complex[np.ndarray, "slots receivers feeds"]
    ) -> tuple["_State", float, float]:
        """After one step of Gauss-Newton; what was not explained before it; how far it went.

        That is the mean square change of a response.
        """
        linear, beyond = self._seen(layers, received)
        before, slopes = _share(received, linear.response), self.tangent.slopes
        deviation = self.deviation
        J = linear.slopes(deviation)
        K = gram(J)
        K[np.diag_indices(len(K))] += self.strengths.noise_variance
        root = scipy.linalg.cholesky(K, lower=True, overwrite_a=True, check_finite=False)
        values = self.values
        if len(values):
            along = np.stack([linear.along(slope) for slope in slopes], axis=-1)
            seen, white = (
                scipy.linalg.solve_triangular(root, each, lower=True) for each in (along, beyond)
            )
            precision = np.real(seen.conj().T @ seen) + np.eye(len(values)) / 2
            values = np.linalg.solve(precision, np.real(seen.conj().T @ white))
            beyond = beyond - along @ values
        weights = J.conj().T @ scipy.linalg.cho_solve((root, True), beyond)
        remainder = symmetric(weights, len(deviation)) * deviation
        network = self.tangent.at(values) + remainder
        change = linear.along(network - np.asarray(self.device.scattering))
        device = eqx.tree_at(lambda each: each.scattering, self.device, network)
        moved = replace(self, device=device, values=values, remainder=remainder)
        return moved, before, float(np.mean(np.abs(change) ** 2))

    def followed(self, moving: MovingNetwork) -> "_State":
        """With a tangent taken anew, if what moves has strayed from where the last one was."""
        strayed = np.abs(self.values - self.tangent.values)
        if not np.any(strayed > _STRAYED):
            return self
        tangent = Tangent.of(moving, self.values)
        network = tangent.scattering + self.remainder
        device = eqx.tree_at(lambda each: each.scattering, self.device, network)
        return replace(self, device=device, tangent=tangent)

    def _seen(
        self, layers: Scatterers, received: Complex[np.ndarray, "slots receivers feeds"]
    ) -> tuple[LinearPilots, Complex[np.ndarray, " n"]]:
        """Pilots linearised here, and what is received beyond the prior's mean."""
        linear = LinearPilots.of(self.device, layers)
        away = np.asarray(self.device.scattering) - self._designed
        return linear, (received - linear.response).ravel() + linear.along(away)


def _check_memory(numbers: int, ports: int) -> None:
    """Refuse pilots whose derivatives by all elements could not be held."""
    elements = ports * (ports + 1) // 2
    needed = _COMPLEX_BYTES * numbers * (_COPIES * elements + numbers)
    present = machine_bytes()
    require(
        needed <= present,
        f"The calibration must fit in memory ({present / 1e9:.1f} GB), but {numbers} responses of "
        f"{elements} elements need about {needed / 1e9:.1f} GB; show fewer configurations.",
    )


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
