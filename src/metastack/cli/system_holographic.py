"""`metastack system holographic`: two stacks and the air between them as parallel subchannels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from ..study.holographic import HolographicCase, LinkDesign


@dataclass(frozen=True)
class LongLink:
    """The air between both stacks, and powers; the defaults are those of the published run."""

    distance_m: Annotated[float, typer.Option(help="From stack to stack.")] = 250.0
    exponent: Annotated[float, typer.Option(help="Path loss exponent beyond one metre.")] = 3.5
    power_dbm: Annotated[float, typer.Option(help="Transmitted power, dBm.")] = 20.0
    noise_dbm: Annotated[float, typer.Option(help="Noise power at an antenna, dBm.")] = -110.0
    channels: Annotated[int, typer.Option(min=1, help="Channels to draw.")] = 10
    seed: Seed = 0


@dataclass(frozen=True)
class PublishedDescent:
    """The paper's gradient descent, to compare with."""

    decay: Annotated[
        float, typer.Option(help="Decay of the learning rate in the published descent.")
    ] = 0.5
    iterations: Annotated[int, typer.Option(min=1, help="Iterations of it.")] = 30
    starts: Annotated[int, typer.Option(min=1, help="Its random starts; the best counts.")] = 10


AS_PUBLISHED, DESCENT = LongLink(), PublishedDescent()


@option_groups
def holographic(
    transmit: StackPath,
    receive: Annotated[
        Path, typer.Argument(metavar="RECEIVE", help="The other stack (.toml).", show_default=False)
    ],
    link: LongLink = AS_PUBLISHED,
    descent: PublishedDescent = DESCENT,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Transmit stacks of these numbers of layers instead, of the same thickness: "
            "1,2,5,10.",
            show_default=False,
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw both capacities here (.png, .svg, .pdf).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Phases and capacities to write (.nc)."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Capacity of a link whose two stacks make its subchannels parallel.

    By the paper's gradient descent (where atoms are smooth), by an exact fit, and by going uphill
    on the rate itself.
    'Capacity' takes the stacks as lossless, as the paper does; 'rate' is what goes through.
    """
    require_writable(figure, ".png", ".svg", ".pdf")
    require_writable(output, ".nc")
    from ..study.holographic import bound

    cases = _cases(transmit, receive, link, layers)
    rows: list[dict[str, Any]] = []
    all_designs: list[list[LinkDesign]] = []
    bounds = bound(cases[0][1])
    try:
        for count, case in cases:
            designs = _designs(case, descent, link.seed)
            all_designs.append(designs)
            rows += [_row(count, each) for each in designs]
            typer.echo(f"holographic: {count} layers of the transmitter done", err=True)
    except KeyboardInterrupt:
        if not rows:
            raise
    counts = [count for count, _ in cases[: len(all_designs)]]
    answer: dict[str, Any] = {
        "channels": link.channels,
        "streams": cases[0][1].streams,
        "bound_bit_per_s_per_hz": float(bounds.mean()),
    }
    if output is not None:
        _write(output, counts, all_designs, bounds)
        answer["output"] = str(output)
    if figure is not None:
        _draw(figure, counts, all_designs, bounds)
        answer["figure"] = str(figure)
    emit(answer | {"designs": rows}, as_json=json)
    if len(counts) < len(cases):
        raise typer.Exit(130)


def _cases(
    transmit: Path, receive: Path, link: LongLink, layers: str | None
) -> "list[tuple[int, HolographicCase]]":
    from ..files import read_changed_stack, read_stack
    from ..study.holographic import holographic_case
    from ..systems.channels import PathLoss
    from ..systems.powers import check_powers, watts
    from .number_lists import check_positive

    check_powers(link.power_dbm, link.noise_dbm)
    check_positive("--distance-m", link.distance_m)
    other = read_stack(receive).stack
    counts = [read_stack(transmit).stack.layers] if layers is None else _counts(layers)
    stacks = [read_changed_stack(transmit, {"layers.count": count}).stack for count in counts]
    return [
        (
            count,
            holographic_case(
                stack,
                other,
                channels=link.channels,
                distance_m=link.distance_m,
                path_loss=PathLoss(link.exponent),
                power_w=watts(link.power_dbm),
                noise_w=watts(link.noise_dbm),
                seed=link.seed,
            ),
        )
        for count, stack in zip(counts, stacks, strict=True)
    ]


def _counts(text: str) -> list[int]:
    from ..errors import require
    from .number_lists import numbers

    counts = numbers("--layers", text)
    require(
        all(count >= 1 and count == int(count) for count in counts),
        f"`--layers` must be whole numbers from 1 on, but is {text!r}.",
    )
    return [int(count) for count in counts]


def _designs(case: "HolographicCase", descent: PublishedDescent, seed: int) -> "list[LinkDesign]":
    from ..study.holographic import fitted_design, published_design, rate_design

    ours = [fitted_design(case, seed=seed), rate_design(case, seed=seed)]
    if not case.is_smooth:
        return ours
    published = published_design(
        case,
        decay=descent.decay,
        iterations=descent.iterations,
        starts=descent.starts,
        seed=seed,
    )
    return [published, *ours]


def _row(layers: int, design: "LinkDesign") -> dict[str, Any]:
    import numpy as np

    return {
        "layers": layers,
        "design": design.name,
        "capacity_bit_per_s_per_hz": float(design.capacity.mean()),
        "rate_bit_per_s_per_hz": float(design.rate.mean()),
        "nmse_db": float(10 * np.log10(design.nmse.mean())),
        "median_loss_db": float(np.median(design.loss_db)),
    }


def _write(
    path: Path,
    layers: Sequence[int],
    designs: "list[list[LinkDesign]]",
    bounds: "Float[np.ndarray, ' channels']",
) -> None:
    import numpy as np
    import xarray as xr

    from ..files.dataset_file import save_dataset

    def stacked(name: str) -> "Float[np.ndarray, '...']":
        return np.array([[getattr(each, name) for each in row] for row in designs])

    axes = ("layers", "design", "channel")
    units = {"capacity": "bit/s/Hz", "rate": "bit/s/Hz", "nmse": "1", "loss_db": "dB"}
    values = {name: (axes, stacked(name), {"unit": unit}) for name, unit in units.items()}
    # Stacks of another number of layers have other shapes: a variable each.
    phases = {
        f"phases_rad_{count}_layers_{each.name.split(',')[0].replace(' ', '_')}": (
            ("channel", f"layer_{count}", "atom"),
            each.phases_rad,
            {"unit": "rad"},
        )
        for count, row in zip(layers, designs, strict=True)
        for each in row
    }
    dataset = xr.Dataset(
        {**values, "bound": ("channel", bounds, {"unit": "bit/s/Hz"}), **phases},
        {"layers": list(layers), "design": [each.name for each in designs[0]]},
    )
    save_dataset(path, dataset, kind="study results")


def _draw(
    path: Path,
    layers: Sequence[int],
    designs: "list[list[LinkDesign]]",
    bounds: "Float[np.ndarray, ' channels']",
) -> None:
    from ..report import holographic_figure
    from .doa import save_figure

    save_figure(holographic_figure(layers, designs, float(bounds.mean())), path)
