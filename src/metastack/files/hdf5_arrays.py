"""Arrays of numbers at the top of an HDF5 file, and the numbers in its attributes.

Complex numbers may be pairs of fields, r and i or real and imag. Links to other files are not
followed. MATLAB's `h5write` turns the order of axes around: permute before writing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from .pilot_arrays import Array, Arrays
from .wording import at_file, opening

HDF5_SUFFIXES = (".h5", ".hdf5")
_PAIRS = (("r", "i"), ("real", "imag"))


def read_hdf5(path: Path) -> Arrays:
    """Every array of numbers by name.

    Raises:
        InputError: the file cannot be read.
    """
    import h5py

    with opening(path):
        path.open("rb").close()
    try:
        with h5py.File(path, "r") as file:
            found = {str(name): _number(value) for name, value in file.attrs.items()}
            for name in map(str, file):
                if isinstance(file.get(name, getlink=True), h5py.HardLink):
                    item = file[name]
                    found[name] = _numbers(item[()]) if isinstance(item, h5py.Dataset) else None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        message = "The file must be a whole HDF5 file, but is truncated, damaged or another kind"
        raise at_file(message, path) from error
    arrays = {name: array for name, array in found.items() if array is not None}
    if not arrays:
        raise at_file("The file must hold arrays of numbers at its top, but holds none", path)
    return arrays


def _number(value: Any) -> Array | None:
    """An attribute, where it is of numbers; texts are nobody's business here."""
    return _numbers(value) if isinstance(value, np.ndarray | np.generic) else None


def _numbers(value: Any) -> Array | None:
    array = np.asarray(value)
    for real, imag in _PAIRS:
        if array.dtype.names is not None and set(array.dtype.names) == {real, imag}:
            return array[real] + 1j * array[imag]
    return array if array.dtype.kind in "biufc" else None
