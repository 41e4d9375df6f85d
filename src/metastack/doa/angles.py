"""Between a direction of arrival and its electrical angles.

An electrical angle is the phase advance of the incident wave from one element of the input layer
to the next. Spacings up to half a wavelength give every direction its own pair of electrical
angles in [-π, π); wider ones fold several directions onto one pair, and `direction` then answers
with the direction whose angles need no unfolding.

Which way a direction points: the paper's steering vector grows in phase along +ψ, which under
this package's e^{+jkr} is a wave that travels *towards* azimuth φ, sinϑ (cosφ, sinφ) being the
lateral part of its unit wave vector. Its source is seen at azimuth φ + π.

Source: DOA paper, eq. (1), (2), (31), (32).
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from .._types import Number
from ..errors import require

# Deviation of an angle that is uniform on the circle, over π: a larger one says nothing.
UNIFORM_DEVIATION_OVER_PI = 3**-0.5
# Rounding may carry the sine of a grazing direction past 1 by a few units in the last place.
_LARGEST_SINE = 1 + 8 * np.finfo(float).eps


def electrical_angles(
    theta_rad: Float[Number, "*#batch"],
    phi_rad: Float[Number, "*#batch"],
    *,
    spacing_x_m: float,
    spacing_y_m: float,
    wavelength_m: float,
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """Electrical angles ψ_x, ψ_y of a direction, radians, not wrapped; eq. (1), (2).

    `theta_rad`: elevation from the array's normal, 0 at broadside, π/2 along the array.
    `phi_rad`: azimuth from x towards y.

    Raises:
        InputError: a spacing or wavelength that is not positive and finite.
    """
    _check_lengths(spacing_x_m, spacing_y_m, wavelength_m)
    wavenumber = 2 * np.pi / wavelength_m
    sine = np.sin(np.asarray(theta_rad))
    psi_x = wavenumber * spacing_x_m * sine * np.cos(np.asarray(phi_rad))
    psi_y = wavenumber * spacing_y_m * sine * np.sin(np.asarray(phi_rad))
    return np.asarray(psi_x), np.asarray(psi_y)


def direction(
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    *,
    spacing_x_m: float,
    spacing_y_m: float,
    wavelength_m: float,
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """Elevation ϑ in [0, π/2] and azimuth φ in (-π, π] of electrical angles, radians; (31), (32).

    Both are NaN where no direction has these electrical angles: see `is_visible`. At broadside
    every azimuth is the same direction, and φ is 0.

    Raises:
        InputError: a spacing or wavelength that is not positive and finite.
    """
    _check_lengths(spacing_x_m, spacing_y_m, wavelength_m)
    x = _direction_cosine(psi_x_rad, spacing_x_m, wavelength_m)
    y = _direction_cosine(psi_y_rad, spacing_y_m, wavelength_m)
    sine = np.hypot(x, y)
    visible = sine <= _LARGEST_SINE
    theta = np.where(visible, np.arcsin(np.minimum(sine, 1)), np.nan)
    return theta, np.where(visible, np.arctan2(y, x), np.nan)


def is_visible(
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    *,
    spacing_x_m: float,
    spacing_y_m: float,
    wavelength_m: float,
) -> Bool[np.ndarray, "*batch"]:
    """Whether a direction in space has these electrical angles.

    At half a wavelength the visible region is the disc ψ_x² + ψ_y² ≤ π²: an estimate in a corner
    of the square [-π, π)² is no direction, which the paper's eq. (31) leaves undefined.

    Raises:
        InputError: a spacing or wavelength that is not positive and finite.
    """
    _check_lengths(spacing_x_m, spacing_y_m, wavelength_m)
    x = _direction_cosine(psi_x_rad, spacing_x_m, wavelength_m)
    y = _direction_cosine(psi_y_rad, spacing_y_m, wavelength_m)
    return np.asarray(np.hypot(x, y) <= _LARGEST_SINE)


def wrapped_rad(angle_rad: Float[Number, "*shape"]) -> Any:
    """The angle in [-π, π), as the kind of array that it was; NaN stays NaN."""
    wrapped = angle_rad - 2 * np.pi * ((angle_rad + np.pi) // (2 * np.pi))
    # A hair below -π rounds to π itself.
    return wrapped - 2 * np.pi * (wrapped >= np.pi)


def _direction_cosine(
    psi_rad: Float[Number, "*batch"], spacing_m: float, wavelength_m: float
) -> Float[np.ndarray, "*batch"]:
    return np.asarray(psi_rad * (wavelength_m / (2 * np.pi * spacing_m)))


def _check_lengths(spacing_x_m: float, spacing_y_m: float, wavelength_m: float) -> None:
    for name, length_m in (
        ("spacing_x_m", spacing_x_m),
        ("spacing_y_m", spacing_y_m),
        ("wavelength_m", wavelength_m),
    ):
        require(
            bool(np.isfinite(length_m)) and length_m > 0,
            f"`{name}` must be positive, but is {length_m}.",
        )
