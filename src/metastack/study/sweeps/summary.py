"""A sweep in a few lines: what each result is like over all points, and where it is least."""

from typing import Any

import numpy as np
import xarray as xr


def shown_results(data: xr.Dataset) -> list[str]:
    """Results that are a real number a point, differ somewhere and are not one before."""
    shown = list[str]()
    for name, value in data.data_vars.items():
        before = any(value.identical(data[other].rename(name)) for other in shown)
        if not before and _is_number_a_point(value, data) and _differs(value):
            shown.append(str(name))
    return shown


def _is_number_a_point(value: xr.DataArray, data: xr.Dataset) -> bool:
    """Dimensions without a coordinate are those that a result brought along."""
    return value.dtype.kind in "biuf" and all(dim in data.coords for dim in value.dims)


def _differs(value: xr.DataArray) -> bool:
    return np.unique(value.values[np.isfinite(value.values)]).size > 1


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
