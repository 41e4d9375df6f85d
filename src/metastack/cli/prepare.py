"""`metastack codebook` and `metastack learn`: strategies that are prepared before calibrating."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, command_line, refuse_overwriting, require_writable
from .output import emit
from .prepare_figures import draw_linear, draw_search_depth, draw_training, draw_tuning
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import PilotPlan
    from ..calibration.strategies import Codebook, Training
    from ..files.prepared_file import Prepared
    from ..stack import Stack

codebook_app = typer.Typer(
    no_args_is_help=True, help="Codebooks: calibration at a cost that is known beforehand."
)
learn_app = typer.Typer(
    no_args_is_help=True, help="Strategies that learn from simulated stacks beforehand."
)

PlanPath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PLAN",
        help="The plan that will be measured (.nc, .npz, .mat): of `calibrate plan`, or pilots.",
        show_default=False,
    ),
]
PreparedPath: TypeAlias = Annotated[
    Path, typer.Option("-o", "--output", help="File to write (.npz).")
]
FigurePath: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--figure", help="Also draw how near it comes, tried on other stacks (.png, .svg, .pdf)."
    ),
]
Stacks: TypeAlias = Annotated[int, typer.Option(min=2, help="Simulated stacks to learn from.")]
_SHOWN_SNR_DB = (10, 20, 30)
# Enough for a steady loss; each judgement takes about as long as a training step.
_HELD_OUT = 128


@codebook_app.command("build")
@option_groups
def build(
    stack: StackPath,
    plan: PlanPath,
    output: PreparedPath,
    tolerances: Tolerances = PUBLISHED,
    stacks: Stacks = 1000,
    candidates: Annotated[
        int, typer.Option(min=1, help="Candidates that a search may try at most.")
    ] = 200,
    figure: FigurePath = None,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Build a codebook for one stack, one plan and some tolerances.

    `metastack calibrate … --strategy FILE` searches it. How many candidates a search tries is
    printed: more slots and less noise tell more, and let it go deeper, as far as --candidates lets.
    --figure draws what every level of the search is worth.
    """
    from jax.random import key

    from ..calibration import Expected
    from ..calibration.strategies import Codebook

    _check_outputs(output, figure, plan)
    device, measured = _given(stack, plan, lighting)
    imperfections = imperfections_of(device, tolerances)
    book = Codebook.of(
        device,
        measured,
        Expected.within(imperfections),
        key=key(seed),
        law=imperfections.law,
        stacks=stacks,
        most_candidates=candidates,
    )
    _write(book, output, {"stacks": stacks, "seed": seed})
    rows = [_cost(book, snr_db) for snr_db in _SHOWN_SNR_DB]
    facts = {"unknowns": book.preparation.size, "slots": measured.slots, "output": str(output)}
    if figure is not None:
        draw_search_depth(book, (device, measured, imperfections.law), _SHOWN_SNR_DB, seed, figure)
        facts["figure"] = str(figure)
    emit({**facts, "costs": rows}, as_json=json)


@learn_app.command("linear")
@option_groups
def linear(
    stack: StackPath,
    plan: PlanPath,
    output: PreparedPath,
    tolerances: Tolerances = PUBLISHED,
    stacks: Stacks = 2048,
    figure: FigurePath = None,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Learn the best linear map from pilots to poses: exact where errors are small."""
    from jax.random import key

    from ..calibration import Expected
    from ..calibration.strategies import LinearMap

    _check_outputs(output, figure, plan)
    device, measured = _given(stack, plan, lighting)
    imperfections = imperfections_of(device, tolerances)
    learned = LinearMap.of(
        device,
        measured,
        Expected.within(imperfections),
        key=key(seed),
        law=imperfections.law,
        stacks=stacks,
    )
    _write(learned, output, {"stacks": stacks, "seed": seed})
    facts: dict[str, Any] = {"unknowns": learned.preparation.size, "slots": measured.slots}
    facts |= {"directions": len(learned.mean), "output": str(output)}
    if figure is not None:
        draw_linear(learned, (device, measured, imperfections.law), seed, figure)
        facts["figure"] = str(figure)
    emit(facts, as_json=json)


@learn_app.command("train")
@option_groups
def train(
    stack: StackPath,
    plan: PlanPath,
    output: PreparedPath,
    tolerances: Tolerances = PUBLISHED,
    stacks: Stacks = 2048,
    unrolled_steps: Annotated[int, typer.Option(help="Gauss-Newton steps to unroll.")] = 2,
    steps: Annotated[int, typer.Option(min=0, help="Training steps.")] = 100,
    batch: Annotated[int, typer.Option(min=4, help="Stacks in a training step.")] = 64,
    least_snr_db: Annotated[float, typer.Option(help="Noisiest pilots to learn from.")] = 5.0,
    most_snr_db: Annotated[float, typer.Option(help="Cleanest pilots to learn from.")] = 35.0,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also draw the training, with stacks held out (.png, .svg, .pdf)."),
    ] = None,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Train an unrolled network, for errors too large for the linear map.

    Takes some minutes. Ctrl-C ends training and writes what was learned so far.
    """
    from jax.random import key

    from ..calibration import Expected
    from ..calibration.strategies import train_unrolled
    from .progress import CountProgress

    _check_outputs(output, figure, plan)
    device, measured = _given(stack, plan, lighting)
    imperfections = imperfections_of(device, tolerances)
    with CountProgress("training steps", steps) as progress:
        trained = train_unrolled(
            device,
            measured,
            Expected.within(imperfections),
            key=key(seed),
            law=imperfections.law,
            snr_range_db=(least_snr_db, most_snr_db),
            unrolled_steps=unrolled_steps,
            stacks=stacks,
            batch=batch,
            steps=steps,
            held_out=0 if figure is None else _HELD_OUT,
            on_step=lambda *_: progress.advance(1),
        )
    settings = {"stacks": stacks, "batch": batch, "steps": len(trained.loss), "seed": seed}
    _write(trained.network, output, {**settings, "snr_db": [least_snr_db, most_snr_db]})
    if figure is not None:
        given = device, measured, imperfections.law
        draw_training(trained, given, (least_snr_db, most_snr_db), seed, figure)
    _say_trained(trained, output, figure, as_json=json)


@learn_app.command("tune")
@option_groups
def tune(
    stack: StackPath,
    learned: Annotated[
        Path, typer.Argument(metavar="LEARNED", help="What `learn train` wrote (.npz).")
    ],
    pilots: Annotated[
        list[Path],
        typer.Argument(metavar="PILOTS...", help="Pilots of built stacks, in the same plan."),
    ],
    output: PreparedPath,
    steps: Annotated[int, typer.Option(min=0, help="Training steps.")] = 30,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw how tuning went (.png, .svg, .pdf).")
    ] = None,
    lighting: Lighting = NOT_TOLD,
    json: AsJson = False,
) -> None:
    """Go on learning from measured pilots, whose truth nobody knows."""
    from ..calibration.strategies import UnrolledNetwork, fine_tuned
    from ..errors import require
    from ..files import read_prepared, read_stack
    from .pilot_options import read_measured
    from .progress import CountProgress

    _check_outputs(output, figure, learned, *pilots)
    device, stored = read_stack(stack).stack, read_prepared(learned)
    network = stored.prepared
    require(
        isinstance(network, UnrolledNetwork),
        f"`{learned}` must hold an unrolled network to tune, but holds a {network.name}.",
    )
    assert isinstance(network, UnrolledNetwork)
    measured = [read_measured(path, device, lighting) for path in pilots]
    with CountProgress("training steps", steps) as progress:
        trained = fine_tuned(
            network, device, measured, steps=steps, on_step=lambda *_: progress.advance(1)
        )
    settings = {**stored.settings, "tuned_steps": len(trained.loss)}
    _write(trained.network, output, {**settings, "tuned_on": [str(path) for path in pilots]})
    if figure is not None:
        draw_tuning(trained, measured, figure)
    _say_trained(trained, output, figure, as_json=json)


def _cost(book: "Codebook", snr_db: float) -> dict[str, Any]:
    """How many candidates a search tries, and whether it might go deeper with more."""
    noise = 10 ** (-snr_db / 10)
    tried = book.candidates(noise)
    is_cut_short = tried < book.wanted_candidates(noise)
    return {"snr_db": snr_db, "candidates": tried, "cut_short": is_cut_short}


def _check_outputs(output: Path, figure: Path | None, *inputs: Path) -> None:
    """Refuse outputs that could not be written, or that are inputs."""
    require_writable(output, ".npz")
    require_writable(figure, ".png", ".svg", ".pdf")
    refuse_overwriting(output, *inputs)


def _given(stack: Path, plan: Path, lighting: Lighting) -> "tuple[Stack, PilotPlan]":
    """The nominal stack, and the plan of a file."""
    from ..files import read_stack
    from .simulate_pilots import plan_of

    device = read_stack(stack).stack
    return device, plan_of(device, plan, None, None, illumination_of(lighting), 0)


def _write(prepared: "Prepared", output: Path, settings: dict[str, Any]) -> None:
    from ..files import write_prepared

    write_prepared(prepared, output, command=command_line(), settings=settings)


def _say_trained(trained: "Training", output: Path, figure: Path | None, *, as_json: bool) -> None:
    from ..calibration import Ending

    loss = trained.loss
    facts = {
        "training_steps": len(loss),
        "first_loss": float(loss[0]) if len(loss) else None,
        "last_loss": float(loss[-10:].mean()) if len(loss) else None,
        "output": str(output),
    }
    if figure is not None:
        facts["figure"] = str(figure)
    emit(facts, as_json=as_json)
    if trained.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
