"""One frame of the directions page: what the detectors see of some sources, and what is read there.

The device answers as it stands, with noise; estimates believe a response, which may be another one.
One source is read by maximum likelihood as `metastack doa` does. Several are climbed to, jointly,
from the strongest places of the picture and from where they were read last, so that a frame takes
milliseconds; `metastack doa --sources` searches everywhere.
"""

from base64 import b64encode
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ...cli.device import Device, is_dft, read_device
from ...cli.doa_estimates import angles_answer
from ...doa import (
    DirectionModel,
    KnownNoise,
    MaximumLikelihood,
    PhysicalSnr,
    Protocol,
    angular_spectrum,
    energies,
    most_sources,
    peak_estimate,
)
from ...doa.joint_fit import JointFit, joint_fit
from ...doa.likelihood import Estimate
from ...doa.scan import Scan
from ...doa.source import complex_normal
from ...errors import require
from ...files import read_design, read_direction_design, read_stack
from ...files.wording import shown
from ...geometry import column_and_row
from ...precision import float64, in_float64
from ...stack import response
from ..library import Library
from . import number, text

_FLOOR_DB = -40.0
_MOST_SNAPSHOTS, _MOST_SOURCES = 16, 3
_GRID = 48
_ELLIPSE_POINTS = 48
# Squared radius of the ellipse that holds 95 % of a normal law in the plane.
_CHI2_95 = 5.991


@dataclass(frozen=True, eq=False)
class _Bench:
    """A device on the bench, and the estimators of what is believed of it.

    `has_bins`: its probes stand for the bins of a DFT.
    """

    device: Device
    has_bins: bool
    protocol: Protocol
    built: DirectionModel
    reader: MaximumLikelihood
    scan: Scan
    grid_psi_rad: Float[np.ndarray, "grid 2"]
    grid_fields: Float[np.ndarray, "grid energies"]

    @property
    def span(self) -> tuple[float, float]:
        """Direction cosines per radian of electrical angle, in x and y."""
        device = self.device
        return (
            1 / (2 * np.pi * device.spacing_x_wavelengths),
            1 / (2 * np.pi * device.spacing_y_wavelengths),
        )


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
    paths = [library.path(text(given, "design")), library.path(through) if through else None]
    bench = _bench(*((path, path and path.stat().st_mtime_ns) for path in paths), snapshots)
    most = most_sources(bench.protocol)
    require(
        len(sources) <= most,
        f"`sources` must be at most {most} for energies of this device, but are {len(sources)}.",
    )
    psi_rad = _electrical(bench, sources[:, :2])
    seen = energies(_received(bench, psi_rad, sources[:, 2], noise.variance, seed))
    previous = given.get("previous")
    read = (
        []
        if given.get("only_picture")
        else _read(bench, seen, len(sources), noise.variance, previous)
    )
    return {
        **_picture(bench, seen),
        "rotation_rad": bench.device.rotation_rad,
        "peak": _peak(bench, seen),
        "estimates": [_estimate(bench, *each) for each in read],
        "snapshots": bench.protocol.snapshots,
        "probes": bench.built.probes,
    }


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


@lru_cache(maxsize=8)
def _bench(
    design: tuple[Path, int], through: tuple[Path | None, int | None], snapshots: int
) -> _Bench:
    believed = read_device(design[0])
    own = Protocol(believed.columns, believed.rows, snapshots, snapshots)
    protocol = believed.protocol or own
    built = believed
    if through[0] is not None:
        built = replace(believed, response=_built_response(design[0], through[0]))
    model = believed.model(protocol)
    grid = (np.arange(_GRID) + 0.5) / _GRID * 2 * np.pi - np.pi
    places = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    with float64():
        reader = MaximumLikelihood.of(model, noise=KnownNoise(jnp.asarray(1.0)))
        scan = Scan.of(model)
        fields = np.sqrt(np.asarray(model.energies(jnp.asarray(places)))).reshape(len(places), -1)
        fields /= np.linalg.norm(fields, axis=1, keepdims=True)
    return _Bench(
        believed, is_dft(believed), protocol, built.model(protocol), reader, scan, places, fields
    )


def _built_response(design: Path, through: Path) -> Complex[np.ndarray, "receivers inputs"]:
    """What another stack makes of the phases of a design."""
    from ...files import FileKind, identify

    for_directions = identify(design) is FileKind.DIRECTION_DESIGN
    phases_rad = (read_direction_design if for_directions else read_design)(design).phases_rad
    stack = read_stack(through).stack
    require(
        stack.phases_shape == np.shape(phases_rad),
        f"The built stack must have layers x atoms {np.shape(phases_rad)}, as the design, but has "
        f"{stack.phases_shape}.",
    )
    return np.asarray(response(stack, phases_rad))


def _electrical(
    bench: _Bench, cosines: Float[np.ndarray, "sources 2"]
) -> Float[np.ndarray, "sources 2"]:
    """Electrical angles of direction cosines in the stack's frame, in which the array may turn."""
    turn = bench.device.rotation_rad
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return cosines @ back.T / np.array(bench.span)


def _received(
    bench: _Bench,
    psi_rad: Float[np.ndarray, "sources 2"],
    powers_db: Float[np.ndarray, " sources"],
    variance: float,
    seed: int,
) -> Complex[np.ndarray, "snapshots probes"]:
    """One noisy run, as `simulate_sources` has it; what is drawn stays while the seed does."""
    draw = np.random.default_rng([seed, 1])
    phases = draw.uniform(0, 2 * np.pi, len(psi_rad))
    column, row = column_and_row(bench.device.columns, bench.device.rows)
    steering = np.exp(1j * psi_rad @ np.stack([column, row]))
    aperture = (10 ** (powers_db / 20) * np.exp(1j * phases)) @ steering
    field = np.asarray(bench.built.weights) @ aperture
    return field + np.sqrt(variance) * complex_normal(draw, field.shape)


@in_float64
def _read(
    bench: _Bench,
    seen: Float[np.ndarray, "snapshots probes"],
    count: int,
    variance: float,
    previous: Any,
) -> list[tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2 2"]]]:
    """Electrical angles and their covariance, for every source."""
    measured, noise = jnp.asarray(seen), KnownNoise(jnp.asarray(variance))
    if count == 1:
        reader = eqx.tree_at(lambda each: each.noise, bench.reader, noise)
        one = _one(reader, measured)
        return [(np.asarray(one.psi_rad), np.asarray(one.covariance_rad2))]
    places = _strongest(bench, seen, count)
    before = _electrical(bench, _cosines(previous, count)) if previous else places
    starts = jnp.asarray(np.stack([places, before]))
    fit = _several(bench.scan, bench.reader.model, noise, measured, starts)
    return list(zip(np.asarray(fit.psi_rad), np.asarray(fit.covariance_rad2), strict=True))


@eqx.filter_jit
def _one(reader: MaximumLikelihood, measured: Array) -> Estimate:
    return reader(measured)


@eqx.filter_jit
def _several(
    scan: Scan, model: DirectionModel, noise: KnownNoise, measured: Array, starts: Array
) -> JointFit:
    """The more likely end of the climbs from every start."""
    amplitudes = jax.vmap(partial(scan.amplitudes, scan.compressed(measured)))(starts)
    climbs = jax.vmap(partial(joint_fit, model, measured, noise))(starts, amplitudes)
    return jax.tree.map(lambda leaf: leaf[jnp.argmax(climbs.log_likelihood)], climbs)


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


def _match(
    bench: _Bench, seen: Float[np.ndarray, "snapshots probes"]
) -> Float[np.ndarray, " grid"]:
    """How alike the amplitudes are to those of one source at each place; 1 is the same."""
    amplitudes = np.sqrt(seen).reshape(-1)
    return bench.grid_fields @ (amplitudes / np.linalg.norm(amplitudes))


def _strongest(
    bench: _Bench, seen: Float[np.ndarray, "snapshots probes"], count: int
) -> Float[np.ndarray, "sources 2"]:
    """The best places of the grid, half a main lobe apart at least."""
    match, found = _match(bench, seen), list[Float[np.ndarray, "2"]]()
    lobe = np.pi / np.array([bench.device.columns, bench.device.rows])
    for _ in range(count):
        found.append(bench.grid_psi_rad[match.argmax()])
        apart = np.mod(bench.grid_psi_rad - found[-1] + np.pi, 2 * np.pi) - np.pi
        match = np.where((np.abs(apart) < lobe).all(axis=1), -np.inf, match)
    return np.stack(found)


def _picture(bench: _Bench, seen: Float[np.ndarray, "snapshots probes"]) -> dict[str, Any]:
    """The spectrum as bytes, rows from -v up, and what it is; where it lies in direction cosines.

    For a DFT the periodogram; else how alike the energies are to those of one source.
    """
    if bench.has_bins:
        spectrum = angular_spectrum(seen, bench.protocol)
        power_db, what = spectrum.power_db, "spectrum"
        first = [spectrum.psi_x_rad[0], spectrum.psi_y_rad[0]]
    else:
        match = _match(bench, seen).reshape(_GRID, _GRID)
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


def _peak(bench: _Bench, seen: Float[np.ndarray, "snapshots probes"]) -> dict[str, Any] | None:
    """The paper's estimate, which stands on a grid; none where probes are not bins of a DFT."""
    if not bench.has_bins:
        return None
    peak = peak_estimate(seen, bench.protocol)
    psi = float(peak.psi_x_rad), float(peak.psi_y_rad)
    return {**_place(bench, np.array(psi)), **angles_answer(bench.device, psi)}


def _estimate(
    bench: _Bench, psi_rad: Float[np.ndarray, "2"], covariance_rad2: Float[np.ndarray, "2 2"]
) -> dict[str, Any]:
    psi = float(psi_rad[0]), float(psi_rad[1])
    return {
        **_place(bench, psi_rad),
        **angles_answer(bench.device, psi, covariance_rad2),
        "ellipse": _ellipse(bench, psi_rad, covariance_rad2),
    }


def _place(bench: _Bench, psi_rad: Float[np.ndarray, "2"]) -> dict[str, float]:
    """Direction cosines in the frame of the array."""
    return {"u": float(psi_rad[0] * bench.span[0]), "v": float(psi_rad[1] * bench.span[1])}


def _ellipse(
    bench: _Bench, psi_rad: Float[np.ndarray, "2"], covariance_rad2: Float[np.ndarray, "2 2"]
) -> list[list[float]]:
    """Where the source is with 95 %, as a polygon; none where the energies tell nothing."""
    values, vectors = np.linalg.eigh(covariance_rad2)
    if not (np.isfinite(values).all() and values.min() > 0 and values.max() < np.pi**2):
        return []
    turn = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    around = (vectors * np.sqrt(_CHI2_95 * values)) @ circle
    return ((psi_rad[:, None] + around) * np.array(bench.span)[:, None]).T.tolist()
