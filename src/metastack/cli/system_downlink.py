"""`metastack system downlink` and `max-min`: many users of one stack."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import AsJson, StackPath, Starts, require_writable
from .output import emit
from .system_air import AS_DRAWN, THREE_DECADES, Air, Budget

if TYPE_CHECKING:
    from ..study.downlink import DownlinkCase, Rates, Scheme

FigurePath = Annotated[
    Path | None, typer.Option(help="Also draw rates over power here (.png, .svg, .pdf).")
]
RatesPath = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Rates of every channel to write (.nc).", show_default=False
    ),
]


@option_groups
def downlink(
    stack: StackPath,
    air: Air = AS_DRAWN,
    budget: Budget = THREE_DECADES,
    starts: Starts = 4,
    figure: FigurePath = None,
    output: RatesPath = None,
    json: AsJson = False,
) -> None:
    """Sum rate of many users: phases with a digital precoder, and what it is measured by.

    Phases and precoder take turns (WMMSE), from several starts. Beside them, on the phases that
    were found, zero forcing and the dirty-paper bound; a precoder without phases; and, with as many
    users as antennas, phases and powers without a precoder.
    """
    from ..study.downlink import downlink_rates

    _run(stack, air, budget, starts, figure, output, json, downlink_rates, "sum rate")


@option_groups
def max_min(
    stack: StackPath,
    air: Air = AS_DRAWN,
    budget: Budget = THREE_DECADES,
    starts: Starts = 4,
    figure: FigurePath = None,
    output: RatesPath = None,
    json: AsJson = False,
) -> None:
    """Rate of the user who is worst off, by phases and powers, one stream an antenna."""
    from ..study.downlink import max_min_rates

    _run(stack, air, budget, starts, figure, output, json, max_min_rates, "least rate")


def _run(
    path: Path,
    air: Air,
    budget: Budget,
    starts: int,
    figure: Path | None,
    output: Path | None,
    json: bool,
    rates: "Callable[[DownlinkCase], Rates]",
    what: str,
) -> None:
    import numpy as np

    from ..files import read_stack
    from ..study.downlink import over_powers
    from ..systems.fronts import Transmitter
    from ..systems.powers import watts
    from .progress import CountProgress

    require_writable(figure, ".png", ".svg", ".pdf")
    require_writable(output, ".nc")
    powers_dbm, noise = budget.powers_dbm, watts(budget.noise_dbm)
    description = read_stack(path)
    stack = description.stack
    elements_m = np.asarray(Transmitter.of(stack).positions_m)
    drawn = air.drawn(elements_m, float(stack.wavelength_m))
    powers = np.array([watts(power) for power in powers_dbm])
    schemes: list[Scheme] = []
    with CountProgress("powers", len(powers)) as progress:
        try:
            for found in over_powers(
                rates, stack, drawn / np.sqrt(noise), powers, starts=starts, seed=air.seed
            ):
                schemes = found
                progress.advance(1)
        except KeyboardInterrupt:
            if not schemes:
                raise
    done = powers_dbm[: len(schemes[0].rates)]
    answer: dict[str, Any] = {
        "stack": description.name,
        "users": air.users,
        "channels": air.channels,
        "noise_dbm": budget.noise_dbm,
    }
    if output is not None:
        _write(output, schemes, done, what)
        answer["output"] = str(output)
    if figure is not None:
        _draw(figure, schemes, done, what)
        answer["figure"] = str(figure)
    unit = what.replace(" ", "_")
    answer["schemes"] = [
        {
            "scheme": scheme.name,
            "power_dbm": power,
            f"{unit}_bit_per_s_per_hz": float(scheme.mean[index]),
            "standard_error": float(scheme.standard_error[index]),
        }
        for index, power in enumerate(done)
        for scheme in schemes
    ]
    emit(answer, as_json=json)
    if len(done) < len(powers_dbm):
        raise typer.Exit(130)


def _write(path: Path, schemes: "list[Scheme]", powers_dbm: list[float], what: str) -> None:
    import numpy as np
    import xarray as xr

    from ..files.dataset_file import save_dataset

    rates = np.array([scheme.rates for scheme in schemes])
    dataset = xr.Dataset(
        {"rate": (("scheme", "power", "channel"), rates, {"unit": "bit/s/Hz", "of": what})},
        {"scheme": [scheme.name for scheme in schemes], "power": ("power", powers_dbm)},
    )
    dataset["power"].attrs["unit"] = "dBm"
    save_dataset(path, dataset, kind="study results")


def _draw(path: Path, schemes: "list[Scheme]", powers_dbm: list[float], what: str) -> None:
    from ..report import rates_figure
    from .doa import save_figure

    save_figure(rates_figure(schemes, powers_dbm, f"{what} (bit/s/Hz)"), path)
