"""What pilots cannot tell, in words: the null space of their Fisher information.

A direction of the unknowns counts as unseen if pilots tell less of it than was expected
beforehand, or, where nothing was expected, nothing beyond rounding.

Source: ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..precision import in_float64
from ..stack import Stack
from .bounds import Bounds
from .geometric import Calibration
from .least_squares import covariance
from .unknowns import DEGREES_OF_FREEDOM, Unknowns

_ROUNDING = 1e-10
# So much of a pattern, or of a direction, must lie in what is unseen to be named after it.
_LIES_IN, _IS_ALONE = 0.98, 0.9
_MOST_SENTENCES = 6

_MOTIONS = {
    "dx_m": "a common lateral shift (dx)",
    "dy_m": "a common vertical shift (dy)",
    "dz_m": "a common axial shift (dz)",
    "rx_rad": "a rigid tilt of all layers about x (rx with dy)",
    "ry_rad": "a rigid tilt of all layers about y (ry with dx)",
    "rz_rad": "a common rotation of all layers (rz)",
}


@dataclass(frozen=True, eq=False)
class Unseen:
    """What pilots do not tell.

    `sentences`: in words. `is_unseen`: for every unknown, whether its own uncertainty is still
    mostly that of the prior, so that no number should be printed for it.
    """

    sentences: tuple[str, ...]
    is_unseen: Bool[np.ndarray, " unknowns"]


def unseen(
    unknowns: Unknowns, information: Float[np.ndarray, "unknowns unknowns"], *, antennas: int
) -> Unseen:
    """What an information matrix, in units of the unknowns, leaves unseen.

    `antennas`: how many there are, for the sentences.
    """
    told, directions = np.linalg.eigh(information)
    by_prior = unknowns.precision @ directions**2 > 0.5
    rounding = _ROUNDING * max(told[-1], np.finfo(float).tiny)
    space = directions[:, told < np.where(by_prior, 1, rounding)]
    with_what = f"with {antennas} antenna{'s' if antennas > 1 else ''} and these users and pilots"

    def sentence(motion: str, pattern: Float[np.ndarray, " unknowns"]) -> str:
        if pattern @ information @ pattern < rounding:
            return f"{motion} cannot be seen {with_what}"
        return f"{motion} is told less {with_what} than by the tolerance"

    spread = np.diag(covariance(information, unknowns.precision, 2.0))
    is_unseen = spread > np.where(unknowns.has_prior, 0.5, np.finfo(float).max)
    return Unseen(tuple(_sentences(unknowns, space, sentence)), is_unseen)


def unseen_from(bound: Bounds, *, antennas: int) -> Unseen:
    """What pilots of a bound would not tell."""
    return unseen(bound.unknowns, bound.information, antennas=antennas)


@in_float64
def unseen_by(calibration: Calibration) -> Unseen:
    """What the pilots of a calibration did not tell."""
    unknowns, fit = calibration.unknowns, calibration.fit
    poses, least = slice(unknowns.size), np.finfo(float).eps ** 2
    weight = max(
        fit.noise_variance, least * float(np.mean(np.abs(calibration.pilots.received) ** 2))
    )
    information = 2 / weight * fit.matrix[poses, poses]
    if len(fit.values) > unknowns.size:
        # What atoms' gains explain as well, poses are not seen by.
        others = 2 / weight * fit.matrix[unknowns.size :, unknowns.size :]
        others += np.diag(fit.precision[unknowns.size :])
        shared = 2 / weight * fit.matrix[unknowns.size :, poses]
        information -= shared.T @ np.linalg.solve(others, shared)
    return unseen(unknowns, information, antennas=calibration.pilots.received.shape[1])


def _sentences(
    unknowns: Unknowns,
    space: Float[np.ndarray, "unknowns directions"],
    sentence: Callable[[str, Float[np.ndarray, " unknowns"]], str],
) -> Iterator[str]:
    """First motions of the whole stack, then single unknowns, then how many more there are."""
    motions = _whole_motions(unknowns)
    for motion, pattern in zip(_MOTIONS.values(), motions, strict=True):
        if pattern.any() and np.linalg.norm(space.T @ pattern) > _LIES_IN:
            space = _without(space, pattern)
            yield sentence(motion, pattern)
    for pattern in _common_directions(space, motions):
        space = _without(space, pattern)
        yield sentence(_rigid_words(unknowns, pattern, motions), pattern)
    names = unknowns.names()
    single = [name for name, axis in zip(names, space, strict=True) if axis @ axis > _IS_ALONE]
    if 0 < len(single) <= _MOST_SENTENCES:
        yield from (f"{name} is told less by these pilots than by the tolerance" for name in single)
    elif single:
        kinds = sorted({name.split(" ")[0] for name in single})
        yield (
            f"{', '.join(kinds)} of {len(single)} planes are told less by these pilots than by "
            "the tolerance"
        )
    if mixed := space.shape[1] - len(single):
        yield (
            f"{mixed} combination{'s' if mixed > 1 else ''} of several planes' displacements "
            f"cannot be told apart, mostly {_main_parts(names, space)}"
        )


def _main_parts(names: list[str], space: Float[np.ndarray, "unknowns directions"]) -> str:
    """The unknowns that take the largest part in what is unseen."""
    shares = np.sum(space**2, axis=1)
    largest = np.argsort(-np.where(shares > _IS_ALONE, 0, shares))[:3]
    return ", ".join(names[index] for index in sorted(largest) if shares[index] > 0)


def _without(
    space: Float[np.ndarray, "unknowns directions"], pattern: Float[np.ndarray, " unknowns"]
) -> Float[np.ndarray, "unknowns fewer"]:
    """An orthonormal basis of what is left of a space once a direction in it has a name."""
    inside = space.T @ pattern
    basis, _ = np.linalg.qr(np.column_stack([inside, np.eye(len(inside))]))
    return space @ basis[:, 1 : len(inside)]


def _whole_motions(unknowns: Unknowns) -> Float[np.ndarray, "motions unknowns"]:
    """Motions of the whole stack as unit vectors of the unknowns; zero where these cannot."""
    planes, freedoms = np.array(unknowns.planes, int), np.array(unknowns.freedoms, int)
    poses, movable = len(planes), np.unique(planes)
    patterns = np.zeros((len(_MOTIONS), unknowns.size))
    for pattern, name in zip(patterns, _MOTIONS, strict=True):
        moves = _rigid_motion(unknowns.stack, name)
        wanted = {(f, p) for f, each in enumerate(moves) for p in movable if each[p]}
        if len(movable) > 1 and wanted <= set(zip(freedoms, planes, strict=True)):
            pattern[:poses] = moves[freedoms, planes] / unknowns.unit[:poses]
            pattern /= np.linalg.norm(pattern)
    return patterns


def _common_directions(
    space: Float[np.ndarray, "unknowns directions"],
    motions: Float[np.ndarray, "motions unknowns"],
) -> Iterator[Float[np.ndarray, " unknowns"]]:
    """Directions of a space that move the stack as a whole, though in none of the named ways."""
    left, size, _ = np.linalg.svd(motions.T, full_matrices=False)
    rigid = left[:, size > _ROUNDING]
    inside, cosine, _ = np.linalg.svd(space.T @ rigid)
    for column in range(int((cosine > _LIES_IN).sum())):
        yield space @ inside[:, column]


def _rigid_words(
    unknowns: Unknowns,
    pattern: Float[np.ndarray, " unknowns"],
    motions: Float[np.ndarray, "motions unknowns"],
) -> str:
    """Which motion of the whole stack a direction is."""
    shares, *_ = np.linalg.lstsq(motions.T, pattern, rcond=None)
    per_unit = shares / [_norm(unknowns, name) for name in _MOTIONS]
    turn, shift_m = per_unit[3:], per_unit[:3]
    moved_m = np.linalg.norm(turn) * unknowns.stack.layer_array.spacing_x_m
    if moved_m < 1e-6 * np.linalg.norm(shift_m):
        return f"a common shift along ({_direction(shift_m)})"
    return f"a rigid rotation of the stack about an axis along ({_direction(turn)})"


def _norm(unknowns: Unknowns, name: str) -> float:
    """Length, in units of the unknowns, of one metre or radian of a motion of the whole stack."""
    planes, freedoms = np.array(unknowns.planes, int), np.array(unknowns.freedoms, int)
    moves = _rigid_motion(unknowns.stack, name)[freedoms, planes]
    return float(np.linalg.norm(moves / unknowns.unit[: len(planes)]))


def _direction(vector: Float[np.ndarray, "3"]) -> str:
    unit = vector / np.linalg.norm(vector) * np.sign(vector[np.argmax(np.abs(vector))])
    return ", ".join(f"{part:.2f}" for part in unit)


def _rigid_motion(stack: Stack, freedom: str) -> Float[np.ndarray, "freedoms planes"]:
    """Displacement of every plane if the stack moves as a whole; tilts are about its middle."""
    heights_m = np.cumsum([0.0, *np.asarray(stack.gaps_m)])
    heights_m = heights_m - heights_m[1:-1].mean()
    moves = np.zeros((len(DEGREES_OF_FREEDOM), stack.layers + 2))
    index = DEGREES_OF_FREEDOM.index
    moves[index(freedom)] = 1
    if freedom == "rx_rad":
        moves[index("dy_m")] = -heights_m
    if freedom == "ry_rad":
        moves[index("dx_m")] = heights_m
    return moves
