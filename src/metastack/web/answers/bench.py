"""A device on the bench: what it receives of some sources, and what is read of it.

One source is read by maximum likelihood as `metastack doa` does. Several are climbed to, jointly,
from the strongest places of the picture and from where they were read last, so that it takes
milliseconds; `metastack doa --sources` searches everywhere.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ...cli.device import Device, is_dft, read_device
from ...design.design_phases import check_shape
from ...doa import DirectionModel, KnownNoise, MaximumLikelihood, Protocol
from ...doa.joint_fit import JointFit, joint_fit
from ...doa.likelihood import Estimate
from ...doa.scan import Scan
from ...doa.source import complex_normal
from ...files import FileKind, identify, read_design, read_direction_design, read_stack
from ...geometry import column_and_row
from ...precision import float64, in_float64
from ...stack import response

GRID = 48

# A file and when it was written: another content is another bench.
Version: TypeAlias = tuple[Path, int]


@dataclass(frozen=True, eq=False)
class Bench:
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


@lru_cache(maxsize=8)
def bench_of(design: Version, through: Version | None, snapshots: int) -> Bench:
    """A device, seen as it is built where `through` is the stack file of that.

    `snapshots`: a side, unless the design brings its own.

    Raises:
        InputError: files that cannot be read, or that are of two sizes.
    """
    believed = read_device(design[0])
    own = Protocol(believed.columns, believed.rows, snapshots, snapshots)
    protocol = believed.protocol or own
    built = believed
    if through is not None:
        built = replace(believed, response=_built_response(design[0], through[0]))
    model = believed.model(protocol)
    grid = (np.arange(GRID) + 0.5) / GRID * 2 * np.pi - np.pi
    places = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    with float64():
        reader = MaximumLikelihood.of(model, noise=KnownNoise(jnp.asarray(1.0)))
        scan = Scan.of(model)
        fields = np.sqrt(np.asarray(model.energies(jnp.asarray(places)))).reshape(len(places), -1)
        fields /= np.linalg.norm(fields, axis=1, keepdims=True)
    return Bench(
        believed, is_dft(believed), protocol, built.model(protocol), reader, scan, places, fields
    )


def _built_response(design: Path, through: Path) -> Complex[np.ndarray, "receivers inputs"]:
    """What another stack makes of the phases of a design."""
    for_directions = identify(design) is FileKind.DIRECTION_DESIGN
    read = (read_direction_design if for_directions else read_design)(design)
    stack = read_stack(through).stack
    check_shape(stack, read.phases_rad, read.response)
    return np.asarray(response(stack, read.phases_rad))


def electrical(
    bench: Bench, cosines: Float[np.ndarray, "sources 2"]
) -> Float[np.ndarray, "sources 2"]:
    """Electrical angles of direction cosines in the stack's frame, in which the array may turn."""
    turn = bench.device.rotation_rad
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return cosines @ back.T / np.array(bench.span)


def received(
    bench: Bench,
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


def match_of(
    bench: Bench, seen: Float[np.ndarray, "snapshots probes"]
) -> Float[np.ndarray, " grid"]:
    """How alike the amplitudes are to those of one source at each place; 1 is the same."""
    amplitudes = np.sqrt(seen).reshape(-1)
    return bench.grid_fields @ (amplitudes / np.linalg.norm(amplitudes))


def strongest(
    bench: Bench, seen: Float[np.ndarray, "snapshots probes"], count: int
) -> Float[np.ndarray, "sources 2"]:
    """The best places of the grid, half a main lobe apart at least."""
    match, found = match_of(bench, seen), list[Float[np.ndarray, "2"]]()
    lobe = np.pi / np.array([bench.device.columns, bench.device.rows])
    for _ in range(count):
        found.append(bench.grid_psi_rad[match.argmax()])
        apart = np.mod(bench.grid_psi_rad - found[-1] + np.pi, 2 * np.pi) - np.pi
        match = np.where((np.abs(apart) < lobe).all(axis=1), -np.inf, match)
    return np.stack(found)


@in_float64
def read_sources(
    bench: Bench,
    seen: Float[np.ndarray, "snapshots probes"],
    count: int,
    variance: float,
    previous: Float[np.ndarray, "sources 2"] | None,
) -> list[tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2 2"]]]:
    """Electrical angles and their covariance, for every source.

    `previous`: direction cosines that were read last.
    """
    measured, noise = jnp.asarray(seen), KnownNoise(jnp.asarray(variance))
    if count == 1:
        reader = eqx.tree_at(lambda each: each.noise, bench.reader, noise)
        one = _one(reader, measured)
        return [(np.asarray(one.psi_rad), np.asarray(one.covariance_rad2))]
    places = strongest(bench, seen, count)
    before = places if previous is None else electrical(bench, previous)
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
