"""`metastack design-robust`: phases that stay good on whatever fabrication makes of a stack."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .design import design_answer, stop_if_interrupted
from .option_groups import option_groups
from .options import AsJson, ReportPath, Seed, StackPath, command_line, require_writable
from .output import emit
from .tolerances import PUBLISHED, SOUND_ATOMS, AtomErrors, Tolerances, imperfections_of

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float


@option_groups
def design_robust(
    stack: StackPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Design file to write (.nc).")],
    tolerances: Tolerances = PUBLISHED,
    atom_errors: AtomErrors = SOUND_ATOMS,
    samples: Annotated[
        int, typer.Option(min=1, help="Built stacks to design on: more fit the others better.")
    ] = 64,
    iterations: Annotated[int, typer.Option(min=1, help="Most iterations.")] = 60,
    insertion_loss_db: Annotated[
        float | None, typer.Option(help="Prescribe the insertion loss; else it is left free.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Start from the phases of this design file.")
    ] = None,
    stacks: Annotated[
        int, typer.Option(min=2, help="Other built stacks to judge the phases on.")
    ] = 100,
    report: ReportPath = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Find phases of least expected error over what fabrication makes of a stack.

    Without options, within the tolerances of the calibration paper, for every programmable layer.
    The phases are judged on other built stacks than they were designed on. Ctrl-C stops the
    search and writes the best phases until then.
    """
    from functools import partial

    import jax

    from ..design import design_robustly, expected_nmse
    from ..files import Provenance, read_design, read_stack, write_design
    from .progress import DesignProgress

    require_writable(output, ".nc")
    require_writable(report, ".html")
    description = read_stack(stack)
    start = None if resume is None else read_design(resume)
    imperfections = imperfections_of(description.stack, tolerances, atom_errors)
    with DesignProgress(1, description.stack) as progress:
        design = design_robustly(
            description.stack,
            description.target,
            imperfections,
            samples=samples,
            iterations=iterations,
            insertion_loss_db=insertion_loss_db,
            start=start,
            seed=seed,
            on_progress=progress,
        )
    write_design(design, output, provenance=Provenance.current(command_line()))
    judge = partial(
        expected_nmse,
        target=design.target,
        imperfections=imperfections,
        stacks=stacks,
        key=jax.random.key(seed),
    )
    expected = _summary(judge(design.stack, design.phases_rad))
    if report is not None:
        from .report import write_design_report

        facts = {f"Over {stacks} built stacks: {name}": f"{x:.2f}" for name, x in expected.items()}
        write_design_report(report, description.name, design, facts=facts)
    if start is not None:
        before = _summary(judge(design.stack, start.phases_rad))
        expected["expected_nmse_before_db"] = before["expected_nmse_db"]
    counts = {"samples": samples, "stacks": stacks}
    emit({**expected, **design_answer(design), **counts, "output": str(output)}, as_json=json)
    stop_if_interrupted([design])


def _summary(nmse: "Float[np.ndarray, ' stacks']") -> dict[str, float]:
    """What to expect of a built stack: the mean, how well it is known, and what 90 % keep to."""
    import numpy as np

    mean, ninth = float(np.mean(nmse)), float(np.quantile(nmse, 0.9))
    standard_error = np.std(nmse, ddof=1) / np.sqrt(len(nmse))
    return {
        "expected_nmse_db": 10 * float(np.log10(mean)),
        "expected_nmse_standard_error_db": float(10 / np.log(10) * standard_error / mean),
        "nmse_of_90_percent_db": 10 * float(np.log10(ninth)),
    }
