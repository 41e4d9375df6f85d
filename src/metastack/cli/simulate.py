"""`metastack simulate`: what a device would receive."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, DevicePath, Seed, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..doa import NoiseLevel, Protocol
    from ..files import Recording
    from .device import Device

app = typer.Typer(help="Simulate what a device receives.")


@app.callback()
def _simulate() -> None:
    """Simulate what a device receives."""


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
    snapshots_x: Annotated[int, typer.Option(min=1, help="Snapshots along x, T_x.")] = 8,
    snapshots_y: Annotated[int, typer.Option(min=1, help="Snapshots along y, T_y.")] = 8,
    effective_snr_db: Annotated[
        float | None, typer.Option(help="SNR after scaling to the target: hides insertion loss.")
    ] = None,
    physical_snr_db: Annotated[
        float | None, typer.Option(help="SNR at the aperture: insertion loss counts.")
    ] = None,
    spacing_wavelengths: Annotated[
        float, typer.Option(help="Spacing of the input layer, where DEVICE is a response alone.")
    ] = 0.5,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Record one source through a device, one snapshot for each phase pattern of the input layer.

    Without an SNR the recording is free of noise.
    """
    from ..doa import Protocol
    from ..files import write_recording
    from .device import read_device

    require_writable(output, ".nc", ".npz", ".mat", ".csv")
    read = read_device(device, spacing_wavelengths=spacing_wavelengths)
    protocol = Protocol(read.columns, read.rows, snapshots_x, snapshots_y)
    source = _source(read, psi_over_pi, direction_deg)
    noise = _noise(effective_snr_db, physical_snr_db)
    write_recording(record(read, protocol, source, noise, seed), output)
    answer = {"snapshots": protocol.snapshots, "probes": protocol.elements, "seed": seed}
    emit({**answer, "output": str(output)}, as_json=json)


def record(
    device: "Device",
    protocol: "Protocol",
    psi_rad: tuple[float, float],
    noise: "NoiseLevel",
    seed: int,
) -> "Recording":
    """The recording of one steady source through a device."""
    from ..doa import simulate_snapshots
    from ..files import Recording

    received = simulate_snapshots(
        device.response,
        protocol,
        psi_x_rad=psi_rad[0],
        psi_y_rad=psi_rad[1],
        noise=noise,
        seed=seed,
        target=device.target,
    )
    return Recording.from_field(
        received,
        columns=protocol.columns,
        rows=protocol.rows,
        snapshots_x=protocol.snapshots_x,
        snapshots_y=protocol.snapshots_y,
        psi_x_rad=psi_rad[0],
        psi_y_rad=psi_rad[1],
    )


def _source(
    device: "Device",
    psi_over_pi: tuple[float, float] | None,
    direction_deg: tuple[float, float] | None,
) -> tuple[float, float]:
    """Electrical angles of the source, however it was given."""
    import numpy as np

    from ..doa import electrical_angles
    from ..errors import require

    require(
        (psi_over_pi is None) != (direction_deg is None),
        "Give the source by either `--psi-over-pi X Y` or `--direction-deg THETA PHI`.",
    )
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
    if effective_snr_db is not None:
        return EffectiveSnr(effective_snr_db)
    return Noiseless() if physical_snr_db is None else PhysicalSnr(physical_snr_db)
