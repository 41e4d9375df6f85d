"""Prepared strategies in .npz files: codebooks, linear maps, unrolled networks.

`metastack_kind` says which; `provenance` is JSON. Arrays only, so that nothing in such a file is
ever run. What antennas receive through the nominal stack stands in it, and tells stack and plan.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Shaped

from ..calibration.strategies import Codebook, LinearMap, Preparation, UnrolledNetwork
from ..calibration.unknowns import DEGREES_OF_FREEDOM
from ..errors import InputError, require
from .atomic import replacing
from .provenance import Provenance
from .wording import naming, one_line, opening, shown

Prepared: TypeAlias = Codebook | LinearMap | UnrolledNetwork
_Arrays: TypeAlias = Mapping[str, Shaped[np.ndarray, "..."]]

_PREPARATION = {"planes": 1, "freedoms": 1, "unit": 1, "response": 3}
_CODEBOOK = {"directions": 2, "telling": 1, "reach": 1, "most_candidates": 0}
_LINEAR = {"mean": 1, "basis": 2, "variance": 1, "correlation": 2}
_NETWORK = {"log_damping": 2, "log_prior": 2, "log_curvature": 1, "most": 0}

_LARGEST_WHOLE = 10**6


@dataclass(frozen=True, eq=False)
class StoredPreparation:
    """A prepared strategy with what wrote its file, and what it was told: training, tolerances."""

    prepared: Prepared
    provenance: Provenance
    settings: Mapping[str, Any]


def write_prepared(
    prepared: Prepared, path: Path | str, *, command: str, settings: Mapping[str, Any]
) -> None:
    """Write a codebook, a linear map or an unrolled network.

    Raises:
        InputError: the file cannot be written there.
    """
    about = {**asdict(Provenance.current(command)), "settings": dict(settings)}
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            metastack_kind=np.array(prepared.name),
            provenance=np.array(json.dumps(about)),
            **_arrays_of(prepared),
        )


def read_prepared(path: Path | str) -> StoredPreparation:
    """Read a codebook, a linear map or an unrolled network.

    Raises:
        InputError: the file cannot be read, is of another kind, or is damaged.
    """
    arrays = _read(Path(path))
    with naming(path):
        kind = str(arrays.get("metastack_kind", ""))
        require(
            kind in _READERS,
            f"The file must hold one of {', '.join(_READERS)}, but its `metastack_kind` is "
            f"{shown(kind)}.",
        )
        prepared = _READERS[kind](arrays)
        about = _about(arrays)
        settings = about.pop("settings", {})
        require(isinstance(settings, dict), "`settings` must be an object, but is not.")
        try:
            provenance = Provenance(**about)
        except TypeError as error:
            raise InputError("`provenance` must name what wrote the file, but does not.") from error
        return StoredPreparation(prepared, provenance, settings)


def _arrays_of(prepared: Prepared) -> dict[str, Any]:
    if isinstance(prepared, UnrolledNetwork):
        names = ("log_damping", "log_prior", "log_curvature")
        own = {name: getattr(prepared, name) for name in names}
        return {**_arrays_of(prepared.linear), **own, "most": np.array(prepared.reach)}
    names = _CODEBOOK if isinstance(prepared, Codebook) else _LINEAR
    own = {name: np.asarray(getattr(prepared, name)) for name in names}
    about = prepared.preparation
    return {**own, **{name: np.asarray(getattr(about, name)) for name in _PREPARATION}}


def _read(path: Path) -> _Arrays:
    require(
        path.suffix.lower() == ".npz",
        f"`{one_line(str(path))}` must end in .npz, but ends in {shown(path.suffix)}.",
    )
    with opening(path):
        content = BytesIO(path.read_bytes())
    try:
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            one_line(f"`{path}` must be an .npz file of arrays, but is damaged or foreign.")
        ) from error


def _about(arrays: _Arrays) -> dict[str, Any]:
    try:
        about = json.loads(str(arrays["provenance"]))
    except (KeyError, ValueError) as error:
        raise InputError("`provenance` must be JSON, but is missing or damaged.") from error
    require(isinstance(about, dict), "`provenance` must be an object, but is not.")
    return about


def _codebook(arrays: _Arrays) -> Codebook:
    preparation = _preparation(arrays)
    directions, telling, reach, most = _numbers(arrays, _CODEBOOK)
    size = preparation.size
    _check_shape("directions", directions, (size, size))
    _check_shape("telling", telling, (size,))
    _check_shape("reach", reach, (size,))
    _check_not_negative("telling", telling)
    _check_not_negative("reach", reach)
    _check_whole("most_candidates", most)
    return Codebook(preparation, directions, telling, reach, int(most))


def _linear(arrays: _Arrays) -> LinearMap:
    preparation = _preparation(arrays)
    mean, basis, variance, correlation = _numbers(arrays, _LINEAR)
    numbers, size = 2 * preparation.response.size, preparation.size
    _check_shape("basis", basis, (numbers, len(mean)))
    _check_shape("variance", variance, (len(mean),))
    _check_not_negative("variance", variance)
    _check_shape("correlation", correlation, (size, len(mean)))
    return LinearMap(preparation, mean, basis, variance, correlation)


def _network(arrays: _Arrays) -> UnrolledNetwork:
    linear = _linear(arrays)
    damping, prior, curvature, most = _numbers(arrays, _NETWORK)
    shape = (len(curvature), linear.preparation.size)
    _check_shape("log_damping", damping, shape)
    _check_shape("log_prior", prior, shape)
    _check_not_negative("most", most)
    return UnrolledNetwork(linear, damping, prior, curvature, float(most))


_READERS: dict[str, Callable[[_Arrays], Prepared]] = {
    "codebook": _codebook,
    "linear map": _linear,
    "unrolled network": _network,
}


def _preparation(arrays: _Arrays) -> Preparation:
    planes, freedoms, unit, response = _numbers(arrays, _PREPARATION)
    _check_shape("freedoms", freedoms, planes.shape)
    _check_whole("planes", planes)
    _check_whole("freedoms", freedoms, len(DEGREES_OF_FREEDOM) - 1)
    _check_not_negative("unit", unit)
    require(
        len(unit) >= len(planes) and bool(unit.all()),
        "`unit` must be positive, one for each unknown, but is not.",
    )
    require(bool(np.any(response)), "`response` must hold something, but is all zero.")
    indices = tuple(map(int, planes)), tuple(map(int, freedoms))
    return Preparation(*indices, np.asarray(unit, float), np.asarray(response, complex))


def _numbers(arrays: _Arrays, dimensions: Mapping[str, int]) -> list[Any]:
    """Arrays of finite numbers with so many dimensions, real ones save for responses."""
    for name, many in dimensions.items():
        require(name in arrays, f"`{name}` must be in the file, but is missing.")
        array, kinds = arrays[name], "iufc" if name == "response" else "iuf"
        require(
            array.ndim == many and array.dtype.kind in kinds and bool(np.isfinite(array).all()),
            f"`{name}` must be an array of {many} dimensions, {'' if 'c' in kinds else 'real '}and "
            f"finite, but is of {array.ndim}, {array.dtype}.",
        )
    return [arrays[name] for name in dimensions]


def _check_whole(name: str, array: Any, largest: int = _LARGEST_WHOLE) -> None:
    """Whole numbers from 0 to the largest."""
    require(
        array.dtype.kind in "iu" and bool(((array >= 0) & (array <= largest)).all()),
        f"`{name}` must be whole and from 0 to {largest}, but is {shown(array.tolist())}.",
    )


def _check_not_negative(name: str, array: Any) -> None:
    require(
        bool((array >= 0).all()), f"`{name}` must not be negative, but is as low as {array.min()}."
    )


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    require(
        array.shape == shape,
        f"`{name}` must be of shape {shape}, but is of {array.shape}.",
    )
