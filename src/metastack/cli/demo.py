"""`metastack demo`: the whole loop on the published 2 x 2 stack, in about a minute."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .illumination import Lighting, illumination_of
from .options import AsJson, Seed, require_folder
from .output import emit
from .tolerances import Tolerances, imperfections_of

# The source of the DOA paper's Fig. 6.
_SOURCE_OVER_PI = (-0.51394, -0.77317)
_SNAPSHOTS_A_SIDE = 4
_PRESCRIBED_LOSS_DB = 10.0
_PHYSICAL_SNR_DB = 40.0
_PILOT_SNR_DB, _SLOTS, _STEPS = 30.0, 20, 40
_TOLERANCES = Tolerances(dz_wavelengths=0.0, dy_wavelengths=0.05, rz_deg=0.0)
_TEST_SOURCE = Lighting(far=["20,35"])


def demo(
    folder: Annotated[
        Path, typer.Option(help="Folder for everything that the demo writes.")
    ] = Path("metastack-demo"),
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Design the published 2 x 2 stack, build it badly, calibrate it, and design it again.

    Writes the stack files, as drawn, as built and as calibrated, both designs, codes for a
    controller, pilots and their plan, a recording through the built stack, and a report.
    """
    from ..files import read_stack
    from .loop import Loop, run_loop

    require_folder(folder)
    _write_stack(folder / "stack.toml")
    description = read_stack(folder / "stack.toml")
    illumination = illumination_of(_TEST_SOURCE)
    assert illumination is not None
    task = Loop(
        imperfections_of(description.stack, _TOLERANCES),
        illumination,
        slots=_SLOTS,
        steps=_STEPS,
        pilot_snr_db=_PILOT_SNR_DB,
        insertion_loss_db=_PRESCRIBED_LOSS_DB,
        physical_snr_db=_PHYSICAL_SNR_DB,
        trials=2000,
        robust_samples=0,
        seed=seed,
    )
    answer = run_loop(description, folder, task)
    typer.echo(
        "demo: codes for a controller, and a direction read through the built stack", err=True
    )
    _write_codes(folder)
    emit({**answer, **_direction(folder, seed)}, as_json=json)


def _write_stack(path: Path) -> None:
    from ..files import StackDescription, write_stack
    from ..stack import make_uniform_stack
    from ..targets import dft_2d

    stack = make_uniform_stack(
        ports=2,
        atoms_per_side=11,
        layers=7,
        thickness_wavelengths=9.0,
        spacing_wavelengths=0.5,
        wave_speed_m_per_s=3e8,
    )
    ports = stack.input_array
    name = f"2D DFT on {ports.columns} x {ports.rows} ports"
    write_stack(StackDescription(stack, dft_2d(ports.columns, ports.rows), name), path)


def _write_codes(folder: Path) -> None:
    """What the controller of the built stack is to be programmed with."""
    from ..files import export_codes, read_design

    design = read_design(folder / "redesign.nc")
    layers = design.stack.layer_array
    export_codes(
        design.phases_rad,
        columns=layers.columns,
        rows=layers.rows,
        bits=8,
        csv_path=folder / "codes.csv",
        npy_path=folder / "codes.npy",
    )


def _direction(folder: Path, seed: int) -> dict[str, Any]:
    """Record the published source through the built stack, and read it as calibrated."""
    import numpy as np

    from ..doa import PhysicalSnr, Protocol
    from ..files import read_design, read_stack, write_recording
    from ..stack import response
    from .device import read_device
    from .doa_estimates import Task, one_source
    from .simulate import record

    believed = read_device(folder / "redesign.nc")
    phases_rad = read_design(folder / "redesign.nc").phases_rad
    built = read_stack(folder / "built.toml").stack
    device = replace(believed, response=np.asarray(response(built, phases_rad)))
    protocol = Protocol(device.columns, device.rows, _SNAPSHOTS_A_SIDE, _SNAPSHOTS_A_SIDE)
    source = np.pi * _SOURCE_OVER_PI[0], np.pi * _SOURCE_OVER_PI[1]
    recording = record(device, protocol, [source], PhysicalSnr(_PHYSICAL_SNR_DB), seed)
    write_recording(recording, folder / "recording.nc")
    true_x, true_y = _SOURCE_OVER_PI
    found = one_source(Task(believed, protocol, recording))
    return {**found.answer, "true_psi_x_over_pi": true_x, "true_psi_y_over_pi": true_y}
