"""`metastack monitor`: blocks of pilots in, decisions out, as they come."""

import json
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .drift_options import SUBSPACE, Watching, alarms_of
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import Seed, StackPath
from .output import warn
from .pilot_options import OURS, Convention
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration.schedule import StreamReport

_STEP = 0.01


@option_groups
def monitor(
    stack: StackPath,
    blocks: Annotated[
        str,
        typer.Argument(
            metavar="[BLOCKS|-]", help="JSON lines, one a block; - or nothing is standard input."
        ),
    ] = "-",
    step: Annotated[
        float, typer.Option(help="Step of the walk that is followed a block, in tolerances.")
    ] = _STEP,
    watch: Watching = SUBSPACE,
    given: Convention = OURS,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
) -> None:
    """Watch a stack in service: blocks of pilots in, one decision a line out, each at once.

    The first block calibrates; a Kalman filter follows the poses through the others, and starts
    anew at an alarm. Missing blocks are warned of and allowed for.
    """
    from .. import calibration
    from ..calibration import Expected, FromInputPorts
    from ..calibration.schedule import StreamMonitor
    from ..errors import require
    from ..files import read_stack
    from ..files.pilot_stream import read_pilot_blocks

    nominal = read_stack(stack).stack
    imperfections = imperfections_of(nominal, tolerances)
    watching = StreamMonitor(
        nominal,
        Expected.within(imperfections),
        step=step / imperfections.law.deviation,
        alarms=alarms_of(watch),
        noise_variance=given.noise_variance,
        seed=seed,
    )
    lit = illumination_of(lighting) or FromInputPorts()
    convention, seen = calibration.Convention(given.conjugate, given.negate_phases), 0
    with _lines_of(blocks) as lines:
        for number, pilots in read_pilot_blocks(lines, lit):
            report = watching.take(number, convention.read(pilots))
            if report.missed:
                _warn_of_gap(number, report.missed)
            typer.echo(json.dumps(_line(report)))
            sys.stdout.flush()
            seen += 1
    require(seen, "The stream must hold at least one block, but is empty.")


@contextmanager
def _lines_of(source: str) -> Generator[Iterable[str]]:
    if source == "-":
        yield sys.stdin
        return
    from ..files.wording import opening

    # Only the first read can fail: what happens later is about a block.
    with opening(source):
        file = Path(source).open(encoding="utf-8")  # noqa: SIM115
    with file, opening(source):
        yield file


def _warn_of_gap(block: int, missed: int) -> None:
    which = (
        f"Block {block - 1} is" if missed == 1 else f"Blocks {block - missed} to {block - 1} are"
    )
    warn(f"{which} missing; what may have moved meanwhile is allowed for.")


def _line(report: "StreamReport") -> dict[str, Any]:
    from math import log10

    decision = report.decision
    return {
        "block": decision.block,
        "decision": decision.action.value,
        "statistic": _number(decision.statistic),
        "threshold": _number(decision.threshold),
        "pilots": decision.pilots,
        "missed_blocks": report.missed,
        "expected_nmse_db": 10 * log10(report.expected_nmse),
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if isfinite(value) else None
