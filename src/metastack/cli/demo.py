"""`metastack demo`: the main job from a stack file to a direction, in under a minute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .design import stop_if_interrupted
from .options import AsJson, Seed, command_line
from .output import emit

if TYPE_CHECKING:
    from ..design import Design
    from ..files import StackDescription
    from ..report import MarkedSpectrum

# The source of the DOA paper's Fig. 6.
_SOURCE_OVER_PI = (-0.51394, -0.77317)
_SNAPSHOTS_A_SIDE = 64
_LOSSES_DB = (20.0, 16.0, 13.0, 11.0, 10.0, 9.5, 9.0, 8.5, 8.0, 7.5)
_PRESCRIBED_LOSS_DB = 10.0
_PHYSICAL_SNR_DB = 40.0
_INFORMED_SNAPSHOTS_A_SIDE = 4


def demo(
    folder: Annotated[
        Path, typer.Option(help="Folder for everything that the demo writes.")
    ] = Path("metastack-demo"),
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Design the published 2 x 2 stack, read a direction with it, and draw a report.

    Writes the stack file, the design, its codes for a controller, a recording and a report, and
    a second design that tells more of a direction than a DFT of this stack can.
    """
    from ..design import GradientDescent, RandomPhases, design_phases
    from ..files import read_stack
    from .report import write_design_report

    folder.mkdir(parents=True, exist_ok=True)
    _write_stack(folder / "stack.toml")
    description = read_stack(folder / "stack.toml")
    stack, target = description.stack, description.target
    _say("the paper's gradient descent, for comparison")
    published = design_phases(
        stack, target, methods=[GradientDescent()], start_phases=RandomPhases(), seed=seed
    )[0]
    _say("the default design, insertion loss left free")
    free = design_phases(stack, target, seed=seed)[0]
    stop_if_interrupted([published, free])
    _say(f"exact designs at less and less insertion loss, down to {min(_LOSSES_DB):g} dB")
    sweep = _sweep(description, seed)
    chosen = min(sweep, key=lambda design: abs(design.insertion_loss_db - _PRESCRIBED_LOSS_DB))
    _write_design(chosen, folder)
    _say("a direction, read through the programmed stack")
    directions, spectrum = _directions(folder, seed)
    _say("phases for information instead of a DFT, read by maximum likelihood")
    informed = _informed(description, chosen, folder, seed)
    _say("the report")
    write_design_report(
        folder / "report.html",
        description.name,
        chosen,
        starts=[published, chosen],
        sweep=sweep,
        spectrum=spectrum,
    )
    emit(
        {
            "gradient_descent_nmse_db": published.nmse_db,
            "gradient_descent_insertion_loss_db": published.insertion_loss_db,
            "free_nmse_db": free.nmse_db,
            "free_insertion_loss_db": free.insertion_loss_db,
            "nmse_db": chosen.nmse_db,
            "insertion_loss_db": chosen.insertion_loss_db,
            **directions,
            **informed,
            "report": str(folder / "report.html"),
        },
        as_json=json,
    )


def _say(step: str) -> None:
    typer.echo(f"demo: {step}", err=True)


def _write_stack(path: Path) -> None:
    """The DOA paper's optimum for 2 x 2 ports."""
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


def _sweep(description: "StackDescription", seed: int) -> "list[Design]":
    from ..design import insertion_loss_tradeoff

    sweep = list(
        insertion_loss_tradeoff(
            description.stack, description.target, _LOSSES_DB, starts=3, seed=seed
        )
    )
    stop_if_interrupted(sweep)
    return sweep


def _write_design(design: "Design", folder: Path) -> None:
    from ..files import Provenance, export_codes, write_design

    write_design(design, folder / "design.nc", provenance=Provenance.current(command_line()))
    layers = design.stack.layer_array
    export_codes(
        design.phases_rad,
        columns=layers.columns,
        rows=layers.rows,
        bits=8,
        csv_path=folder / "codes.csv",
        npy_path=folder / "codes.npy",
    )


def _directions(folder: Path, seed: int) -> "tuple[dict[str, Any], MarkedSpectrum]":
    """Record the published source through the design with noise, and read its direction."""
    import numpy as np

    from ..doa import PhysicalSnr, Protocol
    from ..files import write_recording
    from ..report import MarkedSpectrum
    from .device import read_device
    from .doa import spectrum_facts
    from .doa_estimates import Task, one_source, peak
    from .simulate import record

    device = read_device(folder / "design.nc")
    protocol = Protocol(device.columns, device.rows, _SNAPSHOTS_A_SIDE, _SNAPSHOTS_A_SIDE)
    source = (np.pi * _SOURCE_OVER_PI[0], np.pi * _SOURCE_OVER_PI[1])
    recording = record(device, protocol, [source], PhysicalSnr(_PHYSICAL_SNR_DB), seed)
    write_recording(recording, folder / "recording.nc")
    task = Task(device, protocol, recording)
    on_grid, off_grid = peak(task), one_source(task)
    peaks = {f"peak_psi_{axis}_over_pi": on_grid.answer[f"psi_{axis}_over_pi"] for axis in "xy"}
    true_x, true_y = _SOURCE_OVER_PI
    truth = {"true_psi_x_over_pi": true_x, "true_psi_y_over_pi": true_y}
    spectrum = MarkedSpectrum(**spectrum_facts(task, off_grid))
    return {**off_grid.answer, **peaks, **truth}, spectrum


def _informed(
    description: "StackDescription", dft: "Design", folder: Path, seed: int
) -> dict[str, Any]:
    """Design the same stack for information, and compare what both tell from 16 snapshots."""
    from math import pi, sqrt

    from ..doa import (
        DirectionGoal,
        DirectionModel,
        PhysicalSnr,
        Protocol,
        bound_over_view,
        design_for_directions,
    )
    from ..files import Provenance, write_direction_design

    inputs = description.stack.input_array
    side = _INFORMED_SNAPSHOTS_A_SIDE
    goal = DirectionGoal(
        Protocol(inputs.columns, inputs.rows, side, side), PhysicalSnr(_PHYSICAL_SNR_DB)
    )
    design = design_for_directions(description.stack, goal, seed=seed)[0]
    stop_if_interrupted([design])
    write_direction_design(
        design, folder / "information.nc", provenance=Provenance.current(command_line())
    )
    of_dft = bound_over_view(DirectionModel.of_stack(dft.response, goal.protocol), goal)
    return {
        "dft_16_snapshots_deviation_over_pi": sqrt(of_dft.mean()) / pi,
        "information_16_snapshots_deviation_over_pi": sqrt(design.bound_rad2) / pi,
        "information_insertion_loss_db": design.insertion_loss_db,
    }
