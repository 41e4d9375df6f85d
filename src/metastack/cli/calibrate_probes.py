"""`metastack calibrate probes`: poses from pilots and power probes, and what the probes bought."""

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
)
from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, refuse_overwriting, require_writable
from .output import emit, warn
from .pilot_options import OURS, Convention, read_measured_probes
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import Expected, ProbedCalibration, ProbesWorth

ProbedPath = Annotated[
    Path,
    typer.Argument(
        metavar="PROBED",
        help="Pilots with readings of probes (.nc, .npz, .mat).",
        show_default=False,
    ),
]


@option_groups
def probes(
    stack: StackPath,
    pilots: ProbedPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated stack file to write (.toml).")
    ],
    tolerances: Tolerances = PUBLISHED,
    prior: Prior = AS_TOLD,
    gain: Annotated[
        GainName, typer.Option(help="Which complex gains of pilots are unknown.")
    ] = GainName.ONE,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    search: Search = AS_LONG_AS_NEEDED,
    truth: Annotated[
        Path | None, typer.Option(help="The built stack, if known: say how near the result is.")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Draw what such probes buy, bound against simulated (.png, .svg, .pdf)."),
    ] = None,
    stacks: Annotated[
        int, typer.Option(min=2, help="Stacks to build and calibrate for the figure.")
    ] = 40,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Fit the poses of a stack to pilots and probes between layers; say what the probes bought.

    What a probe makes of power is found along the way; what it reads in the dark must be known, and
    the noise of the pilots too. Ctrl-C ends the fit and writes how far it came.
    """
    from ..calibration import Ending, calibrate_with_probes, what_probes_bought
    from ..errors import require
    from ..files import read_stack
    from .calibrate_answer import links_against_truth, read_truth, write_calibrated

    require_writable(output, ".toml")
    require_writable(figure, ".png", ".svg", ".pdf")
    refuse_overwriting(output, stack, truth)
    require(
        figure is None or not prior.no_prior,
        "`--figure` must go with tolerances to draw stacks from, but `--no-prior` is given.",
    )
    description = read_stack(stack)
    built = read_truth(truth, description.stack)
    measured = read_measured_probes(pilots, description.stack, lighting, convention)
    expected = expected_of(imperfections_of(description.stack, tolerances), prior)
    found = calibrate_with_probes(
        description.stack,
        measured.pilots,
        measured.probes,
        measured.readings,
        expected=expected,
        gains=gains_named(gain),
        starts=search.starts,
        iterations=search.iterations,
        seed=seed,
    )
    write_calibrated(description, found, output)
    if not found.explained:
        warn(found.sentence)
    bought = what_probes_bought(found)
    facts, tables = _facts(found, bought), _tables(found, bought)
    if built is not None:
        lit = found.pilots.plan.illumination
        compared, tables["matrices"] = links_against_truth(found.links, found.nominal, built, lit)
        facts |= compared
    if figure is not None and found.fit.ending is not Ending.INTERRUPTED:
        _draw(found, expected, stacks, seed, figure)
        facts["figure"] = str(figure)
    emit({**facts, "output": str(output), **tables}, as_json=json)
    if found.fit.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt


def _facts(found: "ProbedCalibration", bought: "ProbesWorth") -> dict[str, Any]:
    from .calibrate_answer import decibels_of, improvement_db

    slots, antennas, users = found.pilots.received.shape
    of_pilots, of_readings = found.unexplained
    before, after = bought.without, bought.with_probes
    is_told = found.explained
    return {
        "slots": slots,
        "antennas": antennas,
        "users": users,
        "probes": found.readings.shape[1],
        "unknowns": found.unknowns.size,
        "outcome": found.fit.ending.value,
        "iterations": len(found.fit.history) - 1,
        "unexplained_of_pilots_db": decibels_of(of_pilots),
        "unexplained_of_readings_db": decibels_of(of_readings),
        "noise_variance": found.pilots.noise_variance,
        "residual_explained": found.explained,
        "verdict": found.sentence,
        "expected_improvement_without_probes_db": before.improvement_db if is_told else None,
        "expected_improvement_db": after.improvement_db if is_told else None,
        "probes_bought_db": _difference_db(improvement_db(before.link_nmse, after.link_nmse)),
        "not_seen": "; ".join(found.unseen.sentences) or "nothing that was looked for",
    }


def _difference_db(value: float) -> float | None:
    """None where one of the two is not known at all."""
    from math import isfinite

    return value if isfinite(value) else None


def _tables(found: "ProbedCalibration", bought: "ProbesWorth") -> dict[str, Any]:
    from .calibrate_answer import inflation_of, planes_found, users_found

    inflation = inflation_of(found.noise_ratio, explained=found.explained)
    tables: dict[str, Any] = {"planes": planes_found(found, found.unseen.is_unseen, inflation)}
    if of_users := users_found(found, inflation):
        tables["users_found"] = of_users
    tables["deviations"] = _deviations(bought)
    tables["probe_readings"] = _of_probes(found)
    return tables


def _deviations(bought: "ProbesWorth") -> list[dict[str, Any]]:
    """Of every unknown, in per cent of what was expected, or of a natural unit without a prior."""
    unknowns = bought.without.unknowns
    pairs = zip(
        unknowns.names(), bought.without.deviation, bought.with_probes.deviation, strict=True
    )
    return [
        {
            "unknown": name,
            "left_without_probes_percent": 100 * float(before),
            "left_with_probes_percent": 100 * float(after),
        }
        for name, before, after in pairs
    ]


def _of_probes(found: "ProbedCalibration") -> list[dict[str, Any]]:
    """Where every probe stands, how well it sees, and what it makes of power."""
    import numpy as np

    from ..calibration.probes import noise_of
    from .calibrate_answer import decibels_of

    layers = np.concatenate([np.full(len(each.positions_m), each.layer) for each in found.probes])
    places = np.concatenate([each.positions_m for each in found.probes])
    places_wavelengths = places / float(found.nominal.wavelength_m)
    snr = found.readings.mean(axis=(0, 2)) / noise_of(found.probes)
    return [
        {
            "probe": number,
            "behind_layer": int(layers[number]),
            "x_wavelengths": float(places_wavelengths[number, 0]),
            "y_wavelengths": float(places_wavelengths[number, 1]),
            "snr_db": decibels_of(snr[number]),
            "scale": float(found.scale[number]),
        }
        for number in range(len(layers))
    ]


def _draw(
    found: "ProbedCalibration", expected: "Expected", stacks: int, seed: int, path: Path
) -> None:
    from ..report import probes_figure
    from ..study import ProbesStudy, study_probes
    from .doa import save_figure
    from .progress import CountProgress

    latest: ProbesStudy | None = None
    with CountProgress("stacks", stacks) as progress:
        for study in study_probes(found, expected, stacks=stacks, seed=seed):
            latest = study
            progress.advance(1)
    assert latest is not None  # at least two stacks
    save_figure(probes_figure(latest), path)
