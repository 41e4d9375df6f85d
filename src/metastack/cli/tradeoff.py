"""`metastack tradeoff`: how accurate a stack can be at each insertion loss."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .design import stop_if_interrupted
from .options import AsJson, Seed, StackPath, Starts, command_line
from .output import emit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..design import Design


def tradeoff(
    stack: StackPath,
    losses_db: Annotated[
        str, typer.Option(help="Insertion losses to prescribe, separated by commas: 20,15,10.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for designs, curve and picture.")
    ],
    starts: Starts = 1,
    seed: Seed = 0,
    goal_db: Annotated[float, typer.Option(help="Stop a start at this error.")] = -100.0,
    json: AsJson = False,
) -> None:
    """Design at each insertion loss, from the largest to the smallest, and draw NMSE against loss.

    Each design is written as soon as it is found, so that Ctrl-C loses none.
    """
    from ..design import insertion_loss_tradeoff
    from ..files import read_stack
    from ..report import tradeoff as draw
    from .progress import DesignProgress

    losses = sorted(_losses(losses_db), reverse=True)
    description = read_stack(stack)
    output.mkdir(parents=True, exist_ok=True)
    designs: list[Design] = []
    with DesignProgress(starts, description.stack) as progress:
        found = insertion_loss_tradeoff(
            description.stack,
            description.target,
            losses,
            starts=starts,
            seed=seed,
            goal_db=goal_db,
            on_progress=progress,
        )
        for loss_db, design in zip(losses, found, strict=False):
            designs.append(design)
            _write(design, output / f"loss_{loss_db:g}_db.nc")
    points = [(one.insertion_loss_db, one.nmse_db) for one in designs]
    _write_curve(points, output / "tradeoff.csv")
    _save(draw([loss for loss, _ in points], [nmse for _, nmse in points]), output)
    emit(
        {
            "insertion_loss_db": [loss for loss, _ in points],
            "nmse_db": [nmse for _, nmse in points],
            "output": str(output),
        },
        as_json=json,
    )
    stop_if_interrupted(designs)


def _losses(text: str) -> list[float]:
    from ..errors import InputError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        message = f"`--losses-db` must be numbers separated by commas, but is {text!r}."
        raise InputError(message) from None


def _write(design: "Design", path: Path) -> None:
    from ..files import Provenance, write_design

    write_design(design, path, provenance=Provenance.current(command_line()))


def _write_curve(points: list[tuple[float, float]], path: Path) -> None:
    from ..files import replacing

    lines = ["insertion_loss_db,nmse_db", *(f"{loss:.6g},{nmse:.6g}" for loss, nmse in points)]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _save(figure: "Figure", folder: Path) -> None:
    from ..files import replacing

    with replacing(folder / "tradeoff.png") as temporary:
        figure.savefig(temporary, format="png")
