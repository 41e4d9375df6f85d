"""`metastack system downlink`, `max-min`, `robust` and `angular`: many users of one stack."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import AsJson, DesignPath, StackPath, Starts, require_writable
from .output import emit
from .system_air import AS_DRAWN, FEW_CHANNELS, IN_SIGHT, THREE_DECADES, Air, Budget

if TYPE_CHECKING:
    from ..study.downlink import Rates
    from ..study.downlink_case import DownlinkCase, Scheme

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

    _run(stack, air, budget, starts, _Outputs(figure, output, json), downlink_rates, "sum rate")


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

    _run(stack, air, budget, starts, _Outputs(figure, output, json), max_min_rates, "least rate")


@option_groups
def robust(
    stack: StackPath,
    phase_deviation_deg: Annotated[
        float, typer.Option(help="Standard deviation of every atom's phase error.")
    ] = 30.0,
    devices: Annotated[int, typer.Option(min=1, help="Devices to judge designs on.")] = 200,
    air: Air = FEW_CHANNELS,
    budget: Budget = THREE_DECADES,
    starts: Starts = 2,
    figure: FigurePath = None,
    output: RatesPath = None,
    json: AsJson = False,
) -> None:
    """Sum rate where atoms err: a design for mean powers beside one that takes errors for zero.

    Phases and precoder are chosen before anyone has met the device, and stay.
    """
    import numpy as np

    from ..study.robust_downlink import ErringAtoms, robust_rates

    errors = ErringAtoms(np.radians(phase_deviation_deg), devices, air.seed)
    _run(
        stack,
        air,
        budget,
        starts,
        _Outputs(figure, output, json),
        lambda case: robust_rates(case, errors),
        "sum rate",
    )


@option_groups
def angular(
    design: DesignPath,
    air: Air = IN_SIGHT,
    budget: Budget = THREE_DECADES,
    figure: FigurePath = None,
    output: RatesPath = None,
    json: AsJson = False,
) -> None:
    """Angular-division multiplexing: a stack that reads directions, fed at its receivers.

    Its own beams, a port a user, beside those of its target without loss, a digital precoder in
    front of them, and phases for just these users.
    """
    import numpy as np

    from ..files import read_design
    from ..study.angular_division import angular_rates

    outputs = _Outputs(figure, output, json)
    outputs.check()
    made = read_design(design)
    stack = made.stack
    elements_m = np.asarray(stack.planes[0].positions_m)
    channels = budget.over_noise(air.drawn(elements_m, float(stack.wavelength_m)))
    _over_powers(
        lambda power: angular_rates(made, channels, power), air, budget, outputs, "sum rate"
    )


@dataclass(frozen=True)
class _Outputs:
    """Where the answer goes."""

    figure: Path | None
    table: Path | None
    json: bool

    def check(self) -> None:
        """Refuse what could not be written, before any work is done."""
        require_writable(self.figure, ".png", ".svg", ".pdf")
        require_writable(self.table, ".nc")


def _run(
    path: Path,
    air: Air,
    budget: Budget,
    starts: int,
    outputs: _Outputs,
    rates: "Callable[[DownlinkCase], Rates]",
    what: str,
) -> None:
    import numpy as np

    from ..files import read_stack
    from ..study.downlink_case import DownlinkCase
    from ..systems.fronts import Transmitter

    outputs.check()
    stack = read_stack(path).stack
    transmitter = Transmitter.of(stack)
    drawn = air.drawn(np.asarray(transmitter.positions_m), float(stack.wavelength_m))
    channels = budget.over_noise(drawn)

    def at(power: float) -> "Rates":
        return rates(DownlinkCase(stack, transmitter, channels, power, starts, air.seed))

    _over_powers(at, air, budget, outputs, what)


def _over_powers(
    rates: "Callable[[float], Rates]", air: Air, budget: Budget, outputs: _Outputs, what: str
) -> None:
    """Every power in turn; on Ctrl-C the answer is that of the powers done."""
    import numpy as np

    from ..study.downlink import over_powers
    from ..systems.powers import watts
    from .progress import CountProgress

    powers_dbm = budget.powers_dbm
    schemes: list[Scheme] = []
    with CountProgress("powers", len(powers_dbm)) as progress:
        try:
            for found in over_powers(rates, np.array([watts(dbm) for dbm in powers_dbm])):
                schemes = found
                progress.advance(1)
        except KeyboardInterrupt:
            if not schemes:
                raise
    done = powers_dbm[: len(schemes[0].rates)]
    answer: dict[str, Any] = {
        "users": air.users,
        "channels": air.channels,
        "noise_dbm": budget.noise_dbm,
    }
    if outputs.table is not None:
        _write(outputs.table, schemes, done, what)
        answer["output"] = str(outputs.table)
    if outputs.figure is not None:
        _draw(outputs.figure, schemes, done, what)
        answer["figure"] = str(outputs.figure)
    emit(answer | {"schemes": _rows(schemes, done, what)}, as_json=outputs.json)
    if len(done) < len(powers_dbm):
        raise typer.Exit(130)


def _rows(schemes: "list[Scheme]", powers_dbm: list[float], what: str) -> list[dict[str, Any]]:
    name = what.replace(" ", "_")
    return [
        {
            "scheme": scheme.name,
            "power_dbm": power,
            f"{name}_bit_per_s_per_hz": float(scheme.mean[index]),
            "standard_error_bit_per_s_per_hz": float(scheme.standard_error[index]),
        }
        for index, power in enumerate(powers_dbm)
        for scheme in schemes
    ]


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
