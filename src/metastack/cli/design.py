"""`metastack design`: phases for a stack."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    AsJson,
    ReportPath,
    Seed,
    StackPath,
    Starts,
    command_line,
    require_writable,
)
from .output import emit

if TYPE_CHECKING:
    from ..design import Design, Method, StartPhases
    from ..doa import DirectionDesign
    from ..files import StackDescription


class MethodName(StrEnum):
    """Names of the design methods on the command line."""

    DEFAULT = "default"
    GRADIENT_DESCENT = "gradient-descent"
    ADAM = "adam"
    LBFGS = "lbfgs"
    COORDINATE = "coordinate"
    LEVENBERG_MARQUARDT = "levenberg-marquardt"


class Purpose(StrEnum):
    """What a design is for."""

    TARGET = "target"
    DOA = "doa"


def design(
    stack: StackPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Design file to write (.nc).")],
    method: Annotated[
        MethodName, typer.Option(help="How to search; the default is the best for the stack.")
    ] = MethodName.DEFAULT,
    insertion_loss_db: Annotated[
        float | None, typer.Option(help="Prescribe the insertion loss; else it is left free.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Allow only 2^bits phases an atom.")
    ] = None,
    starts: Starts = 1,
    seed: Seed = 0,
    goal_db: Annotated[
        float | None, typer.Option(help="Stop a start at this error (-100).")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="Most iterations of the chosen method.")
    ] = None,
    decay: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Decay of the rate of gradient-descent (.8)."),
    ] = None,
    random_start: Annotated[
        bool, typer.Option("--random-start", help="Start from random phases, as in the papers.")
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Go on from the phases of this design file.")
    ] = None,
    purpose: Annotated[
        Purpose,
        typer.Option(
            "--for",
            help="target: fit the target of the stack file; doa: tell most of a direction from "
            "energies, whatever the response, to be read with `metastack doa`.",
        ),
    ] = Purpose.TARGET,
    snapshots_x: Annotated[
        int | None, typer.Option(min=1, help="With --for doa: snapshots along x (4).")
    ] = None,
    snapshots_y: Annotated[
        int | None, typer.Option(min=1, help="With --for doa: snapshots along y (4).")
    ] = None,
    physical_snr_db: Annotated[
        float | None, typer.Option(help="With --for doa: SNR at the aperture to design for.")
    ] = None,
    field_of_view_over_pi: Annotated[
        float | None,
        typer.Option(help="With --for doa: psi_x and psi_y within plus or minus this (.7)."),
    ] = None,
    sources: Annotated[
        int | None, typer.Option(min=1, help="With --for doa: steady sources at a time (1).")
    ] = None,
    worst: Annotated[
        bool, typer.Option("--worst", help="With --for doa: the worst direction, not the mean.")
    ] = False,
    free_patterns: Annotated[
        bool,
        typer.Option("--free-patterns", help="With --for doa: design the input layer's patterns."),
    ] = False,
    report: ReportPath = None,
    json: AsJson = False,
) -> None:
    """Find phases that make a stack compute its target, and write them to a file.

    With --for doa there is no target: phases are chosen for the accuracy of directions read from
    energies. Ctrl-C stops the search and writes the best phases until then.
    """
    for_target = {
        "--method": None if method is MethodName.DEFAULT else method,
        "--insertion-loss-db": insertion_loss_db,
        "--goal-db": goal_db,
        "--decay": decay,
        "--random-start": random_start,
        "--resume": resume,
    }
    for_doa = {
        "--snapshots-x": snapshots_x,
        "--snapshots-y": snapshots_y,
        "--physical-snr-db": physical_snr_db,
        "--field-of-view-over-pi": field_of_view_over_pi,
        "--sources": sources,
        "--worst": worst,
        "--free-patterns": free_patterns,
    }
    if purpose is Purpose.DOA:
        from .design_doa import DirectionOptions, design_doa

        _refuse_given(purpose, Purpose.TARGET, for_target)
        options = DirectionOptions(
            snapshots_x or 4,
            snapshots_y or 4,
            physical_snr_db,
            0.7 if field_of_view_over_pi is None else field_of_view_over_pi,
            sources or 1,
            bits,
            starts,
            seed,
            iterations,
            worst=worst,
            free_patterns=free_patterns,
        )
        design_doa(stack, output, options, report, json=json)
        return
    _refuse_given(purpose, Purpose.DOA, for_doa)
    from ..design import DEFAULT_GOAL_DB, best_design, design_phases
    from ..files import Provenance, read_stack, write_design
    from .progress import DesignProgress

    require_writable(output, ".nc")
    require_writable(report, ".html")
    description = read_stack(stack)
    if bits is not None:
        description = with_bits(description, bits)
    with DesignProgress(starts, description.stack) as progress:
        designs = design_phases(
            description.stack,
            description.target,
            methods=_methods(method, iterations, decay),
            insertion_loss_db=insertion_loss_db,
            starts=starts,
            start_phases=_start_phases(method, resume, starts, random_start=random_start),
            seed=seed,
            goal_db=DEFAULT_GOAL_DB if goal_db is None else goal_db,
            on_progress=progress,
        )
    best = best_design(designs)
    write_design(best, output, provenance=Provenance.current(command_line()))
    if report is not None:
        from .report import write_design_report

        write_design_report(report, description.name, best, starts=designs)
    emit({**design_answer(best), "starts_run": len(designs), "output": str(output)}, as_json=json)
    stop_if_interrupted(designs)


def _refuse_given(purpose: Purpose, other: Purpose, options: Mapping[str, object]) -> None:
    """Refuse options that were given and mean nothing for this purpose."""
    from ..errors import require

    for name, value in options.items():
        require(
            value is None or value is False,
            f"`{name}` belongs to `--for {other}`, but the design is for {purpose}.",
        )


def design_answer(design: "Design") -> dict[str, Any]:
    """What there is to say of a design."""
    return {
        "nmse_db": design.nmse_db,
        "insertion_loss_db": design.insertion_loss_db,
        "error_at_scale_db": design.error_db,
        "iterations": design.iterations,
        "seconds": design.seconds,
        "outcome_code": design.outcome.name,
        "outcome": design.outcome.value,
        "method": design.method,
        "seed": design.seed,
        "start": design.start,
    }


def _methods(
    name: MethodName, iterations: int | None, decay: float | None
) -> "list[Method] | None":
    from ..design import METHODS

    check_method(name, iterations, decay)
    if name is MethodName.DEFAULT:
        return None
    given = {"iterations": iterations, "decay": decay}
    return [METHODS[name](**{key: value for key, value in given.items() if value is not None})]


def check_method(name: MethodName, iterations: int | None, decay: float | None) -> None:
    """Refuse settings of other methods.

    Raises:
        InputError: a decay without gradient descent, iterations without a method.
    """
    from ..errors import require

    is_descent = name is MethodName.GRADIENT_DESCENT
    require(decay is None or is_descent, "`--decay` belongs to `--method gradient-descent` only.")
    require(
        iterations is None or name is not MethodName.DEFAULT,
        "`--iterations` needs a `--method`, but there is none.",
    )


def _start_phases(
    method: MethodName, resume: Path | None, starts: int, *, random_start: bool
) -> "StartPhases | None":
    """Where to begin; the paper's descent begins at random phases, as published."""
    from ..design import GivenPhases, RandomPhases
    from ..errors import require
    from ..files import read_design

    if resume is not None:
        require(not random_start, "Give either `--resume` or `--random-start`, not both.")
        require(starts == 1, f"`--resume` has one start, but `--starts` is {starts}.")
        return GivenPhases(read_design(resume).phases_rad)
    published = method is MethodName.GRADIENT_DESCENT
    return RandomPhases() if random_start or published else None


def with_bits(description: "StackDescription", bits: int) -> "StackDescription":
    """The same stack with atoms of 2^bits phases."""
    from dataclasses import replace

    import equinox as eqx

    from ..atoms import quantised

    atoms = quantised(description.stack.atoms, bits)
    stack = eqx.tree_at(lambda stack: stack.atoms, description.stack, atoms)
    return replace(description, stack=stack)


def stop_if_interrupted(designs: "Sequence[Design | DirectionDesign]") -> None:
    """End the command as Ctrl-C would have, once what was found is written."""
    from ..design import Outcome

    if any(design.outcome is Outcome.INTERRUPTED for design in designs):
        raise KeyboardInterrupt
