"""A labelled dataset of results as one netCDF file, read back as it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .atomic import replacing
from .complex_arrays import REAL_IMAG, decode_complex, encode_complex
from .netcdf import FORMAT_VERSION, load_netcdf

if TYPE_CHECKING:
    import xarray as xr


def save_dataset(path: Path | str, dataset: "xr.Dataset", *, kind: str) -> None:
    """Write a dataset with its coordinates and attributes.

    Raises:
        InputError: the file cannot be written.
    """
    about = {"metastack_kind": kind, "format_version": FORMAT_VERSION}
    encoded = dataset.map(_encoded, keep_attrs=True)
    encoded = encoded.assign_attrs(**about, **dataset.attrs)
    # A fill value would turn every NaN into "missing", which is something else.
    encoding: Any = {name: {"_FillValue": None} for name in encoded.variables}
    with replacing(path) as temporary:
        encoded.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def load_dataset(path: Path | str, *, kind: str) -> "xr.Dataset":
    """A dataset that `save_dataset` wrote.

    Raises:
        InputError: the file cannot be read, or is of another kind or a newer format.
    """
    import xarray as xr

    stored = xr.decode_cf(load_netcdf(path, kind=kind))
    return stored.map(_decoded, keep_attrs=True)


def _encoded(array: "xr.DataArray") -> "xr.DataArray":
    if array.dtype.kind != "c":
        return array
    import xarray as xr

    variable = encode_complex(tuple(map(str, array.dims)), array.values, **array.attrs)
    return xr.DataArray(variable, coords=array.coords)


def _decoded(array: "xr.DataArray") -> "xr.DataArray":
    if array.dims[-1:] != (REAL_IMAG,):
        return array
    import xarray as xr

    kept = {name: value for name, value in array.coords.items() if REAL_IMAG not in value.dims}
    return xr.DataArray(decode_complex(array), coords=kept, dims=array.dims[:-1], attrs=array.attrs)
