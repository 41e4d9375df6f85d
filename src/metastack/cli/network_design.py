"""`metastack network design`: phases for a device with all that it reflects and couples."""

from collections.abc import Sequence
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
from .options import AsJson, Seed, Starts, refuse_overwriting, require_writable
from .output import emit

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Complex

    from ..multiport import Device
    from ..study import JudgedDesigns


@option_groups
def design(
    designed: DesignedPath,
    ports: NetworkPorts,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Phases and responses to write (.npz).")
    ],
    target: Annotated[
        Path | None,
        typer.Option(
            help="Matrix to compute, receivers x feeds (.npz, .npy, .mat); else the 2D DFT of a "
            "square grid.",
            show_default=False,
        ),
    ] = None,
    insertion_loss_db: Annotated[
        float | None, typer.Option(help="Prescribe the insertion loss; else it is left free.")
    ] = None,
    starts: Starts = 8,
    reading: NetworkReading = AS_THE_FILE_SAYS,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw all starts here (.png, .pdf, .svg).")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Find phases that make a device compute its target, by its whole network.

    Phases that a product of its matrices would be given, and those of its gaps in a row, are found
    beside them, and all are judged by the whole network. The output holds the phases of the whole
    network in time e^{-jwt}, as all phases of metastack: negate them for e^{+jwt}.
    """
    from ..files.network_design_file import write_network_design
    from ..study import compare_designers

    require_writable(output, ".npz")
    require_writable(figure, ".png", ".pdf", ".svg")
    refuse_overwriting(output, designed, target)
    device, _ = read_device(designed, ports, reading)
    judged = compare_designers(
        device,
        _target(target, device),
        insertion_loss=insertion_loss_db,
        starts=starts,
        seed=seed,
        on_model=_say_model,
    )
    chosen = judged[-1]
    write_network_design(chosen.designs[chosen.best], output)
    answer: dict[str, Any] = {"models": [_row(each) for each in judged], "output": str(output)}
    if figure is not None:
        _draw(judged, figure)
        answer["figure"] = str(figure)
    emit(answer, as_json=json)


def _target(path: Path | None, device: "Device") -> "Complex[np.ndarray, 'receivers feeds']":
    from math import isqrt

    from ..errors import require
    from ..files.matrix_file import read_matrix
    from ..targets import dft_2d

    if path is not None:
        return read_matrix(path)
    side = isqrt(device.feeds)
    require(
        side * side == device.feeds == device.receivers,
        "Without `--target` there must be as many receivers as feeds, in a square grid, but there "
        f"are {device.feeds} feeds and {device.receivers} receivers.",
    )
    return dft_2d(side, side)


def _say_model(judged: "JudgedDesigns") -> None:
    error = f"{judged.nmse_db[judged.best]:.1f} dB by the whole network"
    typer.echo(f"design: by {judged.model}, {len(judged.designs)} starts, {error}", err=True)


def _row(judged: "JudgedDesigns") -> dict[str, Any]:
    best = judged.best
    own = judged.designs[best]
    return {
        "designed_by": judged.model,
        "nmse_by_itself_db": own.nmse_db,
        "nmse_db": float(judged.nmse_db[best]),
        "insertion_loss_db": float(judged.insertion_loss_db[best]),
        "least_nmse_of_all_starts_db": float(judged.nmse_db.min()),
        "outcome": own.outcome.name,
    }


def _draw(judged: "Sequence[JudgedDesigns]", path: Path) -> None:
    from ..report import designers_figure
    from .doa import save_figure

    save_figure(designers_figure(judged), path)
