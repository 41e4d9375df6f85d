"""Sources of error that a diagnosis tries, each as what it adds to a hypothesis.

Source: calibration paper, section V-B, which names them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Self

import jax
import numpy as np

from ..atoms import Atoms, IdealAtoms, QuantisedAtoms
from ..geometry import Pose
from ..stack import Stack
from .gains import GainPerPort, GainPerSlot, Gains, OneGain
from .geometric import Calibration
from .pilots import Pilots
from .stuck_atoms import with_stuck_atoms
from .unequal_atoms import with_unequal_atoms
from .unknowns import DEGREES_OF_FREEDOM, Expected

_SCALES_WAVELENGTHS = (1e-3, 1e-2, 1e-1)
_USER_SCALES = (1e-3, 1e-2, 1e-1)
_BITS = (1, 2, 3, 4)
_SHIFTS = 3
_FEWEST_SLOTS = 2
# Gains of atoms need some more responses than there are atoms.
_RESPONSES_PER_ATOM = 1.2


def _as_it_is(calibration: Calibration) -> Calibration:
    return calibration


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What is taken to be so: poses as expected, gains, what atoms do, what is fitted last."""

    expected: Expected
    gains: Gains
    atoms: Atoms
    finish: Callable[[Calibration], Calibration] = _as_it_is

    @classmethod
    def of(cls, stack: Stack, expected: Expected) -> Self:
        """Nothing is wrong but what was expected."""
        return cls(expected, OneGain(), stack.atoms)


@dataclass(frozen=True, eq=False)
class Source:
    """A source of error: its name, what to do about it, and the variants of it to try."""

    name: str
    advice: str
    added: Callable[[Hypothesis], list[Hypothesis]]


def sources_of(
    stack: Stack, pilots: Pilots, expected: Expected, curves: Mapping[str, Atoms]
) -> tuple[list[Source], tuple[str, ...]]:
    """The sources that can be told with these pilots and are not taken for granted already.

    And of those that cannot be told, why.
    """
    found = [
        *_of_geometry(stack, pilots, expected),
        *_of_gains(pilots),
        *_of_states(stack, curves),
        *_of_single_atoms(stack, pilots),
    ]
    tried = [each for each in found if isinstance(each, Source)]
    return tried, tuple(each for each in found if isinstance(each, str))


def _of_geometry(stack: Stack, pilots: Pilots, expected: Expected) -> Iterator[Source]:
    if any(_is_known(expected, name) for name in DEGREES_OF_FREEDOM):
        yield Source(
            "other displacements",
            "Give tolerances of more degrees of freedom: dx, dy, dz, rx, ry, rz.",
            lambda given: [_displaced(given, stack, scale) for scale in _SCALES_WAVELENGTHS],
        )
    waves = getattr(pilots.plan.illumination, "waves", None)
    if waves is not None and not expected.users:
        size = 1.0 if waves.coordinates.shape[1] == 2 else _distance_m(waves.coordinates)
        yield Source(
            "users elsewhere",
            "Let the users be off (--user-deviation).",
            lambda given: [
                replace(given, expected=Expected(given.expected.deviation, size * scale))
                for scale in _USER_SCALES
            ],
        )


def _of_gains(pilots: Pilots) -> Iterator[Source | str]:
    slots, antennas, users = pilots.received.shape
    if antennas * users == 1:
        yield "gains of ports or slots: they take more than one antenna or user"
        return
    if slots <= _FEWEST_SLOTS:
        yield f"gains of ports or slots: they take more than {_FEWEST_SLOTS} slots, not {slots}"
        return
    yield Source(
        GainPerPort().sentence,
        "Let every port have a gain of its own (--gain per-port).",
        lambda given: [replace(given, gains=GainPerPort())],
    )
    yield Source(
        GainPerSlot().sentence,
        "Let every slot have a gain of its own (--gain per-slot).",
        lambda given: [replace(given, gains=GainPerSlot())],
    )


def _of_states(stack: Stack, curves: Mapping[str, Atoms]) -> Iterator[Source | str]:
    if isinstance(stack.atoms, IdealAtoms):
        yield Source(
            "quantised phases",
            "Describe the atoms as they are: `bits` in the stack file.",
            lambda given: [replace(given, atoms=QuantisedAtoms(bits)) for bits in _BITS],
        )
    else:
        yield "quantised phases: the stack file describes other than ideal atoms already"
    for name, atoms in curves.items():
        yield Source(
            name,
            "Describe the atoms by this table in the stack file.",
            lambda given, atoms=atoms: [replace(given, atoms=atoms)],
        )


def _of_single_atoms(stack: Stack, pilots: Pilots) -> Iterator[Source | str]:
    layers, atoms = stack.phases_shape
    needed = ceil(layers * atoms * _RESPONSES_PER_ATOM)
    if pilots.received.size < needed:
        yield (
            f"unequal and stuck atoms: {layers * atoms} atoms take {needed} responses, not "
            f"{pilots.received.size}"
        )
        return
    yield Source(
        "unequal atoms",
        "Give every atom a gain of its own (--atoms).",
        lambda given: [_finished(given, with_unequal_atoms)],
    )
    yield Source(
        "stuck atoms",
        "Take the atoms that are listed for stuck (--stuck).",
        lambda given: [replace(given, finish=with_stuck_atoms)],
    )


def _finished(given: Hypothesis, finish: Callable[[Calibration], Calibration]) -> Hypothesis:
    """With a last step, unless there is one that holds it already."""
    return given if given.finish is not _as_it_is else replace(given, finish=finish)


def _is_known(expected: Expected, name: str) -> bool:
    return not np.any(getattr(expected.deviation, name))


def _displaced(given: Hypothesis, stack: Stack, scale: float) -> Hypothesis:
    """Degrees of freedom that were taken for known may be off by as much at the layers' edges."""
    shift_m = scale * float(stack.wavelength_m)
    array = stack.layer_array
    radius_m = float(
        np.hypot(array.columns * array.spacing_x_m, array.rows * array.spacing_y_m) / 2
    )
    deviations = [
        (shift_m if number < _SHIFTS else shift_m / radius_m)
        if _is_known(given.expected, name)
        else getattr(given.expected.deviation, name)
        for number, name in enumerate(DEGREES_OF_FREEDOM)
    ]
    return replace(given, expected=Expected(Pose(*deviations), given.expected.users))


def _distance_m(coordinates: "jax.Array | np.ndarray") -> float:
    return float(np.median(np.linalg.norm(np.asarray(coordinates), axis=1)))
