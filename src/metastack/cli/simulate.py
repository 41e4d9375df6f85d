"""`metastack simulate`: what a device would receive, and how it would be built."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, DevicePath, Seed, SnapshotsX, SnapshotsY, require_writable
from .output import emit
from .simulate_built import built
from .simulate_drift import drift
from .simulate_energies import energies
from .simulate_pilots import pilots
from .simulate_probes import probes
from .simulate_wideband import wideband

if TYPE_CHECKING:
    from ..doa import NoiseLevel, Protocol, Source
    from ..files import Recording
    from .device import Device


class SourceName(StrEnum):
    """Kinds of source on the command line."""

    STEADY = "steady"
    CONSTANT_MODULUS = "constant-modulus"
    GAUSSIAN = "gaussian"


app = typer.Typer(help="Simulate what a device receives, or how it comes out of fabrication.")


@app.callback()
def _simulate() -> None:
    """Simulate what a device receives."""


app.command("built")(built)
app.command("pilots")(pilots)
app.command("energies")(energies)
app.command("drift")(drift)
app.command("wideband")(wideband)
app.command("probes")(probes)


@app.command("snapshots")
def snapshots(
    device: DevicePath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Recording to write (.nc, .npz, .mat, .csv).")
    ],
    psi_over_pi: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Electrical angles of the source, x and y, over pi."),
    ] = None,
    direction_deg: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Or its direction: angle from the stack axis, azimuth from x."),
    ] = None,
    also_psi_over_pi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y[,DB]",
            help="Another source, and its power relative to the stated SNR; again for more.",
        ),
    ] = None,
    snapshots_x: SnapshotsX = 8,
    snapshots_y: SnapshotsY = 8,
    effective_snr_db: Annotated[
        float | None, typer.Option(help="SNR after scaling to the target: hides insertion loss.")
    ] = None,
    physical_snr_db: Annotated[
        float | None, typer.Option(help="SNR at the aperture: insertion loss counts.")
    ] = None,
    spacing_wavelengths: Annotated[
        float, typer.Option(help="Spacing of the input layer, where DEVICE is a response alone.")
    ] = 0.5,
    source: Annotated[
        SourceName, typer.Option(help="What sources send: steady, or anew in every snapshot.")
    ] = SourceName.STEADY,
    no_patterns: Annotated[
        bool, typer.Option("--no-patterns", help="Let the input layer stand still.")
    ] = False,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Record sources through a device, one snapshot for each pattern of the input layer.

    Without an SNR the recording is free of noise. A design for directions brings its own number
    of snapshots. Phases between several sources are random.
    """
    from ..doa import Protocol
    from ..errors import require
    from ..files import write_recording
    from .device import read_device

    require_writable(output, ".nc", ".npz", ".mat", ".csv")
    read = read_device(device, spacing_wavelengths=spacing_wavelengths)
    own = Protocol(read.columns, read.rows, snapshots_x, snapshots_y)
    protocol = read.protocol or own
    first = _source(read, psi_over_pi, direction_deg)
    others = [_another(text) for text in also_psi_over_pi or []]
    sources, powers_db = [first, *(psi for psi, _ in others)], [0.0, *(db for _, db in others)]
    noise = _noise(effective_snr_db, physical_snr_db)
    require(
        effective_snr_db is None or read.protocol is None,
        "`--effective-snr-db` must go with a target to scale to, but a design for directions has "
        "none; use `--physical-snr-db`.",
    )
    if no_patterns:
        read = read.without_patterns(protocol.snapshots)
    kind = source_named(source)
    write_recording(record(read, protocol, sources, noise, seed, powers_db, kind), output)
    answer = {"snapshots": protocol.snapshots, "probes": protocol.elements, "seed": seed}
    emit({**answer, "sources": len(sources), "output": str(output)}, as_json=json)


def record(
    device: "Device",
    protocol: "Protocol",
    sources: list[tuple[float, float]],
    noise: "NoiseLevel",
    seed: int,
    powers_db: list[float] | None = None,
    kind: "Source | None" = None,
) -> "Recording":
    """The recording of sources, electrical angles in rad, through a device; steady if not told."""
    import numpy as np

    from ..doa import SteadySource, simulate_sources
    from ..files import Recording
    from ..targets import dft_2d

    target = dft_2d(device.columns, device.rows) if device.target is None else device.target
    scale = noise.scale(device.response, target)
    moduli = 10 ** (np.array(powers_db or [0.0] * len(sources)) / 20)
    generator = np.random.default_rng([seed, 1])
    phases = generator.uniform(0, 2 * np.pi, len(sources))
    sent = (kind or SteadySource()).samples(generator, (len(sources), protocol.snapshots))
    received = simulate_sources(
        device.model(protocol),
        psi_rad=np.array(sources),
        amplitudes=(scale * moduli * np.exp(1j * phases))[:, None] * sent,
        noise_variance=noise.variance,
        seed=seed,
    )
    truth = dict(zip(("psi_x_rad", "psi_y_rad"), sources[0], strict=True))
    return Recording.from_field(
        received,
        columns=protocol.columns,
        rows=protocol.rows,
        snapshots_x=protocol.snapshots_x,
        snapshots_y=protocol.snapshots_y,
        **(truth if len(sources) == 1 else {}),
    )


def _another(text: str) -> tuple[tuple[float, float], float]:
    """Electrical angles in rad and power in dB of a further source."""
    from math import isfinite, pi

    from ..errors import InputError

    try:
        x, y, *rest = (float(part) for part in text.split(","))
        (power_db,) = rest or [0.0]
    except ValueError:
        x = y = power_db = float("nan")
    if not (isfinite(x) and isfinite(y) and isfinite(power_db)):
        raise InputError(
            "`--also-psi-over-pi` must be two numbers, or three with the power in dB, separated "
            f"by commas, but is {text!r}."
        )
    check_db("also-psi-over-pi", power_db)
    return (pi * x, pi * y), power_db


def _source(
    device: "Device",
    psi_over_pi: tuple[float, float] | None,
    direction_deg: tuple[float, float] | None,
) -> tuple[float, float]:
    """Electrical angles of the source, however it was given."""
    from math import isfinite

    import numpy as np

    from ..doa import electrical_angles
    from ..errors import require

    require(
        (psi_over_pi is None) != (direction_deg is None),
        "Give the source by either `--psi-over-pi X Y` or `--direction-deg THETA PHI`.",
    )
    given = psi_over_pi or direction_deg or ()
    require(all(map(isfinite, given)), f"The source's angles must be finite, but are {given}.")
    if psi_over_pi is not None:
        return np.pi * psi_over_pi[0], np.pi * psi_over_pi[1]
    theta_deg, phi_deg = direction_deg or (0.0, 0.0)
    require(
        0 <= theta_deg <= 90,
        f"The angle from the stack axis must be from 0 to 90 degrees, but is {theta_deg}.",
    )
    theta_rad, phi_rad = np.radians(theta_deg), np.radians(phi_deg) - device.rotation_rad
    psi_x_rad, psi_y_rad = electrical_angles(
        theta_rad,
        phi_rad,
        spacing_x_m=device.spacing_x_wavelengths,
        spacing_y_m=device.spacing_y_wavelengths,
        wavelength_m=1.0,
    )
    return float(psi_x_rad), float(psi_y_rad)


def _noise(effective_snr_db: float | None, physical_snr_db: float | None) -> "NoiseLevel":
    from ..doa import EffectiveSnr, Noiseless, PhysicalSnr
    from ..errors import require

    require(
        effective_snr_db is None or physical_snr_db is None,
        "Give either `--effective-snr-db` or `--physical-snr-db`, not both.",
    )
    check_db("effective-snr-db", effective_snr_db)
    check_db("physical-snr-db", physical_snr_db)
    if effective_snr_db is not None:
        return EffectiveSnr(effective_snr_db)
    return Noiseless() if physical_snr_db is None else PhysicalSnr(physical_snr_db)


def check_db(option: str, db: float | None) -> None:
    """Refuse decibels that are no number, or so many that powers would over- or underflow.

    Raises:
        InputError: NaN, infinity, or beyond what a noise level may be.
    """
    from ..doa.noise import MOST_DB
    from ..errors import require

    require(
        db is None or abs(db) <= MOST_DB,
        f"`--{option}` must be from -{MOST_DB:g} to {MOST_DB:g} dB, but is {db}.",
    )


def source_named(name: SourceName) -> "Source":
    """The source that a name on the command line stands for."""
    from ..doa import ConstantModulusSource, GaussianSource, SteadySource

    kinds: dict[SourceName, type[Source]] = {
        SourceName.STEADY: SteadySource,
        SourceName.CONSTANT_MODULUS: ConstantModulusSource,
        SourceName.GAUSSIAN: GaussianSource,
    }
    return kinds[name]()
