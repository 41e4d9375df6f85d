"""Where the planes of a calibrated stack were found, and how surely: what its figures draw.

Rows are dx dy dz rx ry rz, in metres and radians; columns are planes, input layer and receivers
among them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..calibration.estimate import FoundPoses
from ..calibration.unknowns import DEGREES_OF_FREEDOM, Unknowns
from ..errors import require
from ..stack import Stack

DX, DY, DZ, RX, RY, RZ = range(len(DEGREES_OF_FREEDOM))
# A truth that is nominal up to rounding is nominal, metres and radians.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class PoseTable:
    """Displacements of every plane away from `nominal`, in every degree of freedom.

    `expected`: standard deviation before the pilots, 0 where a plane was taken to stand exactly,
    infinite where nothing was known. `is_told`: what was looked for and is determined, by pilots
    or beforehand; elsewhere `estimate` and `covariance`, that of each plane by itself, are 0.
    """

    nominal: Float[np.ndarray, "6 planes"]
    expected: Float[np.ndarray, "6 planes"]
    is_told: Bool[np.ndarray, "6 planes"]
    estimate: Float[np.ndarray, "6 planes"]
    covariance: Float[np.ndarray, "planes 6 6"]
    truth: Float[np.ndarray, "6 planes"] | None

    @property
    def deviation(self) -> Float[np.ndarray, "6 planes"]:
        """Standard deviation after the pilots."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2).T)

    @property
    def is_unknown(self) -> Bool[np.ndarray, "6 planes"]:
        """What was looked for."""
        return self.expected > 0

    @property
    def is_seen(self) -> Bool[np.ndarray, "6 planes"]:
        """What the pilots tell more of than was expected beforehand."""
        return self.is_told & (self.deviation**2 < self.expected**2 / 2)

    @property
    def is_displaced(self) -> Bool[np.ndarray, "6 planes"]:
        """What was looked for, and what in truth is displaced although nobody looked for it."""
        if self.truth is None:
            return self.is_unknown
        return self.is_unknown | (np.abs(self.truth) > _ROUNDING)


def pose_table(calibration: FoundPoses, truth: Stack | None = None) -> PoseTable:
    """The displacements that a calibration found, beside the true ones where they are known.

    Raises:
        InputError: a true stack with another number of layers.
    """
    nominal = _poses_of(calibration.nominal)
    if truth is not None:
        require(
            truth.layers == calibration.nominal.layers,
            f"`truth` must have {calibration.nominal.layers} layers, as the stack that was "
            f"calibrated, but has {truth.layers}.",
        )
    covariance = _covariance(calibration, nominal.shape[1])
    expected = _expected(calibration.unknowns, nominal.shape[1])
    variance = np.diagonal(covariance, axis1=1, axis2=2).T
    is_told = (expected > 0) & np.isfinite(variance)
    both_told = is_told.T[:, :, None] & is_told.T[:, None, :]
    return PoseTable(
        nominal=nominal,
        expected=expected,
        is_told=is_told,
        estimate=np.where(is_told, _poses_of(calibration.stack) - nominal, 0),
        covariance=np.where(both_told, covariance, 0),
        truth=None if truth is None else _poses_of(truth) - nominal,
    )


def plane_labels(planes: int) -> list[str]:
    """What every plane is called where there is little room: layers by their numbers."""
    return ["in", *map(str, range(1, planes - 1)), "out"]


def _poses_of(stack: Stack) -> Float[np.ndarray, "6 planes"]:
    return np.stack([np.asarray(getattr(stack.poses, name)) for name in DEGREES_OF_FREEDOM])


def _expected(unknowns: Unknowns, planes: int) -> Float[np.ndarray, "6 _planes"]:
    poses = len(unknowns.planes)
    table = np.zeros((len(DEGREES_OF_FREEDOM), planes))
    known = np.where(unknowns.has_prior, unknowns.unit, np.inf)[:poses]
    table[list(unknowns.freedoms), list(unknowns.planes)] = known
    return table


def _covariance(calibration: FoundPoses, planes: int) -> Float[np.ndarray, "_planes 6 6"]:
    """Blocks of each plane, metres and radians; infinite variances where nothing is told."""
    unknowns = calibration.unknowns
    poses = len(unknowns.planes)
    unit = unknowns.unit[:poses]
    plane, freedom = np.array(unknowns.planes, int), np.array(unknowns.freedoms, int)
    whole = calibration.fit.covariance[:poses, :poses] * np.outer(unit, unit)
    one, other = np.nonzero(plane[:, None] == plane)
    table = np.zeros((planes, len(DEGREES_OF_FREEDOM), len(DEGREES_OF_FREEDOM)))
    table[plane[one], freedom[one], freedom[other]] = whole[one, other]
    return table
