"""`metastack calibrate energies`: poses from energies alone."""

from dataclasses import dataclass
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
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, ReportPath, Seed, StackPath, refuse_overwriting, require_writable
from .output import emit, warn
from .pilot_options import PilotsPath
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import EnergyCalibration, EnergyPilots, EnergyTest
    from ..stack import Stack


@dataclass(frozen=True)
class EnergyConvention:
    """How energies are written, and how noisy the fields are."""

    negate_phases: Annotated[
        bool, typer.Option("--negate-phases", help="Phases are counted the other way, as delays.")
    ] = False
    noise_variance: Annotated[
        float | None, typer.Option(help="Noise power of the field, E|n|^2; else the file's.")
    ] = None


_OURS = EnergyConvention()


@option_groups
def energies(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated stack file to write (.toml).")
    ],
    tolerances: Tolerances = PUBLISHED,
    prior: Prior = AS_TOLD,
    gain: Annotated[GainName, typer.Option(help="Which power gains are unknown.")] = GainName.ONE,
    lighting: Lighting = NOT_TOLD,
    convention: EnergyConvention = _OURS,
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
    """Fit the poses of a stack to energies |y|^2, of receivers that tell no phase.

    What is written can be used wherever a stack file can. The noise of the complex field must be
    known: the file's `noise_variance`, or told. Ctrl-C ends the fit and writes how far it came.
    """
    from ..calibration import Ending, calibrate_energies, energy_test
    from ..files import read_stack
    from .calibrate_answer import (
        links_against_truth,
        read_truth,
        write_calibrated,
        write_matrices,
        write_pose_page,
    )

    require_writable(output, ".toml")
    require_writable(matrices, ".npz", ".mat")
    require_writable(report, ".html")
    refuse_overwriting(output, stack, truth)
    description = read_stack(stack)
    built = read_truth(truth, description.stack)
    measured = _read(pilots, description.stack, lighting, convention)
    imperfections = imperfections_of(description.stack, tolerances)
    found = calibrate_energies(
        description.stack,
        measured,
        expected=expected_of(imperfections, prior),
        gains=gains_named(gain),
        starts=search.starts,
        iterations=search.iterations,
        seed=seed,
        on_start=say_start,
    )
    write_calibrated(description, found, output)
    if matrices is not None:
        write_matrices(found.links, matrices)
    test = energy_test(found)
    if not test.explained:
        warn(test.sentence)
    facts, tables = _facts(found, test), _tables(found, test)
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


def _read(
    path: Path,
    stack: "Stack",
    lighting: Lighting,
    convention: EnergyConvention,
) -> "EnergyPilots":
    """Energies in our convention, checked against the stack; warns of what is odd."""
    from ..calibration import EnergyPilots, FromInputPorts, PilotPlan, check_energies
    from ..files import check_frequency, read_energy_pilots

    stored = read_energy_pilots(
        path,
        illumination=illumination_of(lighting),
        otherwise=FromInputPorts(),
        noise_variance=convention.noise_variance,
    )
    check_frequency(stored, stack)
    for warning in stored.warnings:
        warn(warning)
    read = stored.pilots
    check_energies(read, stack)
    if not convention.negate_phases:
        return read
    plan = PilotPlan(-read.plan.phases_rad, read.plan.illumination)
    return EnergyPilots(plan, read.energies, read.noise_variance)


def _facts(found: "EnergyCalibration", test: "EnergyTest") -> dict[str, Any]:
    from .calibrate_answer import expected_improvement_db

    slots, antennas, users = found.pilots.energies.shape
    return {
        "slots": slots,
        "antennas": antennas,
        "users": users,
        "unknowns": found.unknowns.size,
        "outcome": found.fit.ending.value,
        "iterations": len(found.fit.history) - 1,
        "misfit_as_designed": float(found.fit.history[0]),
        "misfit": float(found.fit.history[-1]),
        "noise_variance": found.pilots.noise_variance,
        "expected_improvement_db": expected_improvement_db(found) if test.explained else None,
        "residual_explained": test.explained,
        "verdict": test.sentence,
        "not_seen": "; ".join(found.unseen.sentences) or "nothing that was looked for",
    }


def _tables(found: "EnergyCalibration", test: "EnergyTest") -> dict[str, Any]:
    from .calibrate_answer import inflation_of, planes_found, users_found

    inflation = inflation_of(test.noise_ratio, explained=test.explained)
    tables: dict[str, Any] = {"planes": planes_found(found, found.unseen.is_unseen, inflation)}
    if of_users := users_found(found, inflation):
        tables["users_found"] = of_users
    return tables
