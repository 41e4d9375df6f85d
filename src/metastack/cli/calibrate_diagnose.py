"""`metastack calibrate diagnose`: what is wrong with a stack, by the evidence of its pilots."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .calibrate_given import AS_TOLD, Prior, expected_of
from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import AsJson, StackPath, refuse_overwriting, require_writable
from .output import emit
from .pilot_options import OURS, Convention, PilotsPath, read_measured
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..atoms import Atoms
    from ..calibration.diagnosis import Diagnosis


@option_groups
def diagnose(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Also write the stack with all that was found (.toml)."
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the odds (.png, .svg, .pdf).")
    ] = None,
    tolerances: Tolerances = PUBLISHED,
    prior: Prior = AS_TOLD,
    curve: Annotated[
        list[Path] | None,
        typer.Option(help="A measured table of the atoms (.csv) that may be true; again for more."),
    ] = None,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    json: AsJson = False,
) -> None:
    """Say which sources of error the pilots support, and which atoms are suspect.

    Everything is fitted with each source added, so that it takes some minutes. Odds are natural
    logarithms; above 5 a source is supported.
    """
    from ..calibration.diagnosis import diagnose as diagnosed
    from ..files import read_stack
    from .calibrate_answer import write_calibrated

    require_writable(output, ".toml")
    require_writable(figure, ".png", ".svg", ".pdf")
    if output is not None:
        refuse_overwriting(output, stack)
    description = read_stack(stack)
    measured = read_measured(pilots, description.stack, lighting, convention)
    imperfections = imperfections_of(description.stack, tolerances)
    found = diagnosed(
        description.stack,
        measured,
        expected=expected_of(imperfections, prior),
        curves=_curves(curve or []),
        on_fit=lambda what: typer.echo(f"diagnose: trying {what}", err=True),
    )
    if output is not None:
        write_calibrated(description, found.calibration, output)
    if figure is not None:
        _draw(found, figure)
    emit(_answer(found, output), as_json=json)


def _draw(found: "Diagnosis", path: Path) -> None:
    from ..report import diagnosis_figure
    from .doa import save_figure

    save_figure(diagnosis_figure(found), path)


def _curves(paths: list[Path]) -> "dict[str, Atoms]":
    from ..files.atom_table import read_atom_table

    return {f"atoms of {path.name}": read_atom_table(path) for path in paths}


def _answer(found: "Diagnosis", output: Path | None) -> dict[str, Any]:
    findings = [
        {
            "source": each.name,
            "log_odds": each.log_odds,
            "supported": each.is_supported,
            "what_to_do": each.advice if each.is_supported else "",
        }
        for each in found.findings
    ]
    answer: dict[str, Any] = {"verdict": found.sentence}
    if output is not None:
        answer["output"] = str(output)
    answer["sources"] = findings
    if found.untried:
        answer["not_tried"] = [{"source": each} for each in found.untried]
    if found.suspects:
        answer["suspect_atoms"] = [
            {
                "layer": each.layer + 1,
                "atom": each.atom,
                "stuck": each.is_stuck,
                "amplitude": abs(each.transmission),
            }
            for each in found.suspects
        ]
    return answer
