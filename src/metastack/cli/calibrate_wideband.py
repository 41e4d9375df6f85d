"""`metastack calibrate wideband`: poses from pilots of several frequencies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from .dispersion import DispersionTable, ResonatorQ, dispersion_of
from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import AsJson, ReportPath, Seed, StackPath, refuse_overwriting, require_writable
from .output import emit, warn
from .pilot_options import OURS, Convention, PilotsPath, read_measured_band
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import WidebandCalibration


@option_groups
def wideband(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated stack file to write (.toml).")
    ],
    resonator_q: ResonatorQ = None,
    dispersion: DispersionTable = None,
    tolerances: Tolerances = PUBLISHED,
    prior: Prior = AS_TOLD,
    gain: Annotated[
        GainName, typer.Option(help="Which complex gains are unknown at each frequency.")
    ] = GainName.ONE,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    search: Search = AS_LONG_AS_NEEDED,
    truth: Annotated[
        Path | None, typer.Option(help="The built stack, if known: say how near the result is.")
    ] = None,
    report: ReportPath = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Fit the poses of a stack to pilots of several frequencies; write the calibrated stack.

    The atoms' dispersion is not looked for: give it. Tolerances are in wavelengths of the stack's
    own frequency. Ctrl-C ends the fit and writes how far it came.
    """
    from ..calibration import Ending, calibrate_wideband
    from ..files import read_stack
    from .calibrate_answer import (
        links_against_truth,
        read_truth,
        write_calibrated,
        write_pose_page,
    )

    require_writable(output, ".toml")
    require_writable(report, ".html")
    refuse_overwriting(output, stack, truth)
    description = read_stack(stack)
    built = read_truth(truth, description.stack)
    measured = read_measured_band(pilots, description.stack, lighting, convention)
    imperfections = imperfections_of(description.stack, tolerances)
    found = calibrate_wideband(
        description.stack,
        measured,
        expected=expected_of(imperfections, prior),
        dispersion=dispersion_of(description.stack, resonator_q, dispersion),
        gains=gains_named(gain),
        starts=search.starts,
        iterations=search.iterations,
        seed=seed,
        on_start=say_start,
    )
    write_calibrated(description, found, output)
    if not found.explained:
        warn(found.sentence)
    facts, tables = _facts(found), _tables(found)
    if built is not None:
        lit = found.pilots.plan.illumination
        compared, tables["matrices"] = links_against_truth(found.links, found.nominal, built, lit)
        facts |= compared
    if report is not None:
        title = f"{description.name}, calibrated"
        write_pose_page(report, title, found, facts, found.unseen.sentences, built)
    emit({**facts, "output": str(output), **tables}, as_json=json)
    if found.fit.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt


def _facts(found: "WidebandCalibration") -> dict[str, Any]:
    from .calibrate_answer import decibels_of, expected_improvement_db

    slots, antennas, users, frequencies = found.pilots.received.shape
    fit = found.fit
    return {
        "slots": slots,
        "antennas": antennas,
        "users": users,
        "frequencies": frequencies,
        "unknowns": found.unknowns.size,
        "outcome": fit.ending.value,
        "iterations": len(fit.history) - 1,
        "unexplained_as_designed_db": decibels_of(fit.history[0]),
        "unexplained_db": decibels_of(fit.history[-1]),
        "noise_variance": fit.noise_variance,
        "noise_is_estimated": found.pilots.noise_variance is None,
        "expected_improvement_db": expected_improvement_db(found) if found.explained else None,
        "residual_explained": found.explained,
        "verdict": found.sentence,
        "not_seen": "; ".join(found.unseen.sentences) or "nothing that was looked for",
    }


def _tables(found: "WidebandCalibration") -> dict[str, Any]:
    from .calibrate_answer import inflation_of, planes_found, users_found

    inflation = inflation_of(found.noise_ratio, explained=found.explained)
    tables: dict[str, Any] = {"planes": planes_found(found, found.unseen.is_unseen, inflation)}
    if of_users := users_found(found, inflation):
        tables["users_found"] = of_users
    return tables
