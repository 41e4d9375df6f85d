"""The one door to netCDF: written whole or not at all, read with one-line errors.

Every file says what it is, `metastack_kind`, and by which rules, `format_version`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, require
from .atomic import replacing
from .wording import at_file, naming, opening, shown

if TYPE_CHECKING:
    import xarray as xr

FORMAT_VERSION = 1


def save_netcdf(
    path: Path | str,
    *,
    kind: str,
    variables: Mapping[str, Any],
    attributes: Mapping[str, str | int | float],
) -> None:
    """Write variables as a file of our own `kind`.

    Raises:
        InputError: the file cannot be written.
    """
    import xarray as xr

    about = {"metastack_kind": kind, "format_version": FORMAT_VERSION}
    dataset = xr.Dataset(dict(variables), attrs={**about, **attributes})
    # A fill value would turn every NaN into "missing", which is something else.
    encoding = {name: {"_FillValue": None} for name in dataset.variables}
    with replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def load_netcdf(path: Path | str, *, kind: str) -> "xr.Dataset":
    """The whole content of a file of our own `kind`.

    Raises:
        InputError: the file cannot be read, or is of another kind or a newer format.
    """
    import xarray as xr

    about = _attributes(Path(path))
    with naming(path):
        found, version = about.get("metastack_kind"), about.get("format_version")
        require(
            isinstance(found, str) and found == kind,
            f"The file must be a {kind} of metastack, but its `metastack_kind` is {shown(found)}.",
        )
        require(
            str(version) == str(FORMAT_VERSION),
            f"`format_version` must be {FORMAT_VERSION}, but is {shown(version)}: use "
            "the metastack that wrote the file, or a newer one.",
        )
    with netcdf_errors(path):
        return xr.load_dataset(path, engine="h5netcdf", phony_dims="access", decode_cf=False)


def stored_kind(path: Path | str) -> str | None:
    """What a netCDF file says that it is; nothing if it is not ours.

    Raises:
        InputError: the file cannot be read.
    """
    kind = _attributes(Path(path)).get("metastack_kind")
    return kind if isinstance(kind, str) else None


def _attributes(path: Path) -> dict[str, Any]:
    """The attributes of a file, after a walk past everything else in it.

    The walk finds what is damaged: h5netcdf, when it does, leaves the file open and writes to
    standard error.
    """
    import h5py

    def visit(name: str, item: h5py.HLObject) -> None:
        dict(item.attrs)

    with opening(path):
        path.open("rb").close()
    with netcdf_errors(path), h5py.File(path, "r") as file:
        file.visititems(visit)
        return {name: _plain(value) for name, value in file.attrs.items()}


def _plain(value: Any) -> Any:
    """NetCDF keeps a number in an attribute as an array of one."""
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def variable(dataset: "xr.Dataset", name: str) -> "xr.DataArray":
    """A variable that must be there.

    Raises:
        InputError: it is missing.
    """
    require(name in dataset.variables, f"The file must hold `{name}`, but does not.")
    return dataset[name]


def attribute(dataset: "xr.Dataset", name: str) -> Any:
    """An attribute that must be there.

    Raises:
        InputError: it is missing.
    """
    require(name in dataset.attrs, f"The file must have the attribute `{name}`, but has not.")
    return dataset.attrs[name]


@contextmanager
def netcdf_errors(path: Path | str) -> Generator[None]:
    """Turn what the netCDF libraries raise on a damaged file into an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        message = "The file must be a whole netCDF file, but is truncated, damaged or another kind"
        raise at_file(message, path) from error
