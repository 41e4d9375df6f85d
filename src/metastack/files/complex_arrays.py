"""Complex arrays in netCDF, which has no complex numbers: a trailing dimension real, imag."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Complex

from .._types import AnyArray
from ..errors import require

if TYPE_CHECKING:
    import xarray as xr

REAL_IMAG = "real_imag"


def encode_complex(
    dims: tuple[str, ...], values: Complex[AnyArray, "*shape"], **attributes: str
) -> "xr.Variable":
    """A real netCDF variable with one more dimension, real then imaginary part."""
    import xarray as xr

    values = np.asarray(values, np.complex128)
    parts = np.stack([np.real(values), np.imag(values)], axis=-1)
    note = {"complex": f"the last dimension, {REAL_IMAG}, is the real and the imaginary part"}
    return xr.Variable((*dims, REAL_IMAG), parts, {**note, **attributes})


def decode_complex(variable: "xr.Variable | xr.DataArray") -> Complex[np.ndarray, "*shape"]:
    """The complex array of a variable that `encode_complex` made, exactly.

    Raises:
        InputError: the last dimension is not the real and the imaginary part.
    """
    is_pair = variable.ndim > 0 and variable.dims[-1] == REAL_IMAG and variable.shape[-1] == 2
    require(
        is_pair,
        f"A complex variable must end in the dimension `{REAL_IMAG}` of size 2, but has "
        f"{dict(zip(map(str, variable.dims), variable.shape, strict=True))}.",
    )
    parts = np.ascontiguousarray(variable.values, np.float64)
    return parts.view(np.complex128)[..., 0]
