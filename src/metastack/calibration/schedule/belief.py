"""What is believed of a stack in service, and what pilots add to it: an extended Kalman filter.

Beside the unknowns of the poses stands the complex gain of the whole set-up, as a relative error
a + jb. A block of pilots is linearised about the belief's mean; where much is uncertain, as at the
start, Gauss-Newton repeats that until the steps are small, and the update is a calibration with
the belief as its prior.

Source: A. Jazwinski, Stochastic Processes and Filtering Theory, sections 8.3 (extended Kalman
filter) and 9.7 (iterated).
"""

from dataclasses import dataclass, replace
from typing import Self

import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Bool, Complex, Float

from ...errors import require
from ...precision import float64, in_float64
from ...stack import Stack
from ..gains import OneGain
from ..geometric import is_wide
from ..pilot_model import PoseModel, linearised, predicted
from ..pilots import PilotPlan, Pilots
from ..unknowns import Unknowns
from .monitors import OF_GAIN, Innovation
from .walk import Walk

# The gain's deviation before anything is measured, relative: as good as unknown.
_UNKNOWN_GAIN = 1.0
_AS_GOOD_AS_UNKNOWN = 0.5 * _UNKNOWN_GAIN**2
_MOST_STEPS = 20
_LEAST_SLOTS = 4
# A step shorter than this many posterior deviations, all together, is the last one.
_SETTLED_DEVIATIONS = 0.1


@dataclass(frozen=True, eq=False)
class Belief:
    """Mean and covariance of poses, in their units, and of the gain, relative, which come last."""

    unknowns: Unknowns
    values: Float[np.ndarray, " unknowns"]
    gain: complex
    covariance: Float[np.ndarray, "state state"]

    @classmethod
    def before_pilots(cls, unknowns: Unknowns, gain: complex = 1.0) -> Self:
        """What tolerances make one expect, the gain being unknown.

        Raises:
            InputError: an unknown of which nothing is known; tolerances beyond the neighbourhood
                in which pilots can be linearised.
        """
        require(
            bool(unknowns.has_prior.all()),
            "Every unknown must have a tolerance to be followed, but one has none.",
        )
        require(
            not is_wide(unknowns),
            "Tolerances must be small beside a wavelength for a stack to be followed, but are not; "
            "calibrate it once, and follow the calibrated stack within smaller ones.",
        )
        spread = np.concatenate([np.ones(unknowns.size), np.full(OF_GAIN, _UNKNOWN_GAIN**2)])
        return cls(unknowns, np.zeros(unknowns.size), gain, np.diag(spread))

    def older(self, walk: Walk, blocks: int = 1) -> Self:
        """The belief after blocks in each of which the state walked."""
        kept, added = walk.over(self._size, blocks)
        aged = kept[:, None] * self.covariance * kept + np.diag(added)
        return replace(self, values=kept[:-OF_GAIN] * self.values, covariance=aged)

    @in_float64
    def facing(self, pilots: Pilots) -> Self:
        """The belief that is to meet these pilots: a gain of which nothing is known is theirs.

        Otherwise, what is thought of its size would come from the last block, which may have been
        a dark one.
        """
        if self.covariance[-1, -1] < _AS_GOOD_AS_UNKNOWN:
            return self
        y = predicted(padded_model(self.unknowns, pilots.plan), jnp.asarray(self.values))
        y = y[: pilots.plan.slots]
        gain = complex(OneGain().fitted(y, jnp.asarray(pilots.received)).item())
        return replace(self, gain=gain) if gain else self

    @in_float64
    def innovation(self, pilots: Pilots, noise_variance: float) -> Innovation:
        """What a block of pilots shows beyond what was believed, in deviations of the noise.

        Slopes of the poses turn with the gain, and are those at the gain that the block tells.
        """
        model = padded_model(self.unknowns, pilots.plan)
        residual, slopes = self._rows(model, pilots, noise_variance, np.zeros(self._size))
        root = np.linalg.cholesky(self.covariance)
        rows = np.concatenate([slopes @ root, np.eye(self._size)])
        told = root @ np.linalg.lstsq(rows, np.pad(residual, (0, self._size)), rcond=None)[0]
        turned = _turned(slopes, 1 + complex(*told[-OF_GAIN:]))
        return Innovation(residual, turned, self.covariance)

    def updated(self, pilots: Pilots, noise_variance: float) -> Self:
        """The belief once a block of pilots is taken in."""
        return self.taught(self.innovation(pilots, noise_variance), pilots, noise_variance)

    @in_float64
    def taught(self, seen: Innovation, pilots: Pilots, noise_variance: float) -> Self:
        """The belief once its own innovation is taken in, with the pilots that showed it."""
        model = padded_model(self.unknowns, pilots.plan)
        root = np.linalg.cholesky(self.covariance)
        moved, matrix = np.zeros(self._size), np.eye(self._size)
        residual, slopes = seen.residual, seen.slopes
        for _ in range(_MOST_STEPS):
            told = slopes @ root
            matrix = np.eye(self._size) + told.T @ told
            target = root @ np.linalg.solve(matrix, told.T @ (residual + slopes @ moved))
            step = np.linalg.solve(root, target - moved)
            moved = target
            if step @ matrix @ step < _SETTLED_DEVIATIONS**2:
                break
            residual, slopes = self._rows(model, pilots, noise_variance, moved)
        return self._moved(moved, root @ np.linalg.solve(matrix, root.T))

    @property
    def deviation(self) -> Float[np.ndarray, " unknowns"]:
        """Standard deviation of every unknown, in its unit."""
        return np.sqrt(np.diag(self.covariance)[: self.unknowns.size])

    @property
    def is_unseen(self) -> Bool[np.ndarray, " unknowns"]:
        """Of which unknowns the uncertainty is still mostly that of the tolerance."""
        return self.deviation**2 > 0.5

    def stack(self) -> Stack:
        """The stack as it is believed to be."""
        with float64():
            return self.unknowns.applied(jnp.asarray(self.values))[0]

    def holds(self, values: Float[np.ndarray, " unknowns"], chance: float = 0.999) -> bool:
        """Whether the poses lie in the region in which they are believed to be by this chance."""
        size = self.unknowns.size
        missed = values - self.values
        distance = missed @ np.linalg.solve(self.covariance[:size, :size], missed)
        return bool(distance <= scipy.stats.chi2.ppf(chance, size))

    @property
    def _size(self) -> int:
        return len(self.covariance)

    def _rows(
        self,
        model: PoseModel,
        pilots: Pilots,
        noise_variance: float,
        moved: Float[np.ndarray, " state"],
    ) -> tuple[Float[np.ndarray, " numbers"], Float[np.ndarray, "numbers state"]]:
        """Residual and Jacobian at some distance from the mean, in deviations of the noise."""
        poses, of_gain = moved[:-OF_GAIN], 1 + complex(*moved[-OF_GAIN:])
        slots = pilots.plan.slots
        every = linearised(model, jnp.asarray(self.values + poses))
        y, slopes = (np.asarray(each)[:slots] for each in every)
        weight = np.sqrt(2 / noise_variance)
        residual = weight * (pilots.received - self.gain * of_gain * y)
        along_gain = np.stack([y, 1j * y], axis=-1)
        J = weight * self.gain * np.concatenate([of_gain * slopes, along_gain], axis=-1)
        J = J.reshape(-1, self._size)
        return real_rows(residual.ravel()), real_rows(J)

    def _moved(
        self, moved: Float[np.ndarray, " state"], spread: Float[np.ndarray, "state state"]
    ) -> Self:
        """With the mean moved; the gain's errors are counted relative to its new value."""
        factor = 1 + complex(*moved[-OF_GAIN:])
        turn = np.eye(self._size)
        part = 1 / factor
        turn[-OF_GAIN:, -OF_GAIN:] = [[part.real, -part.imag], [part.imag, part.real]]
        spread = turn @ spread @ turn.T
        return replace(
            self,
            values=self.values + moved[:-OF_GAIN],
            gain=self.gain * factor,
            covariance=(spread + spread.T) / 2,
        )


@in_float64
def calibrated_belief(unknowns: Unknowns, pilots: Pilots, noise_variance: float) -> Belief:
    """What pilots make one believe who knew but the tolerances: a calibration.

    Raises:
        InputError: as `Belief.before_pilots`, or pilots that are none of this stack.
    """
    before = Belief.before_pilots(unknowns, 0.0).facing(pilots)
    require(before.gain, "The pilots must resemble those of the stack, but their best gain is 0.")
    return before.updated(pilots, noise_variance)


def _turned(
    slopes: Float[np.ndarray, "numbers state"], of_gain: complex
) -> Float[np.ndarray, "numbers state"]:
    """Real parts above imaginary ones, those of the poses multiplied by what became of a gain."""
    real, imaginary = np.split(slopes[:, :-OF_GAIN], 2)
    poses = real_rows(of_gain * (real + 1j * imaginary))
    return np.concatenate([poses, slopes[:, -OF_GAIN:]], axis=1)


def padded_model(unknowns: Unknowns, plan: PilotPlan) -> PoseModel:
    """The model of a plan, dark slots behind: blocks of many lengths share compiled programs."""
    model = PoseModel.of(unknowns, plan)
    length = max(_LEAST_SLOTS, 1 << (plan.slots - 1).bit_length())
    dark = ((0, length - plan.slots), (0, 0), (0, 0))
    return PoseModel(unknowns, jnp.pad(model.transmission, dark))


def real_rows(values: Complex[np.ndarray, "rows *columns"]) -> Float[np.ndarray, "more *columns"]:
    """Real parts above imaginary ones."""
    return np.concatenate([np.real(values), np.imag(values)])
