"""`metastack calibrate entries`: the calibration paper's way, every coefficient free."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .illumination import NOT_TOLD, Lighting
from .option_groups import option_groups
from .options import AsJson, StackPath, refuse_overwriting, require_writable
from .output import emit, warn
from .pilot_options import OURS, Convention, PilotsPath, read_measured
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import EntryMethod, Illumination
    from ..imperfections import Imperfections
    from ..stack import Stack

_FLOOR_DRAWS = 20


class EntryMethodName(StrEnum):
    """Names of the methods on the command line."""

    GAUSS_NEWTON = "gauss-newton"
    GRADIENT_DESCENT = "gradient-descent"
    NESTEROV = "nesterov"
    ADAM = "adam"


@option_groups
def entries(
    stack: StackPath,
    pilots: PilotsPath,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Stack file of the poses that the matrices show."),
    ],
    method: Annotated[
        EntryMethodName, typer.Option(help="The paper's is gradient-descent.")
    ] = EntryMethodName.GAUSS_NEWTON,
    stages: Annotated[int, typer.Option(min=1, help="Stages.")] = 10,
    separate: Annotated[
        bool, typer.Option("--separate", help="Each stage fits its own slots only, as the paper.")
    ] = False,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    convention: Convention = OURS,
    matrices: Annotated[
        Path | None, typer.Option(help="Also write the fitted matrices (.npz, .mat).")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="The built stack, if known: say how near the result is.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Fit every coefficient of every matrix to pilots, and then the poses that they show.

    What pilots tell of free coefficients ends at a floor, the gauge, which is printed. Ctrl-C ends
    the fit and writes how far it came.
    """
    from dataclasses import replace

    from ..calibration import (
        CumulativeStages,
        Ending,
        Expected,
        SeparateStages,
        Unknowns,
        calibrate_entries,
        stack_on_gauge_orbit,
    )
    from ..files import read_stack, write_stack
    from .calibrate_answer import decibels_of, links_against_truth, read_truth, write_matrices

    require_writable(output, ".toml")
    require_writable(matrices, ".npz", ".mat")
    refuse_overwriting(output, stack, truth)
    description = read_stack(stack)
    nominal = description.stack
    built = read_truth(truth, description.stack)
    measured = read_measured(pilots, nominal, lighting, convention)
    imperfections = imperfections_of(nominal, tolerances)
    illumination = measured.plan.illumination
    unknowns = Unknowns.of(nominal, illumination, Expected.within(imperfections))
    found = calibrate_entries(
        nominal,
        measured,
        method=method_named(method),
        stages=(SeparateStages if separate else CumulativeStages)(stages),
        on_stage=_say_stage,
    )
    # A fit that stops at the noise is still drawn to where it began, which poses would show.
    to_the_end = calibrate_entries(
        nominal, measured, start=found.links, stages=CumulativeStages(1), goal=0.0
    )
    shown, _ = stack_on_gauge_orbit(to_the_end.links, unknowns)
    write_stack(
        replace(description, stack=shown, name=f"{description.name}, calibrated by entries"), output
    )
    if matrices is not None:
        write_matrices(found.links, matrices)
    answer: dict[str, Any] = {
        "coefficients": sum(int(link.size) for link in found.links),
        "pilots": int(measured.received.size),
        "pilot_nmse_as_designed_db": decibels_of(found.nmse_after_stage[0]),
        "pilot_nmse_db": decibels_of(found.nmse_after_stage[-1]),
        "outcome": found.ending.value,
        "floor_of_the_gauge_db": _floor_db(nominal, illumination, imperfections),
    }
    tables: dict[str, Any] = {}
    if built is not None:
        compared, tables["matrices"] = links_against_truth(
            found.links, nominal, built, illumination
        )
        poses, _ = links_against_truth(_links(shown, illumination), nominal, built, illumination)
        answer |= compared | {"improvement_of_poses_db": poses["improvement_db"]}
    warn(
        "free coefficients are found up to a gauge: of the matrices themselves no pilots can tell "
        f"more than about {answer['floor_of_the_gauge_db']:.1f} dB; `metastack calibrate` fits "
        "poses, which have none."
    )
    emit({**answer, "output": str(output), **tables}, as_json=json)
    if Ending.INTERRUPTED in (found.ending, to_the_end.ending):
        raise KeyboardInterrupt


def _say_stage(done: int, many: int) -> None:
    typer.echo(f"calibrate: stage {done} of {many}", err=True)


def method_named(name: EntryMethodName) -> "EntryMethod":
    """The method of a name, with its own settings."""
    from .. import calibration

    kinds: dict[EntryMethodName, Callable[[], EntryMethod]] = {
        EntryMethodName.GAUSS_NEWTON: calibration.GaussNewton,
        EntryMethodName.GRADIENT_DESCENT: calibration.GradientDescent,
        EntryMethodName.NESTEROV: calibration.Nesterov,
        EntryMethodName.ADAM: calibration.Adam,
    }
    return kinds[name]()


def _floor_db(
    nominal: "Stack", illumination: "Illumination", imperfections: "Imperfections"
) -> float:
    """Improvement at which a fit of free coefficients ends, over stacks as they may be built."""
    import jax
    import numpy as np

    from ..calibration import gauge_floor, matrix_nmse
    from ..imperfections import built
    from .calibrate_answer import improvement_db

    designed, before, floor = _links(nominal, illumination), [], []
    for key in jax.random.split(jax.random.key(0), _FLOOR_DRAWS):
        true = list(_links(built(nominal, imperfections, key), illumination))
        before.append(matrix_nmse(list(designed), true))
        floor.append(gauge_floor(true, list(designed)))
    return improvement_db(np.mean(before, axis=0), np.mean(floor, axis=0))


def _links(stack: "Stack", illumination: "Illumination") -> Any:
    """The matrices of a stack, in NumPy."""
    import jax
    import numpy as np

    from ..calibration import Links

    return jax.tree.map(np.asarray, Links.of_stack(stack, illumination))
