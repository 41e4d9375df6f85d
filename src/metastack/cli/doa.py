"""`metastack doa`: from a recording to a direction."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DevicePath, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..doa import PeakEstimate, Protocol
    from ..files import Recording
    from .device import Device


def doa(
    device: DevicePath,
    snapshots: Annotated[
        Path, typer.Argument(metavar="SNAPSHOTS", help="Recording (.nc, .npz, .mat, .csv).")
    ],
    spacing_wavelengths: Annotated[
        float, typer.Option(help="Spacing of the input layer, where DEVICE is a response alone.")
    ] = 0.5,
    spectrum: Annotated[
        Path | None, typer.Option(help="Draw the angular spectrum here (.png, .svg, .pdf).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Read the direction of arrival from a recording: the strongest probe and snapshot."""
    from ..doa import peak_estimate
    from ..files import check_recording, read_recording
    from .device import read_device

    require_writable(spectrum, ".png", ".svg", ".pdf")
    recording = read_recording(snapshots)
    read = read_device(device, spacing_wavelengths=spacing_wavelengths, recording=recording)
    check_recording(recording, probes=read.response.shape[0])
    protocol = protocol_of(recording, read)
    estimate = peak_estimate(recording.energies, protocol)
    if spectrum is not None:
        draw_spectrum(spectrum, recording, protocol, estimate)
    emit(doa_answer(estimate, protocol, read, recording), as_json=json)


def protocol_of(recording: "Recording", device: "Device") -> "Protocol":
    """The protocol that a recording was made with; square if the recording does not say.

    Raises:
        InputError: the number of snapshots forms no grid, or the ports are others.
    """
    from math import isqrt

    from ..doa import Protocol
    from ..errors import require

    require_dft(device)
    count = len(recording.energies)
    require(
        bool(recording.snapshots_x or recording.snapshots_y) or isqrt(count) ** 2 == count,
        f"A recording without `snapshots_x` and `snapshots_y` must have a square number of "
        f"snapshots, but has {count}; store them in it.",
    )
    along_x = recording.snapshots_x or (
        count // recording.snapshots_y if recording.snapshots_y else isqrt(count)
    )
    along_y = recording.snapshots_y or count // along_x
    require(
        along_x * along_y == count,
        f"The recording must have snapshots_x x snapshots_y snapshots, but has {count}; "
        "store `snapshots_x` and `snapshots_y` in it.",
    )
    for name in ("columns", "rows"):
        stored, expected = getattr(recording, name), getattr(device, name)
        require(
            stored in (None, expected),
            f"`{name}` of the recording must be {expected} as in the device, but is {stored}.",
        )
    return Protocol(device.columns, device.rows, along_x, along_y)


def require_dft(device: "Device") -> None:
    """Refuse a design whose probes do not stand for the bins of the 2D DFT.

    Raises:
        InputError: the target of the design is another matrix.
    """
    from ..errors import require
    from ..targets import dft_2d, nmse

    if device.target is None:
        return
    error = float(nmse(device.target, dft_2d(device.columns, device.rows)))
    require(
        error < 1e-12,
        "The design must have the 2D DFT of its input layer as target, but has another one: its "
        "probes do not stand for the bins that this estimator reads.",
    )


def doa_answer(
    estimate: "PeakEstimate", protocol: "Protocol", device: "Device", recording: "Recording"
) -> dict[str, Any]:
    """What there is to say of an estimate."""
    import numpy as np

    from ..doa import direction

    theta_rad, phi_rad = direction(
        estimate.psi_x_rad,
        estimate.psi_y_rad,
        spacing_x_m=device.spacing_x_wavelengths,
        spacing_y_m=device.spacing_y_wavelengths,
        wavelength_m=1.0,
    )
    answer: dict[str, Any] = {
        "psi_x_over_pi": float(estimate.psi_x_rad) / np.pi,
        "psi_y_over_pi": float(estimate.psi_y_rad) / np.pi,
        "theta_deg": float(np.degrees(theta_rad)),
        "phi_deg": float(np.degrees(phi_rad + device.rotation_rad)),
        "probe": int(estimate.probe),
        "snapshot": int(estimate.snapshot),
        "bin_x_over_pi": 2 / (protocol.columns * protocol.snapshots_x),
        "bin_y_over_pi": 2 / (protocol.rows * protocol.snapshots_y),
    }
    if recording.psi_x_rad is not None and recording.psi_y_rad is not None:
        answer["true_psi_x_over_pi"] = recording.psi_x_rad / np.pi
        answer["true_psi_y_over_pi"] = recording.psi_y_rad / np.pi
    return answer


def draw_spectrum(
    path: Path, recording: "Recording", protocol: "Protocol", estimate: "PeakEstimate"
) -> None:
    """Draw the angular spectrum of a recording with its estimate and, if known, the truth."""
    from ..files import replacing
    from ..report import angular_spectrum_map

    figure = angular_spectrum_map(**spectrum_facts(recording, protocol, estimate))
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip(".") or "png")


def spectrum_facts(
    recording: "Recording", protocol: "Protocol", estimate: "PeakEstimate"
) -> dict[str, Any]:
    """The spectrum over both angles, and the directions to mark in it."""
    from ..doa import angular_spectrum

    spectrum = angular_spectrum(recording.energies, protocol)
    known = recording.psi_x_rad is not None and recording.psi_y_rad is not None
    return {
        "psi_x_rad": spectrum.psi_x_rad,
        "psi_y_rad": spectrum.psi_y_rad,
        "power_db": spectrum.power_db,
        "true_psi": (recording.psi_x_rad, recording.psi_y_rad) if known else None,
        "estimated_psi": (float(estimate.psi_x_rad), float(estimate.psi_y_rad)),
    }
