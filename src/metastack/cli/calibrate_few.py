"""`metastack calibrate few`: in the most telling directions only, beside the full fit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, refuse_overwriting, require_writable
from .output import emit
from .pilot_options import OURS, Convention, PilotsPath, read_measured
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from ..calibration import Calibration, Expected, Pilots
    from ..stack import Stack

_NAMES = ("few, prior", "few, no prior", "all, prior")


@option_groups
def few(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated stack file to write (.toml).")
    ],
    directions: Annotated[
        int, typer.Option(min=1, help="So many directions are looked for, the most telling ones.")
    ] = 4,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    truth: Annotated[
        Path | None, typer.Option(help="The built stack, if known: say how near the results are.")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Draw few against all, bound and simulated (.png, .svg, .pdf)."),
    ] = None,
    stacks: Annotated[
        int, typer.Option(min=2, help="Stacks to build and calibrate for the figure.")
    ] = 40,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Fit poses in few directions, beside the same without a prior, and the full fit with one.

    Written is the fit in few directions with the prior; everything else stays as designed. With
    right tolerances the full fit (`metastack calibrate`) is never worse on average.
    """
    from ..calibration import Expected, Unknowns, most_telling
    from ..errors import require
    from ..files import read_stack
    from ..study import three_fits
    from .calibrate_answer import read_truth, write_calibrated

    require_writable(output, ".toml")
    require_writable(figure, ".png", ".svg", ".pdf")
    refuse_overwriting(output, stack, truth)
    description = read_stack(stack)
    built = read_truth(truth, description.stack)
    measured = read_measured(pilots, description.stack, lighting, convention)
    expected = Expected.within(imperfections_of(description.stack, tolerances))
    many = Unknowns.of(description.stack, measured.plan.illumination, expected).size
    require(
        directions <= many,
        f"`--directions` must be from 1 to {many}, the unknowns, but is {directions}.",
    )
    along = most_telling(description.stack, measured.plan, expected, directions)
    fits = three_fits(description.stack, measured, along, expected)
    write_calibrated(description, fits[0], output)
    slots, antennas, users = measured.received.shape
    facts: dict[str, Any] = {"slots": slots, "antennas": antennas, "users": users}
    facts |= {"unknowns": fits[2].unknowns.size, "directions": directions}
    if figure is not None:
        _draw(fits[2], measured, along, expected, (stacks, seed), figure)
        facts["figure"] = str(figure)
    rows = [_row(name, each, built) for name, each in zip(_NAMES, fits, strict=True)]
    tables = {"fits": rows, "deviations": _deviations(fits)}
    emit({**facts, "output": str(output), **tables}, as_json=json)


def _row(name: str, found: "Calibration", truth: "Stack | None") -> dict[str, Any]:
    """What a fit leaves unexplained, and how near it should come and comes."""
    from .calibrate_answer import decibels_of, expected_improvement_db, links_against_truth

    row: dict[str, Any] = {
        "fit": name,
        "unexplained_as_designed_db": decibels_of(found.fit.history[0]),
        "unexplained_db": decibels_of(found.fit.history[-1]),
        "noise_variance": found.fit.noise_variance,
        "expected_improvement_db": expected_improvement_db(found),
    }
    if truth is not None:
        lit = found.pilots.plan.illumination
        compared, _ = links_against_truth(found.links, found.nominal, truth, lit)
        row |= {key: compared[key] for key in ("improvement_db", "true_held_out_nmse_db")}
    return row


def _deviations(fits: "tuple[Calibration, Calibration, Calibration]") -> list[dict[str, Any]]:
    """Of every unknown with the prior, in per cent of what was expected: few, all, their ratio.

    Estimates are in the same unit, so that they can be held against the deviations.
    """
    few, _, whole = fits
    return [
        {
            "unknown": name,
            "few_percent": 100 * float(of_few),
            "all_percent": 100 * float(of_all),
            "few_deviation_percent": 100 * float(spread_of_few),
            "all_deviation_percent": 100 * float(spread_of_all),
            "ratio": float(spread_of_few / spread_of_all),
        }
        for name, of_few, of_all, spread_of_few, spread_of_all in zip(
            few.unknowns.names(),
            few.values,
            whole.values,
            few.deviation,
            whole.deviation,
            strict=True,
        )
    ]


def _draw(
    found: "Calibration",
    pilots: "Pilots",
    directions: "Float[np.ndarray, 'unknowns few']",
    expected: "Expected",
    how: tuple[int, int],
    path: Path,
) -> None:
    """With stacks that are as noisy as what was measured."""
    import numpy as np

    from ..report import few_figure
    from ..study import FewStudy, study_few
    from .doa import save_figure
    from .progress import CountProgress

    stacks, seed = how
    gain = float(np.sqrt(np.mean(np.abs(found.fit.gain) ** 2)))
    latest: FewStudy | None = None
    with CountProgress("stacks", stacks) as progress:
        for study in study_few(
            found.nominal,
            pilots.plan,
            directions,
            expected,
            noise_variance=found.fit.noise_variance / gain**2,
            stacks=stacks,
            seed=seed,
        ):
            latest = study
            progress.advance(1)
    assert latest is not None  # at least two stacks
    save_figure(few_figure(latest), path)
