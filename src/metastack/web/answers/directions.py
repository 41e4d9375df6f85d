"""One frame of the directions page: what the detectors see of some sources, and what is read there.

The device answers as it stands, with noise; estimates believe a response, which may be another one.
"""

from base64 import b64encode
from typing import Any

import numpy as np
from jaxtyping import Float

from ...cli.doa_estimates import angles_answer
from ...doa import PhysicalSnr, angular_spectrum, energies, most_sources, peak_estimate
from ...errors import require
from ...files.wording import shown
from ..library import Library
from . import number, text
from .bench import GRID, Bench, Version, bench_of, electrical, match_of, read_sources, received

_FLOOR_DB = -40.0
_MOST_SNAPSHOTS, _MOST_SOURCES = 16, 3
_ELLIPSE_POINTS = 48
# Squared radius of the ellipse that holds 95 % of a normal law in the plane.
_CHI2_95 = 5.991


def frame(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """What is seen and read of some sources.

    `design`: file of the device. `through`: stack file of the device as it is built, if it differs.
    `sources`: direction cosines u, v and power in dB of each. `snr_db`: physical. `snapshots`: a
    side. `previous`: direction cosines that were read last. `only_picture`: without estimates.

    Raises:
        InputError: a value that cannot be used.
    """
    sources = _sources(given.get("sources"))
    snapshots, seed = int(number(given, "snapshots", 4)), int(number(given, "seed", 0))
    require(
        1 <= snapshots <= _MOST_SNAPSHOTS,
        f"`snapshots` must be from 1 to {_MOST_SNAPSHOTS} a side, but is {snapshots}.",
    )
    require(seed >= 0, f"`seed` must not be negative, but is {seed}.")
    noise = PhysicalSnr(number(given, "snr_db", 20))
    through = text(given, "through")
    bench = bench_of(
        _version(library, text(given, "design")),
        _version(library, through) if through else None,
        snapshots,
    )
    most = most_sources(bench.protocol)
    require(
        len(sources) <= most,
        f"`sources` must be at most {most} for energies of this device, but are {len(sources)}.",
    )
    psi_rad = electrical(bench, sources[:, :2])
    seen = energies(received(bench, psi_rad, sources[:, 2], noise.variance, seed))
    previous = given.get("previous")
    before = _cosines(previous, len(sources)) if previous else None
    read = (
        []
        if given.get("only_picture")
        else read_sources(bench, seen, len(sources), noise.variance, before)
    )
    return {
        **_picture(bench, seen),
        "rotation_rad": bench.device.rotation_rad,
        "peak": _peak(bench, seen),
        "estimates": [_estimate(bench, *each) for each in read],
        "snapshots": bench.protocol.snapshots,
        "probes": bench.built.probes,
    }


def _version(library: Library, name: str) -> Version:
    path = library.path(name)
    return path, path.stat().st_mtime_ns


def _sources(value: Any) -> Float[np.ndarray, "sources 3"]:
    """Direction cosines and powers, checked."""
    try:
        sources = np.asarray(value, float)
    except (TypeError, ValueError):
        sources = np.zeros(0)
    require(
        sources.ndim == 2 and sources.shape[1:] == (3,) and 1 <= len(sources) <= _MOST_SOURCES,
        f"`sources` must be from 1 to {_MOST_SOURCES} triples u, v, dB, but are {shown(value)}.",
    )
    require(bool(np.isfinite(sources).all()), "`sources` must be finite, but are not.")
    require(
        bool((np.hypot(sources[:, 0], sources[:, 1]) <= 1).all()),
        "`sources` must be directions in space, u² + v² <= 1, but are not.",
    )
    return sources


def _cosines(value: Any, count: int) -> Float[np.ndarray, "sources 2"]:
    try:
        cosines = np.asarray(value, float)
    except (TypeError, ValueError):
        cosines = np.zeros(0)
    require(
        cosines.shape == (count, 2) and np.isfinite(cosines).all(),
        f"`previous` must be {count} pairs u, v, but are {shown(value)}.",
    )
    return cosines


def _picture(bench: Bench, seen: Float[np.ndarray, "snapshots probes"]) -> dict[str, Any]:
    """The spectrum as bytes, rows from -v up, and what it is; where it lies in direction cosines.

    For a DFT the periodogram; else how alike the energies are to those of one source.
    """
    if bench.has_bins:
        spectrum = angular_spectrum(seen, bench.protocol)
        power_db, what = spectrum.power_db, "spectrum"
        first = [spectrum.psi_x_rad[0], spectrum.psi_y_rad[0]]
    else:
        match = match_of(bench, seen).reshape(GRID, GRID)
        with np.errstate(divide="ignore"):
            power_db = 10 * np.log10(1 - np.minimum(match, 1) ** 2)
        power_db, what = power_db.min() - power_db, "match"
        first = [bench.grid_psi_rad[0, 0], bench.grid_psi_rad[0, 1]]
    rows, columns = power_db.shape
    shade = np.clip(np.nan_to_num(power_db, neginf=_FLOOR_DB) / _FLOOR_DB, 0, 1)
    steps = 2 * np.pi / columns, 2 * np.pi / rows
    return {
        "picture": b64encode(np.uint8(255 * (1 - shade)).tobytes()).decode(),
        "what": what,
        "columns": columns,
        "rows": rows,
        "floor_db": _FLOOR_DB,
        "left": (first[0] - steps[0] / 2) * bench.span[0],
        "bottom": (first[1] - steps[1] / 2) * bench.span[1],
        "width": 2 * np.pi * bench.span[0],
        "height": 2 * np.pi * bench.span[1],
    }


def _peak(bench: Bench, seen: Float[np.ndarray, "snapshots probes"]) -> dict[str, Any] | None:
    """The paper's estimate, which stands on a grid; none where probes are not bins of a DFT."""
    if not bench.has_bins:
        return None
    peak = peak_estimate(seen, bench.protocol)
    psi = float(peak.psi_x_rad), float(peak.psi_y_rad)
    return {**_place(bench, np.array(psi)), **angles_answer(bench.device, psi)}


def _estimate(
    bench: Bench, psi_rad: Float[np.ndarray, "2"], covariance_rad2: Float[np.ndarray, "2 2"]
) -> dict[str, Any]:
    psi = float(psi_rad[0]), float(psi_rad[1])
    return {
        **_place(bench, psi_rad),
        **angles_answer(bench.device, psi, covariance_rad2),
        "ellipse": _ellipse(bench, psi_rad, covariance_rad2),
    }


def _place(bench: Bench, psi_rad: Float[np.ndarray, "2"]) -> dict[str, float]:
    """Direction cosines in the frame of the array."""
    return {"u": float(psi_rad[0] * bench.span[0]), "v": float(psi_rad[1] * bench.span[1])}


def _ellipse(
    bench: Bench, psi_rad: Float[np.ndarray, "2"], covariance_rad2: Float[np.ndarray, "2 2"]
) -> list[list[float]]:
    """Where the source is with 95 %, as a polygon; none where the energies tell nothing."""
    values, vectors = np.linalg.eigh(covariance_rad2)
    if not (np.isfinite(values).all() and values.min() > 0 and values.max() < np.pi**2):
        return []
    turn = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    around = (vectors * np.sqrt(_CHI2_95 * values)) @ circle
    return ((psi_rad[:, None] + around) * np.array(bench.span)[:, None]).T.tolist()
