"""Where every element of a stack is: planar arrays, their poses, distances between elements.

The stack axis is z, the way the wave travels; x is lateral, y vertical. Elements of an array
are counted with x fastest, `n = n_y * columns + n_x`, from 0. Every position used anywhere in
metastack comes from `Plane.positions_m`.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._types import Number
from .errors import require


class PlanarArray(eqx.Module):
    """A rectangular grid of elements, centred on its own origin, in its own plane.

    `rotation_rad` turns the grid about its centre, from x towards y.
    """

    columns: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)
    spacing_x_m: Number
    spacing_y_m: Number
    rotation_rad: Number = 0.0

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.columns * self.rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as the elements stand in memory."""
        return self.rows, self.columns

    @property
    def positions_m(self) -> Float[Array, "elements 3"]:
        """Element centres in the array's own frame, metres, at z = 0."""
        column, row = column_and_row(self.columns, self.rows)
        x = (column - (self.columns - 1) / 2) * self.spacing_x_m
        y = (row - (self.rows - 1) / 2) * self.spacing_y_m
        cos, sin = jnp.cos(self.rotation_rad), jnp.sin(self.rotation_rad)
        return jnp.stack([cos * x - sin * y, sin * x + cos * y, jnp.zeros_like(x)], axis=-1)


def column_and_row(
    columns: int, rows: int
) -> tuple[Int[np.ndarray, " elements"], Int[np.ndarray, " elements"]]:
    """Column n_x and row n_y of every element, in index order (x fastest)."""
    row, column = np.divmod(np.arange(columns * rows), columns)
    return column, row


class Pose(eqx.Module):
    """Displacement of a plane from where it was designed to be, six degrees of freedom.

    The plane turns about its own centre, first about x, then y, then z, and then shifts.
    The calibration paper's errors are E-I = `dz_m`, E-V = `dy_m`, E-P = `rz_rad`.
    """

    dx_m: Number = 0.0
    dy_m: Number = 0.0
    dz_m: Number = 0.0
    rx_rad: Number = 0.0
    ry_rad: Number = 0.0
    rz_rad: Number = 0.0

    @property
    def shift_m(self) -> Float[Array, "*planes 3"]:
        """Translation as a vector, metres."""
        return jnp.stack(
            jnp.broadcast_arrays(*map(jnp.asarray, (self.dx_m, self.dy_m, self.dz_m))), -1
        )

    @property
    def rotation(self) -> Float[Array, "3 3"]:
        """Rotation matrix R_z R_y R_x of one pose."""
        return _turn(self.rz_rad, 0, 1) @ _turn(self.ry_rad, 2, 0) @ _turn(self.rx_rad, 1, 2)


def _turn(angle_rad: Number, from_axis: int, to_axis: int) -> Float[Array, "3 3"]:
    cos, sin = jnp.cos(angle_rad), jnp.sin(angle_rad)
    rotation = jnp.eye(3, dtype=cos.dtype)
    rotation = rotation.at[from_axis, from_axis].set(cos).at[to_axis, to_axis].set(cos)
    return rotation.at[to_axis, from_axis].set(sin).at[from_axis, to_axis].set(-sin)


class Plane(eqx.Module):
    """An array placed in the stack: its grid, its designed height on the axis, its pose."""

    array: PlanarArray
    z_m: Number
    pose: Pose = Pose()

    @property
    def positions_m(self) -> Float[Array, "elements 3"]:
        """Element centres in the stack's frame, metres."""
        centre = self.pose.shift_m + jnp.array([0.0, 0.0, 1.0]) * self.z_m
        return self.array.positions_m @ self.pose.rotation.T + centre

    @property
    def normal(self) -> Float[Array, "3"]:
        """Unit vector across the plane, along +z when the plane is not tilted."""
        return self.pose.rotation[:, 2]


def distances(
    from_m: Float[Array, "from 3"], to_m: Float[Array, "to 3"], normal: Float[Array, "3"]
) -> tuple[Float[Array, "to from"], Float[Array, "to from"]]:
    """Distance r in metres and the cosine of the angle to `normal`, for every pair of elements.

    `normal` is that of the radiating plane. Source: DOA paper, eq. (8)-(10), for any positions.
    """
    difference = to_m[:, None, :] - from_m[None, :, :]
    distance_m = jnp.sqrt(jnp.sum(difference**2, axis=-1))
    return distance_m, difference @ normal / distance_m


def check_array(array: PlanarArray, name: str) -> None:
    """Refuse an array that cannot exist.

    Raises:
        InputError: fewer than one column or row; a spacing that is not positive and finite.
    """
    for field in ("columns", "rows"):
        count = getattr(array, field)
        require(count >= 1, f"`{field}` of the {name} must be at least 1, but is {count}.")
    for field in ("spacing_x_m", "spacing_y_m"):
        spacing = float(getattr(array, field))
        require(
            np.isfinite(spacing) and spacing > 0,
            f"`{field}` of the {name} must be positive, but is {spacing}.",
        )
