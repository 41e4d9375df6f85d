"""`metastack system cost`: what errors cost a system, and what calibration wins back."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, Starts, command_line, require_writable
from .output import emit
from .run_options import RunsFolder, Workers, Yes, executor_of, most_seconds, runs_folder
from .system_air import FEW_CHANNELS, Air
from .system_holographic import LongLink

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..study.cost import Interval, UsedSystem

app = typer.Typer(
    help="What errors of fabrication cost a system, and what calibration wins back.",
    no_args_is_help=True,
)


@dataclass(frozen=True)
class Drawing:
    """Which stacks are built, and how they are measured."""

    tolerances: Annotated[
        str,
        typer.Option(
            help="Percent of the wavelength that every layer is within of its place along x, y "
            "and z, and by its turns an edge atom; separated by commas."
        ),
    ] = "0,0.5,1,2,5"
    stacks: Annotated[int, typer.Option(min=2, help="Stacks to draw at each tolerance.")] = 30
    pilots: Annotated[int, typer.Option(min=1, help="Slots of random pilots a stack.")] = 50
    pilot_snr_db: Annotated[float, typer.Option(help="SNR of an antenna in a slot.")] = 30.0


@dataclass(frozen=True)
class Keeping:
    """Where it is computed, and what is written."""

    workers: Workers = None
    runs: RunsFolder = None
    yes: Yes = False
    figure: Annotated[Path | None, typer.Option(help="Also draw it here (.png, .svg, .pdf).")] = (
        None
    )
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Every stack's figures of merit to write (.nc)."),
    ] = None
    json: AsJson = False


DRAWING, KEEPING = Drawing(), Keeping()
FEW_LINKS = LongLink(channels=4)


@app.command("directions")
@option_groups
def directions(
    stack: StackPath,
    insertion_loss_db: Annotated[
        float | None, typer.Option(help="Prescribe the insertion loss; else it is left free.")
    ] = None,
    physical_snr_db: Annotated[
        float, typer.Option(help="SNR at the aperture, where directions are read.")
    ] = 40.0,
    trials: Annotated[int, typer.Option(min=2, help="Directions that are read of a stack.")] = 500,
    drawing: Drawing = DRAWING,
    seed: Seed = 0,
    keeping: Keeping = KEEPING,
) -> None:
    """Error of directions, read by maximum likelihood with the response that is believed in."""
    from ..files import read_stack
    from ..files.stack_file import description_text
    from ..study.cost import DirectionUse
    from .simulate import check_db

    _check(keeping)
    check_db("physical-snr-db", physical_snr_db)
    text = description_text(read_stack(stack))
    use = DirectionUse(text, insertion_loss_db, physical_snr_db, trials=trials, seed=seed)
    _run("cost-directions", use, drawing, seed, keeping)


@app.command("downlink")
@option_groups
def downlink(
    stack: StackPath,
    air: Air = FEW_CHANNELS,
    power_dbm: Annotated[float, typer.Option(help="Transmitted power, dBm.")] = 20.0,
    noise_dbm: Annotated[float, typer.Option(help="Noise power at a receiver, dBm.")] = -100.0,
    starts: Starts = 4,
    drawing: Drawing = DRAWING,
    keeping: Keeping = KEEPING,
) -> None:
    """Sum rate of many users, by phases and a digital precoder, on channels that stay the same."""
    import numpy as np

    from ..files import read_stack
    from ..files.stack_file import description_text
    from ..study.cost import DownlinkUse
    from ..systems.fronts import Transmitter
    from ..systems.powers import check_powers, watts

    _check(keeping)
    check_powers(power_dbm, noise_dbm)
    description = read_stack(stack)
    elements_m = np.asarray(Transmitter.of(description.stack).positions_m)
    drawn = air.drawn(elements_m, float(description.stack.wavelength_m))
    channels = drawn / np.sqrt(watts(noise_dbm))
    use = DownlinkUse(
        description_text(description),
        np.stack([channels.real, channels.imag]).tolist(),
        watts(power_dbm),
        starts,
        air.seed,
    )
    _run("cost-downlink", use, drawing, air.seed, keeping)


@app.command("holographic")
@option_groups
def holographic(
    transmit: StackPath,
    receive: Annotated[
        Path, typer.Argument(metavar="RECEIVE", help="The other stack (.toml).", show_default=False)
    ],
    link: LongLink = FEW_LINKS,
    drawing: Drawing = DRAWING,
    keeping: Keeping = KEEPING,
) -> None:
    """Capacity of a link with a stack at each end, both built with errors, losses compensated."""
    from ..files import read_stack
    from ..files.stack_file import description_text
    from ..study.cost import HolographicUse
    from ..systems.powers import check_powers, watts
    from .number_lists import check_positive

    _check(keeping)
    check_powers(link.power_dbm, link.noise_dbm)
    check_positive("--distance-m", link.distance_m)
    texts = [description_text(read_stack(path)) for path in (transmit, receive)]
    use = HolographicUse(
        transmit=texts[0],
        receive=texts[1],
        channels=link.channels,
        distance_m=link.distance_m,
        exponent=link.exponent,
        power_w=watts(link.power_dbm),
        noise_w=watts(link.noise_dbm),
        seed=link.seed,
    )
    _run("cost-holographic", use, drawing, link.seed, keeping)


@app.command("classify")
@option_groups
def classify(
    classifier: Annotated[
        Path,
        typer.Argument(metavar="CLASSIFIER", help="File of `classify` (.nc).", show_default=False),
    ],
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes through all images for each stack.")
    ] = 10,
    learning_rate_rad: Annotated[float, typer.Option(help="First rate of Adam.")] = 0.05,
    drawing: Drawing = DRAWING,
    seed: Seed = 0,
    keeping: Keeping = KEEPING,
) -> None:
    """Share of images read rightly, of those that the classifier's training held out."""
    from ..study.cost import ClassificationUse, digest_of

    _check(keeping)
    path = classifier.resolve()
    use = ClassificationUse(str(path), digest_of(path), epochs, learning_rate_rad, seed=seed)
    _run("cost-classify", use, drawing, seed, keeping)


def _check(keeping: Keeping) -> None:
    """Refuse outputs that could not be written, before any work is done."""
    require_writable(keeping.figure, ".png", ".svg", ".pdf")
    require_writable(keeping.output, ".nc")


def _run(name: str, use: "UsedSystem", drawing: Drawing, seed: int, keeping: Keeping) -> None:
    """Compute what is not finished, write and say what came out."""
    from ..files.dataset_file import save_dataset
    from ..study.cost import Bench, CostStudy
    from ..study.runs import RunFolder, RunInputs, run_units
    from .number_lists import numbers
    from .progress import CountProgress

    shares = [each / 100 for each in numbers("--tolerances", drawing.tolerances)]
    bench = Bench(drawing.pilots, drawing.pilot_snr_db)
    study = CostStudy(use, bench, shares, drawing.stacks, seed)
    units, executor = study.units(), executor_of(keeping.workers, None)
    inputs = RunInputs(
        "cost", name, study.fingerprint(units), seed, len(units), len(units), command_line()
    )
    folder = RunFolder.begin(runs_folder(keeping.runs) / inputs.folder_name, inputs, {})
    with folder.alone(), CountProgress("stacks", len(units)) as progress:
        outcomes = run_units(
            units,
            folder,
            executor=executor,
            on_points=progress.advance,
            most_seconds=most_seconds(keeping.yes),
        )
        data = study.gathered(outcomes)
        folder.draw({name: _figure(data)})
        folder.finish(data)
    answer: dict[str, Any] = {
        "merit": use.merit.name,
        "unit": use.merit.unit,
        "stacks": drawing.stacks,
        "run": str(folder.path),
    }
    if keeping.output is not None:
        save_dataset(keeping.output, data, kind="study results")
        answer["output"] = str(keeping.output)
    if keeping.figure is not None:
        from .doa import save_figure

        save_figure(_figure(data), keeping.figure)
        answer["figure"] = str(keeping.figure)
    emit({**answer, "tolerances": _rows(data)}, as_json=keeping.json)


def _figure(data: "xr.Dataset") -> "Figure":
    from ..report import cost_figure

    return cost_figure(data)


def _rows(data: "xr.Dataset") -> list[dict[str, Any]]:
    """One row a tolerance; no share where there is no loss to tell."""
    from ..study.cost import WAYS, means, shares

    of_ways = {way: means(data, way) for way in WAYS}
    calibrated, known = shares(data, "calibrated"), shares(data, "known")
    return [
        {
            "tolerance_percent": 100 * float(tolerance),
            **{way: of_ways[way][place].value for way in WAYS},
            **_share("won_back", calibrated[place]),
            **_share("won_back_if_known", known[place]),
        }
        for place, tolerance in enumerate(data.tolerance.values)
    ]


def _share(name: str, share: "Interval | None") -> dict[str, float | None]:
    """A share and its 95 % interval in percent, each None where there is no loss to tell."""
    ends = ("percent", "from_percent", "to_percent")
    values = [None] * 3 if share is None else [share.value, share.low, share.high]
    return {
        f"{name}_{end}": None if value is None else 100 * value
        for end, value in zip(ends, values, strict=True)
    }
