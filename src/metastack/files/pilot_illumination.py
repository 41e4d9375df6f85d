"""How a stack was lit, in the words and numbers of files.

Our netCDF files name it. Formats without text say which plane the users' waves meet, `lit_plane`,
0 for the input layer and 1 for the first programmable one, and where the users are; plane 0
without users is an input layer whose ports are fed one after the other.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from ..calibration.illumination import (
    FromInputPorts,
    Illumination,
    OntoFirstLayer,
    OntoInputLayer,
    PlaneWaves,
    SphericalWaves,
    Waves,
)
from ..errors import InputError, require
from .pilot_arrays import Array, Arrays, listed, number_in
from .wording import shown

_PORTS = "from_input_ports"
# In the order of the planes.
_ONTO: dict[str, type[OntoInputLayer] | type[OntoFirstLayer]] = {
    "onto_input_layer": OntoInputLayer,
    "onto_first_layer": OntoFirstLayer,
}


class IlluminationNames(NamedTuple):
    """An illumination as our own files name it; ports have neither waves nor coordinates."""

    illumination: str
    waves: str | None = None
    coordinates: Array | None = None


def _check_positions(coordinates: Array) -> None:
    nearest = coordinates[:, 2].max()
    require(nearest < 0, f"Users must be in front of the stack, z < 0 m, but one is at {nearest}.")


def _check_cosines(coordinates: Array) -> None:
    longest = np.hypot(*coordinates.T).max()
    require(longest < 1, f"Direction cosines must be shorter than 1, but one pair is {longest}.")


class _WavesInFiles(NamedTuple):
    """One kind of waves: its class, its users' array in foreign files, numbers a user, a check."""

    make: type[SphericalWaves] | type[PlaneWaves]
    array: str
    size: int
    check: Callable[[Array], None]


_WAVES = {
    "spherical": _WavesInFiles(SphericalWaves, "user_positions_m", 3, _check_positions),
    "plane": _WavesInFiles(PlaneWaves, "user_direction_cosines", 2, _check_cosines),
}
USER_ARRAYS = tuple(kind.array for kind in _WAVES.values())


def names_of(illumination: Illumination) -> IlluminationNames:
    """What our own files call an illumination.

    Raises:
        InputError: a kind that files do not know.
    """
    if isinstance(illumination, FromInputPorts):
        return IlluminationNames(_PORTS)
    for name, onto in _ONTO.items():
        if isinstance(illumination, onto):
            return IlluminationNames(name, *_waves_names(illumination.waves))
    raise _unknown("illumination", type(illumination).__name__, (_PORTS, *_ONTO))


def named(names: IlluminationNames) -> Illumination:
    """The illumination that names of `names_of` say.

    Raises:
        InputError: names that there are not, or coordinates that cannot be.
    """
    if names.illumination == _PORTS:
        return FromInputPorts()
    if names.illumination not in _ONTO:
        raise _unknown("illumination", names.illumination, (_PORTS, *_ONTO))
    if names.waves not in _WAVES:
        raise _unknown("waves", names.waves, _WAVES)
    require(names.coordinates is not None, f"The {names.waves} waves must have `coordinates`.")
    waves = _waves(names.waves, np.asarray(names.coordinates))
    return _ONTO[names.illumination](waves)


def numbers_of(illumination: Illumination) -> dict[str, Array]:
    """An illumination as numbers, for formats without text.

    Raises:
        InputError: a kind that files do not know.
    """
    name, waves, coordinates = names_of(illumination)
    plane = {"lit_plane": np.array(list(_ONTO).index(name) if waves else 0)}
    return plane if waves is None else plane | {_WAVES[waves].array: np.asarray(coordinates)}


def illumination_in(arrays: Arrays) -> Illumination | None:
    """The illumination that numbers of `numbers_of` say, if they are there.

    Raises:
        InputError: numbers that contradict each other, or coordinates that cannot be.
    """
    plane = number_in(arrays, "lit_plane")
    found = [name for name, kind in _WAVES.items() if kind.array in arrays]
    require(len(found) < 2, f"The file must hold only one of {listed(USER_ARRAYS)}, but has both.")
    if plane is None:
        require(not found, "Where users are given, `lit_plane` must say which plane, 0 or 1.")
        return None
    require(plane in (0, 1), f"`lit_plane` must be 0 (input layer) or 1, but is {plane:g}.")
    if not found:
        require(plane == 0, f"With `lit_plane` 1 the file must hold one of {listed(USER_ARRAYS)}.")
        return FromInputPorts()
    return list(_ONTO.values())[int(plane)](_waves(found[0], arrays[_WAVES[found[0]].array]))


def _waves_names(waves: Waves) -> tuple[str, Array]:
    for name, kind in _WAVES.items():
        if isinstance(waves, kind.make):
            return name, np.asarray(waves.coordinates, np.float64)
    raise _unknown("waves", type(waves).__name__, _WAVES)


def _waves(name: str, coordinates: Array) -> Waves:
    kind = _WAVES[name]
    require(
        coordinates.ndim == 2 and len(coordinates) > 0 and coordinates.shape[1] == kind.size,
        f"Coordinates of {name} waves must be users x {kind.size}, but have shape "
        f"{coordinates.shape}.",
    )
    require(
        coordinates.dtype.kind in "iuf" and bool(np.isfinite(coordinates).all()),
        f"Coordinates of {name} waves must be finite real numbers, but are not.",
    )
    kind.check(coordinates)
    return kind.make(np.ascontiguousarray(coordinates, np.float64))


def _unknown(what: str, value: object, known: Iterable[str]) -> InputError:
    return InputError(f"`{what}` must be one of {', '.join(known)}, but is {shown(value)}.")
