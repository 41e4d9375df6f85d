"""`metastack`: the commands, and what happens when one fails."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from ..errors import InputError
from . import (
    calibrate,
    check,
    demo,
    design,
    design_robust,
    doa,
    doa_study,
    evaluate,
    export,
    figures,
    import_pilots,
    lab,
    loop,
    models,
    monitor,
    network,
    network_design,
    network_wires,
    prepare,
    report,
    reproduce,
    runs,
    show,
    simulate,
    sweep,
    system,
    tradeoff,
)
from .compiled_programs import keep_compiled_programs

app = typer.Typer(
    help="Design, calibrate and use stacked intelligent metasurfaces.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("design")(design.design)
app.command("design-robust")(design_robust.design_robust)
app.command("tradeoff")(tradeoff.tradeoff)
app.command("loop")(loop.loop)
app.command("monitor")(monitor.monitor)
app.command("doa")(doa.doa)
app.command("doa-study")(doa_study.doa_study)
app.command("reproduce")(reproduce.reproduce)
app.command("sweep")(sweep.sweep)
app.command("show")(show.show)
app.command("check")(check.check)
app.command("import")(import_pilots.import_pilots)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("figures")(figures.figures)
app.command("lab")(lab.lab)
app.add_typer(simulate.app, name="simulate")
app.add_typer(calibrate.app, name="calibrate")
network.app.command("design")(network_design.design)
network.app.command("wires")(network_wires.wires)
app.add_typer(network.app, name="network")
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.add_typer(system.app, name="system")
app.add_typer(prepare.codebook_app, name="codebook")
app.add_typer(prepare.learn_app, name="learn")

OK, INTERNAL_ERROR, UNUSABLE_INPUT, INTERRUPTED = 0, 1, 2, 130


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from .. import __version__

        typer.echo(__version__)


def main() -> None:
    """Run the command line and exit: 0 done, 1 our own fault, 2 input that cannot be used."""
    keep_compiled_programs()
    _silence_compiler()
    sys.exit(run(sys.argv[1:]))


def _silence_compiler() -> None:
    """Let XLA report by exceptions alone, which are said in our words, unless the user has set it.

    Its log otherwise asks for a bug report whenever a program takes two minutes to compile. It
    reads this when JAX is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = app(arguments or ["--help"], prog_name="metastack", standalone_mode=False)
    except InputError as error:
        return _fail(str(error), UNUSABLE_INPUT)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if _is_lack_of_memory(error):
            return _fail(
                "This needs more memory than there is; ask for fewer trials, snapshots, starts or "
                f"elements. {error}",
                UNUSABLE_INPUT,
            )
        # What the command-line parser raises says so by this method (its class is not public).
        if usage := getattr(error, "format_message", None):
            return _fail(f"{usage()} (metastack --help says more.)", UNUSABLE_INPUT)
        return _report_bug(error)
    if code == INTERRUPTED:
        return _fail("Stopped.", INTERRUPTED)
    return code if isinstance(code, int) else OK


def _is_lack_of_memory(error: Exception) -> bool:
    """NumPy and Python raise an error of their own; XLA's class is not public, its word is."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _fail(message: str, code: int) -> int:
    typer.echo(f"metastack: {' '.join(message.split())}", err=True)
    return code


def _report_bug(error: Exception) -> int:
    if os.environ.get("METASTACK_TRACEBACK"):
        traceback.print_exception(error)
    return _fail(
        f"Internal error, please report it: {type(error).__name__}: {error} "
        "(METASTACK_TRACEBACK=1 shows where).",
        INTERNAL_ERROR,
    )
