"""A sweep in a few lines: what each result is like over all points, and where it is least."""

from typing import Any

import numpy as np
import xarray as xr


def shown_results(data: xr.Dataset) -> list[str]:
    """The results that are a real number a point and not the same everywhere, as they stand."""
    inner = {str(name) for name in data.dims if _is_inner(str(name), data)}
    return [
        str(name)
        for name, value in data.data_vars.items()
        if value.dtype.kind in "biuf"
        and not inner & set(map(str, value.dims))
        and np.unique(value.values[np.isfinite(value.values)]).size > 1
    ]


def _is_inner(name: str, data: xr.Dataset) -> bool:
    """A dimension that a result brought along, not an axis of the sweep."""
    return name not in data.coords


def summaries(data: xr.Dataset) -> list[dict[str, Any]]:
    """For each result its least, median and greatest value, and the labels of the least."""
    return [_summary(data, name) for name in shown_results(data)]


def _summary(data: xr.Dataset, name: str) -> dict[str, Any]:
    values = data[name].values.astype(float)
    place = np.unravel_index(int(np.nanargmin(values)), values.shape)
    where = {str(dim): data[dim].values[k] for dim, k in zip(data[name].dims, place, strict=True)}
    return {
        "result": name,
        "least": float(np.nanmin(values)),
        "median": float(np.nanmedian(values)),
        "greatest": float(np.nanmax(values)),
        "least_at": ", ".join(f"{dim} {label}" for dim, label in where.items()),
    }
