"""Recordings in netCDF (ours), .npz, .mat and .csv files.

A file holds either `received`, the complex field, or `energies`, snapshots x probes, and, as far
as they are known, the numbers `columns`, `rows`, `snapshots_x`, `snapshots_y`, `psi_x_rad`,
`psi_y_rad`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Shaped

from ..errors import InputError, require
from .atomic import replacing
from .complex_arrays import decode_complex, encode_complex
from .matrix_file import read_arrays
from .netcdf import load_netcdf, netcdf_errors, save_netcdf
from .recording import LAYOUT, TRUTH, Recording
from .snapshot_csv import csv_text, parse_csv
from .wording import naming, one_line, read_text, shown

KIND = "recording"
_Array: TypeAlias = Shaped[np.ndarray, "..."]


def read_recording(path: Path | str) -> Recording:
    """A recording from a .nc, .npz, .mat or .csv file.

    Raises:
        InputError: the file cannot be read, or does not hold a recording.
    """
    path = Path(path)
    read, _ = _format(path)
    return read(path)


def write_recording(recording: Recording, path: Path | str) -> None:
    """Write a recording that reads back exactly, in the format that the suffix says.

    Raises:
        InputError: an unknown suffix; the file cannot be written.
    """
    path = Path(path)
    _, write = _format(path)
    write(recording, path)


def recording_of(arrays: Mapping[str, _Array]) -> Recording:
    """The recording in named arrays, of which others than ours are ignored.

    Raises:
        InputError: not exactly one of `received` and `energies`, or values that cannot be.
    """
    names = [name for name in ("received", "energies") if name in arrays]
    require(
        len(names) == 1,
        "The file must hold `received` or `energies`, but holds "
        + (", ".join(f"`{name}`" for name in (names or arrays)) or "nothing")
        + ".",
    )
    about = {name: _number(name, arrays[name]) for name in (*LAYOUT, *TRUTH) if name in arrays}
    if names == ["received"]:
        return Recording.from_field(arrays["received"], **about)
    require(
        not np.iscomplexobj(arrays["energies"]),
        "`energies` must be real, but are complex: call them `received`.",
    )
    return Recording.from_energies(arrays["energies"], **about)


def _number(name: str, array: _Array) -> int | float:
    require(
        array.size == 1 and array.dtype.kind in "iuf",
        f"`{name}` must be one real number, but has shape {array.shape}.",
    )
    return array.item()


def _matrix(recording: Recording) -> dict[str, _Array]:
    if recording.received is None:
        return {"energies": recording.energies}
    return {"received": recording.received}


def _read_nc(path: Path) -> Recording:
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        arrays: dict[str, _Array] = {
            name: np.asarray(value) for name, value in dataset.attrs.items()
        }
        if "received" in dataset:
            arrays["received"] = decode_complex(dataset["received"])
        if "energies" in dataset:
            arrays["energies"] = dataset["energies"].values
        return recording_of(arrays)


def _write_nc(recording: Recording, path: Path) -> None:
    dims = ("snapshot", "probe")
    order = "snapshots t = t_y T_x + t_x, probes n = n_y N_x + n_x"
    variables: dict[str, object] = {}
    if recording.received is None:
        about = {"units": "1", "long_name": f"energy |r|^2; {order}"}
        variables["energies"] = (dims, recording.energies, about)
    else:
        variables["received"] = encode_complex(
            dims, recording.received, units="1", long_name=f"complex field; {order}"
        )
    save_netcdf(path, kind=KIND, variables=variables, attributes=recording.about())


def _read_arrays(path: Path) -> Recording:
    arrays = read_arrays(path)
    with naming(path):
        return recording_of(arrays)


def _write_npz(recording: Recording, path: Path) -> None:
    arrays = {name: np.asarray(value) for name, value in recording.about().items()}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **_matrix(recording), **arrays)


def _write_mat(recording: Recording, path: Path) -> None:
    from scipy.io import savemat

    with replacing(path) as temporary:
        savemat(temporary, {**_matrix(recording), **recording.about()}, do_compression=True)


def _read_csv(path: Path) -> Recording:
    text = read_text(path)
    with naming(path):
        return recording_of(parse_csv(text))


def _write_csv(recording: Recording, path: Path) -> None:
    ((_, matrix),) = _matrix(recording).items()
    text = csv_text(matrix, recording.about())
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


_FORMATS: dict[str, tuple[Callable[[Path], Recording], Callable[[Recording, Path], None]]] = {
    ".nc": (_read_nc, _write_nc),
    ".npz": (_read_arrays, _write_npz),
    ".mat": (_read_arrays, _write_mat),
    ".csv": (_read_csv, _write_csv),
}


def _format(
    path: Path,
) -> tuple[Callable[[Path], Recording], Callable[[Recording, Path], None]]:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(
            f"`{one_line(str(path))}` must end in {', '.join(_FORMATS)}, but ends in "
            f"{shown(path.suffix)}."
        )
    return _FORMATS[suffix]
