"""`metastack calibrate`: from pilots of the built stack to what it really is."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .calibrate_compare import compare
from .calibrate_diagnose import diagnose
from .calibrate_energies import energies
from .calibrate_entries import entries
from .calibrate_few import few
from .calibrate_given import (
    AS_LONG_AS_NEEDED,
    AS_TOLD,
    GainName,
    Prior,
    Search,
    expected_of,
    gains_named,
    say_start,
)
from .calibrate_network import network
from .calibrate_plan import plan
from .calibrate_probes import probes
from .calibrate_schedule import schedule
from .calibrate_stages import stages
from .calibrate_wideband import wideband
from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import (
    AsJson,
    ReportPath,
    Seed,
    StackPath,
    refuse_overwriting,
    require_writable,
)
from .output import emit, warn
from .pilot_options import OURS, Convention, PilotsPath, read_measured
from .strategies import require_one_gain, strategy_named
from .tolerances import PUBLISHED, Tolerances, imperfections_of


class _FitByDefault(TyperGroup):
    """`metastack calibrate STACK PILOTS` is `metastack calibrate fit STACK PILOTS`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `fit` before arguments that name no other command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["fit", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FitByDefault,
    no_args_is_help=True,
    help="Find what a built stack is from pilots: `calibrate STACK PILOTS -o CALIBRATED` fits "
    "poses (`calibrate fit --help`).",
)
app.command("plan")(plan)
app.command("entries")(entries)
app.command("energies")(energies)
app.command("schedule")(schedule)
app.command("stages")(stages)
app.command("compare")(compare)
app.command("wideband")(wideband)
app.command("probes")(probes)
app.command("few")(few)
app.command("diagnose")(diagnose)
app.command("network")(network)


@app.command("fit")
@option_groups
def fit(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated stack file to write (.toml).")
    ],
    tolerances: Tolerances = PUBLISHED,
    prior: Prior = AS_TOLD,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="`geometric` (the default), or a file of `codebook build` or `learn`, whose own "
            "tolerances count.",
            show_default=False,
        ),
    ] = None,
    gain: Annotated[GainName, typer.Option(help="Which complex gains are unknown.")] = GainName.ONE,
    atoms: Annotated[
        bool, typer.Option("--atoms", help="Give every atom a complex gain of its own.")
    ] = False,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Look for stuck and dead atoms (with --atoms' gains).")
    ] = False,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    search: Search = AS_LONG_AS_NEEDED,
    truth: Annotated[
        Path | None, typer.Option(help="The built stack, if known: say how near the result is.")
    ] = None,
    matrices: Annotated[
        Path | None, typer.Option(help="Also write the calibrated matrices (.npz, .mat).")
    ] = None,
    report: ReportPath = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Fit the poses of a stack to pilots, and write the calibrated stack file.

    Tolerances say what may be off and how much of it is expected. The result can be used wherever
    a stack file can. Ctrl-C ends the fit and writes how far it came.
    """
    from ..calibration import Ending, calibrate, with_stuck_atoms, with_unequal_atoms
    from ..files import read_stack
    from .calibrate_answer import (
        answer_of,
        read_truth,
        write_calibrated,
        write_matrices,
        write_page,
    )

    require_writable(output, ".toml")
    require_writable(matrices, ".npz", ".mat")
    require_writable(report, ".html")
    refuse_overwriting(output, stack, truth)
    description = read_stack(stack)
    built = read_truth(truth, description.stack)
    measured = read_measured(pilots, description.stack, lighting, convention)
    imperfections = imperfections_of(description.stack, tolerances)
    expected = expected_of(imperfections, prior)
    if strategy is not None and strategy != "geometric":
        require_one_gain(gain)
        found = (
            strategy_named(strategy, expected).calibrate(description.stack, measured).calibration
        )
    else:
        found = calibrate(
            description.stack,
            measured,
            expected=expected,
            gains=gains_named(gain),
            starts=search.starts,
            iterations=search.iterations,
            seed=seed,
            on_start=say_start,
        )
    if stuck and found.fit.ending is not Ending.INTERRUPTED:
        found = with_stuck_atoms(found, on_found=say_stuck)
    elif atoms and found.fit.ending is not Ending.INTERRUPTED:
        found = with_unequal_atoms(found)
    write_calibrated(description, found, output)
    if matrices is not None:
        write_matrices(found.links, matrices)
    answer = answer_of(found, built)
    if report is not None:
        write_page(report, f"{description.name}, calibrated", found, answer, built)
    if not answer.test.explained:
        warn(answer.test.sentence)
    emit({**answer.facts, "output": str(output), **answer.tables}, as_json=json)
    if found.fit.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt


def say_stuck(many: int) -> None:
    """Tell how many stuck atoms are found."""
    typer.echo(f"calibrate: {many} stuck so far", err=True)
