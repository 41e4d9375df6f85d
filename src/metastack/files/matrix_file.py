"""Arrays and matrices from .mat, .npz and .npy files, without ever running what a file says."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Shaped

from ..errors import require
from .wording import at_file, naming, one_line, opening, shown

Arrays: TypeAlias = Mapping[str, Shaped[np.ndarray, "..."]]

_NUMERIC_MATLAB = frozenset(
    ("double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
)
_SAVE_AS_NUMBERS = "save it as a plain matrix of numbers"


def read_matrix(path: Path | str, variable: str | None = None) -> Complex[np.ndarray, "to from"]:
    """The one matrix of numbers in a .mat, .npz or .npy file, as complex numbers.

    `variable` says which, where there are several. Single numbers beside a matrix do not count.

    Raises:
        InputError: the file cannot be read, holds no matrix or several, or is not finite.
    """
    arrays = read_arrays(path)
    with naming(path):
        name = variable or _only_matrix(arrays)
        require(name in arrays, f"`{name}` must be in the file, but there are {_listed(arrays)}.")
        matrix = np.asarray(arrays[name])
        require(
            matrix.ndim == 2 and matrix.size > 0,
            f"`{name}` must be a matrix, but has shape {matrix.shape}.",
        )
        require(
            bool(np.isfinite(matrix).all()), f"`{name}` must be finite, but has NaN or infinity."
        )
        return matrix.astype(np.complex128)


def read_arrays(path: Path | str) -> Arrays:
    """Every array of numbers in a .mat, .npz or .npy file, by name.

    Raises:
        InputError: the file cannot be read, is of another kind, or holds no numbers.
    """
    path = Path(path)
    require(
        path.suffix.lower() in _READERS,
        f"`{one_line(str(path))}` must end in {', '.join(_READERS)}, but ends in "
        f"{shown(path.suffix)}.",
    )
    with opening(path):
        path.open("rb").close()
        return _READERS[path.suffix.lower()](path)


def _only_matrix(arrays: Arrays) -> str:
    matrices = [name for name, array in arrays.items() if array.ndim == 2 and array.size]
    larger = [name for name in matrices if arrays[name].size > 1] or matrices
    require(
        len(larger) == 1,
        f"The file must hold exactly one matrix, but holds {_listed(larger)}.",
    )
    return larger[0]


def _listed(names: Arrays | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _read_mat(path: Path) -> Arrays:
    """MATLAB's format up to -v7. Only plain numbers are loaded: no cells, structs, objects."""
    from scipy.io import loadmat, whosmat

    try:
        classes = {name: kind for name, _, kind in whosmat(path)}
        numeric = [name for name, kind in classes.items() if kind in _NUMERIC_MATLAB]
        loaded = loadmat(path, variable_names=numeric) if numeric else {}
    except NotImplementedError as error:
        raise at_file("The file must be saved with `-v7` in MATLAB, but is v7.3", path) from error
    except Exception as error:  # scipy raises nearly anything on a damaged file
        raise at_file("The file must be a MATLAB file, but cannot be read as one", path) from error
    kinds = ", ".join(f"`{name}` ({kind})" for name, kind in classes.items()) or "nothing"
    if not numeric:
        raise at_file(f"The file must hold numbers, but holds {kinds}: {_SAVE_AS_NUMBERS}", path)
    return {name: loaded[name] for name in numeric}


def _read_numpy(path: Path) -> Arrays:
    """NumPy's formats, told apart by what is inside; pickled objects are refused."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                arrays = {path.stem: loaded}
            else:
                arrays = {name: loaded[name] for name in loaded.files}
    except Exception as error:  # zipfile and numpy raise nearly anything on a damaged file
        message = f"The file must hold NumPy arrays of numbers, but cannot be read: {error}"
        raise at_file(message, path) from error
    numeric = {name: array for name, array in arrays.items() if array.dtype.kind in "iufc"}
    if not numeric:
        kinds = ", ".join(f"`{name}` ({array.dtype})" for name, array in arrays.items())
        message = f"The file must hold numbers, but holds {kinds or 'nothing'}"
        raise at_file(f"{message}: {_SAVE_AS_NUMBERS}", path)
    return numeric


_READERS: dict[str, Callable[[Path], Arrays]] = {
    ".mat": _read_mat,
    ".npz": _read_numpy,
    ".npy": _read_numpy,
}
