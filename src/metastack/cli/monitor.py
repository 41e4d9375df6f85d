"""`metastack monitor`: blocks of pilots in, decisions out, as they come."""

import json
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import require
from .drift_options import SUBSPACE, GainStep, MonitorName, Watching, alarms_of, check_step
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import Seed, StackPath, refuse_overwriting, require_writable
from .output import warn
from .pilot_options import OURS, Convention
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration.schedule import Belief, StreamMonitor, StreamReport
    from ..files import StackDescription

_STEP = 0.01


@dataclass(frozen=True)
class Leaving:
    """What is left once the stream ends, or is stopped."""

    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write the stack as it is believed to be at the end (.toml)."
        ),
    ] = None
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Draw statistic and accuracy (.png, .svg, .pdf)."),
    ] = None


NOTHING = Leaving()


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
    gain_step: GainStep = 0.0,
    watch: Watching = SUBSPACE,
    history: Annotated[
        Path | None,
        typer.Option(
            help="What this command wrote of a quiet time (.jsonl): its statistics tell the "
            "threshold, instead of a simulation.",
            show_default=False,
        ),
    ] = None,
    leave: Leaving = NOTHING,
    given: Convention = OURS,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
) -> None:
    """Watch a stack in service: blocks of pilots in, one decision a line out, each at once.

    The first block calibrates; a Kalman filter follows the poses through the others, and starts
    anew at an alarm. Missing blocks are warned of and allowed for. Files are written at the end,
    and when the stream is stopped with Ctrl-C or SIGTERM.
    """
    from ..calibration import Expected
    from ..calibration.schedule import StreamMonitor, Walk
    from ..files import read_stack

    _check_outputs(leave, stack, blocks, history)
    check_step("step", step)
    description = read_stack(stack)
    nominal = description.stack
    imperfections = imperfections_of(nominal, tolerances)
    watching = StreamMonitor(
        nominal,
        Expected.within(imperfections),
        walk=Walk(step / imperfections.law.deviation, gain_step),
        alarms=alarms_of(watch),
        level=None if history is None else _level_from(history, watch),
        noise_variance=given.noise_variance,
        seed=seed,
    )
    # Of a stream without end nothing is kept but what is to be drawn.
    reports: deque[StreamReport] = deque(maxlen=None if leave.figure else 1)
    try:
        for report in _until_terminated(_reports(watching, blocks, lighting, given)):
            reports.append(report)
            if report.missed:
                _warn_of_gap(report.decision.block, report.missed)
            typer.echo(json.dumps(_line(report, watching.belief, watch.monitor)))
            sys.stdout.flush()
    finally:
        if reports:
            _leave(leave, description, watching.belief, reports)
    require(reports, "The stream must hold at least one block, but is empty.")


def _until_terminated(reports: "Iterator[StreamReport]") -> "Iterator[StreamReport]":
    """The same, ended by SIGTERM as by Ctrl-C: what stops a service leaves what it should leave."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield from reports
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_outputs(leave: Leaving, stack: Path, blocks: str, history: Path | None) -> None:
    require_writable(leave.output, ".toml")
    require_writable(leave.figure, ".png", ".svg", ".pdf")
    if leave.output is not None:
        refuse_overwriting(leave.output, stack, None if blocks == "-" else Path(blocks), history)


def _level_from(history: Path, watch: Watching) -> float:
    from ..calibration.schedule import threshold_from_history
    from ..files.decision_log import read_statistics
    from ..files.wording import naming

    statistics = read_statistics(history, watch.monitor.value)
    with naming(history):
        return threshold_from_history(statistics, watch.false_alarms).level


def _reports(
    watching: "StreamMonitor", blocks: str, lighting: Lighting, given: Convention
) -> "Iterator[StreamReport]":
    from .. import calibration
    from ..calibration import FromInputPorts
    from ..files.pilot_stream import read_pilot_blocks
    from ..files.wording import naming_line

    lit = illumination_of(lighting) or FromInputPorts()
    convention = calibration.Convention(given.conjugate, given.negate_phases)
    for number, pilots, line in read_pilot_blocks(_lines_of(blocks), lit):
        with naming_line(line):
            report = watching.take(number, convention.read(pilots))
        yield report


def _leave(
    leave: Leaving,
    description: "StackDescription",
    belief: "Belief",
    reports: "Sequence[StreamReport]",
) -> None:
    try:
        if leave.output is not None:
            from ..files import write_stack

            name = f"{description.name}, as followed to block {reports[-1].decision.block}"
            write_stack(replace(description, stack=belief.stack(), name=name), leave.output)
    finally:
        if leave.figure is not None:
            from ..report import monitor_figure
            from .doa import save_figure

            save_figure(monitor_figure(reports), leave.figure)


def _lines_of(source: str) -> Iterator[str]:
    from ..files.wording import opening

    if source == "-":
        with opening("standard input"):
            yield from sys.stdin
        return
    with opening(source), Path(source).open(encoding="utf-8") as file:
        yield from file


def _warn_of_gap(block: int, missed: int) -> None:
    which = (
        f"Block {block - 1} is" if missed == 1 else f"Blocks {block - missed} to {block - 1} are"
    )
    warn(f"{which} missing; what may have moved meanwhile is allowed for.")


def _line(report: "StreamReport", belief: "Belief", watched: MonitorName) -> dict[str, Any]:
    from cmath import phase
    from math import degrees, log10

    from .calibrate_answer import plane_rows

    planes = plane_rows(belief.unknowns, belief.values, belief.deviation, belief.is_unseen)
    decision = report.decision
    return {
        "block": decision.block,
        "decision": decision.action.value,
        "monitor": watched.value,
        "statistic": _number(decision.statistic),
        "threshold": _number(decision.threshold),
        "pilots": decision.pilots,
        "missed_blocks": report.missed,
        "expected_nmse_db": 10 * log10(report.expected_nmse),
        "gain_db": 20 * log10(abs(belief.gain)),
        "gain_phase_deg": degrees(phase(belief.gain)),
        "planes": planes,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if isfinite(value) else None
