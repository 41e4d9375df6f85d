"""`metastack network wires`: the wires of a device, solved once for many calibrations."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .network_options import (
    AS_THE_FILE_SAYS,
    DesignedPath,
    NetworkPorts,
    NetworkReading,
    read_device,
)
from .option_groups import option_groups
from .options import AsJson, refuse_overwriting, require_writable
from .output import emit, warn

if TYPE_CHECKING:
    from ..calibration.networks import MovingWireNetwork
    from ..multiport import LayerMotion, PortNetwork, WiredDevice

# Off diagonal: above it, wires are not those of the network.
_MOST_MISMATCH = 0.1


@option_groups
def wires(
    description: Annotated[
        Path,
        typer.Argument(
            metavar="WIRES",
            help="What the device is made of, and how well it is placed (.toml).",
            show_default=False,
        ),
    ],
    designed: DesignedPath,
    ports: NetworkPorts,
    output: Annotated[Path, typer.Option("-o", "--output", help="Prepared wires to write (.npz).")],
    reading: NetworkReading = AS_THE_FILE_SAYS,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the wires here (.png, .pdf, .svg).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Solve for the currents on a device's wires, and how they follow layers out of place.

    It is done once for a design: `metastack calibrate network --wires` then finds where the layers
    of a built device are, from far fewer pilots. A figure is drawn before anything is solved.
    """
    from ..calibration.networks import MovingWireNetwork
    from ..files.wires_file import write_wires

    require_writable(output, ".npz")
    require_writable(figure, ".png", ".pdf", ".svg")
    refuse_overwriting(output, description, designed)
    device, network = _read(description, designed, ports, reading)
    _check_memory(device)
    if figure is not None:
        _draw(device, figure)
    prepared = device.prepared(
        float(network.frequency_hz), partial(_say_done, of=len(device.motions))
    )
    write_wires(prepared, output)
    moving = MovingWireNetwork.of(network, prepared.wires)
    warn_of_mismatch(moving)
    emit({**_facts(device, moving), "output": str(output)}, as_json=json)


def warn_of_mismatch(moving: "MovingWireNetwork") -> None:
    """Say that wires do not resemble the network whose motion they should tell, if so."""
    if moving.mismatch > _MOST_MISMATCH:
        warn(
            f"The wires differ from the designed network by {moving.mismatch:.3g} of its coupling "
            f"between ports, more than {_MOST_MISMATCH:g}: they may not be those of this device."
        )


def _read(
    description: Path, designed: Path, ports: NetworkPorts, reading: NetworkReading
) -> "tuple[WiredDevice, PortNetwork]":
    """The wires of the device, and its network."""
    from ..errors import require
    from ..files.wires_description import read_wires_description
    from ..files.wording import naming
    from ..multiport import wired_device
    from ..stack import SPEED_OF_LIGHT_M_PER_S

    described = read_wires_description(description)
    _, network = read_device(designed, ports, reading)
    positions = described.positions_m * (float(network.frequency_hz) / SPEED_OF_LIGHT_M_PER_S)
    with naming(description):
        require(
            len(positions) == network.ports,
            f"`ports.positions` must be of the network's {network.ports} ports, but are of "
            f"{len(positions)}.",
        )
        counts = {"feeds": ports.feeds, "layers": ports.layers, "atoms": ports.atoms}
        return wired_device(described.wiring, positions, **counts), network


def _check_memory(device: "WiredDevice") -> None:
    """Refuse what does not fit, and say what is to be done."""
    from ..errors import require
    from ..memory import machine_bytes

    needed, present = device.required_bytes, machine_bytes()
    require(
        needed <= present,
        f"The wires must fit in memory ({present / 1e9:.1f} GB), but {device.unknowns} currents "
        f"need about {needed / 1e9:.1f} GB; use fewer `lines` or `segments`.",
    )
    typer.echo(f"wires: solving for {device.unknowns} currents, {needed / 1e9:.2g} GB", err=True)


def _draw(device: "WiredDevice", path: Path) -> None:
    from ..report import wires_figure
    from .doa import save_figure

    save_figure(wires_figure(device), path)


def _say_done(done: int, of: int) -> None:
    said = f"{done} of {of} motions are done" if done else "currents at rest are solved"
    typer.echo(f"wires: {said}", err=True)


def _facts(device: "WiredDevice", moving: "MovingWireNetwork") -> dict[str, Any]:
    return {
        "segments": device.segments,
        "unknown_currents": device.unknowns,
        "memory_needed_bytes": device.required_bytes,
        "mismatch": moving.mismatch,
        "port_conductance_siemens": moving.port_siemens.real,
        "port_susceptance_siemens": moving.port_siemens.imag,
        "motions": [_row(each) for each in device.motions],
    }


def _row(motion: "LayerMotion") -> dict[str, Any]:
    return {
        "motion": motion.name,
        "expected_deviation": motion.deviation,
        "unit": motion.unit,
    }
