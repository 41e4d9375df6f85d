"""From the model section of a stack file to an interlayer model."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from ..geometry import Plane
from ..multiport import WireDipoles
from ..precision import in_float64
from ..propagation import (
    GeometricRadar,
    InterlayerModel,
    MeasuredHop,
    MeasuredHops,
    NearField,
    RayleighSommerfeld,
)
from ..stack import Stack, geometry_key
from .matrix_file import read_matrix
from .sections import (
    MOST_EXPONENT,
    MOST_LENGTH,
    DipolesSection,
    MatrixSection,
    MeasuredHopsSection,
    ModelSection,
    NearFieldSection,
    RadarSection,
    RayleighSommerfeldSection,
    TargetSection,
)


def build_model(section: ModelSection, stack: Stack, folder: Path | None) -> InterlayerModel:
    """The model that a section describes, for a stack of any other; matrices are in `folder`.

    Raises:
        InputError: an area that is not positive, a matrix that does not fit the stack.
    """
    return _BUILDERS[type(section)](section, stack, folder)


@in_float64
def check_measured(model: MeasuredHops, stack: Stack) -> None:
    """Refuse matrices that were measured between planes that stand otherwise than a stack's.

    Raises:
        InputError: a hop that no matrix is of.
    """
    pairs = {geometry_key(*pair): (n, pair) for n, pair in enumerate(pairwise(stack.planes))}
    for before, pair in pairs.values():
        require(
            model.knows(*pair, stack.wavelength_m),
            "`model` must have measured every hop, and one matrix can only stand for hops that "
            f"are alike, but planes {before} and {before + 1} stand otherwise; mind gaps and "
            "poses.",
        )


def matrix_of(
    section: MatrixSection | TargetSection, where: str, folder: Path | None
) -> Complex[np.ndarray, "to from"]:
    """A matrix that is in a file in `folder` or written out; `where` it stands, for messages.

    Raises:
        InputError: it cannot be read, or is no matrix.
    """
    if "file" in section.model_fields_set:
        require(folder is not None, f"`{where}.file` must be written out here, but is a file.")
        return read_matrix((folder or Path()) / section.file)
    real, imag = (
        _rectangle(getattr(section, name), f"{where}.{name}") for name in ("real", "imag")
    )
    require(
        real.shape == imag.shape,
        f"`{where}.imag` must have the shape of `{where}.real`, {real.shape}, but has "
        f"{imag.shape}.",
    )
    matrix = np.empty(real.shape, complex)
    matrix.real, matrix.imag = real, imag
    return matrix


def _rectangle(rows: list[list[float]], where: str) -> Float[np.ndarray, "to from"]:
    try:
        return np.array(rows, float).reshape(len(rows), -1)
    except ValueError as error:
        raise InputError(f"`{where}` must have rows of one length, but they differ.") from error


def _rayleigh_sommerfeld(
    section: RayleighSommerfeldSection, stack: Stack, folder: Path | None
) -> InterlayerModel:
    return RayleighSommerfeld(_area_m2(section, stack))


def _radar(section: RadarSection, stack: Stack, folder: Path | None) -> InterlayerModel:
    if section.exponent is not None:
        return GeometricRadar(section.exponent, _gain(section))
    wavelength_m, area_m2 = float(stack.wavelength_m), _positive_area(_cell_area_m2(stack))
    radar = GeometricRadar.of_area(area_m2, wavelength_m, gain=_gain(section))
    require(
        radar.exponent <= MOST_EXPONENT,
        f"`model.exponent` must be at most {MOST_EXPONENT}, but would be {radar.exponent:.4g} for "
        "the gain of one cell; write it out.",
    )
    return radar


def _near_field(section: NearFieldSection, stack: Stack, folder: Path | None) -> InterlayerModel:
    return NearField(_area_m2(section, stack), _gain(section))


def _dipoles(section: DipolesSection, stack: Stack, folder: Path | None) -> InterlayerModel:
    wavelength_m = float(stack.wavelength_m)
    usual = WireDipoles.of_area(_positive_area(_cell_area_m2(stack)), wavelength_m)
    length_m = section.length_m or (section.length_wavelengths or 0) * wavelength_m
    length_m = length_m or float(usual.length_m)
    radius_m = section.radius_m or (section.radius_wavelengths or 0) * wavelength_m
    radius_m = radius_m or length_m * float(usual.radius_m / usual.length_m)
    require(
        length_m <= MOST_LENGTH * wavelength_m,
        f"`model.length_wavelengths` must be at most {MOST_LENGTH:g}, where the current of a wire "
        f"is a sine, but is {length_m / wavelength_m:.4g}.",
    )
    require(
        10 * radius_m <= length_m,
        f"`model.radius_m` must be at most a tenth of the length, {length_m:.4g} m, but is "
        f"{radius_m:.4g} m.",
    )
    return WireDipoles(length_m, radius_m)


@in_float64
def _measured(section: MeasuredHopsSection, stack: Stack, folder: Path | None) -> InterlayerModel:
    planes, has_between = stack.planes, section.between is not None
    require(
        has_between == (stack.layers > 1),
        "`model.between` must be given for more than one layer, and only then, but "
        f"is{'' if has_between else ' not'} for {stack.layers}.",
    )
    pairs = {"first": planes[:2], "between": planes[1:3], "last": planes[-2:]}
    model = MeasuredHops.of(
        [
            _measured_hop(getattr(section, name), name, pair, stack, folder)
            for name, pair in pairs.items()
            if getattr(section, name) is not None
        ]
    )
    check_measured(model, stack)
    return model


def _measured_hop(
    section: MatrixSection,
    name: str,
    planes: tuple[Plane, ...],
    stack: Stack,
    folder: Path | None,
) -> MeasuredHop:
    matrix = matrix_of(section, f"model.{name}", folder)
    try:
        start, end = planes
        return MeasuredHop.between(start, end, matrix, wavelength_m=stack.wavelength_m)
    except InputError as error:
        raise InputError(f"`model.{name}` does not fit. {error}") from error


_BUILDERS: dict[type[ModelSection], Callable[..., InterlayerModel]] = {
    RayleighSommerfeldSection: _rayleigh_sommerfeld,
    RadarSection: _radar,
    NearFieldSection: _near_field,
    DipolesSection: _dipoles,
    MeasuredHopsSection: _measured,
}


def _area_m2(section: RayleighSommerfeldSection | NearFieldSection, stack: Stack) -> float:
    area_m2, wavelength_m = section.element_area_m2, float(stack.wavelength_m)
    if section.element_area_wavelengths2 is not None:
        area_m2 = section.element_area_wavelengths2 * wavelength_m * wavelength_m
    return _positive_area(_cell_area_m2(stack) if area_m2 is None else area_m2)


def _cell_area_m2(stack: Stack) -> float:
    return float(stack.layer_array.spacing_x_m * stack.layer_array.spacing_y_m)


def _positive_area(area_m2: float) -> float:
    require(
        0 < area_m2 < math.inf,
        f"`model.element_area_m2` must be positive and finite, but is {area_m2}.",
    )
    return area_m2


def _gain(section: RadarSection | NearFieldSection) -> float:
    """The factor on the power, which may be given in decibels."""
    return section.gain if "gain" in section.model_fields_set else 10 ** (section.gain_db / 10)
