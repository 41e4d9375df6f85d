"""`metastack network`: networks that were measured or computed elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from .options import AsJson
from .output import emit, warn

if TYPE_CHECKING:
    from ..files.network_sweep import NetworkSweep
    from ..files.time_convention import TimeConvention

app = typer.Typer(no_args_is_help=True, help="Networks of ports: look at one, design by one.")

IsConjugated: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--conjugated/--not-conjugated",
        help="Whether the file is in time e^{-jwt}; else e^{+jwt}, unless its phases contradict.",
        show_default=False,
    ),
]


@app.callback()
def network() -> None:
    """Networks of ports: look at one, design by one."""


@app.command("show")
def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Network (.sNp Touchstone, .npz, .mat).", show_default=False
        ),
    ],
    frequency_hz: Annotated[
        float | None, typer.Option(help="Look at this frequency only, interpolated if need be.")
    ] = None,
    reference_ohm: Annotated[
        float | None, typer.Option(help="Reference of impedances whose file has none.")
    ] = None,
    conjugated: IsConjugated = None,
    json: AsJson = False,
) -> None:
    """Ports, frequencies and references of a network, how reciprocal and passive it is, its delay.

    The delay's sign tells a file that is in another time convention than analysers write.
    """
    from ..files.network_file import network_warnings, read_network_sweep
    from ..files.wording import naming

    sweep = read_network_sweep(file, reference_ohm=reference_ohm)
    answer: dict[str, Any] = {"file": str(file), **_facts(sweep)}
    if frequency_hz is not None:
        with naming(file):
            one = sweep.at(frequency_hz, reference_ohm=reference_ohm, convention=stated(conjugated))
        gain, asymmetry = one.largest_gain, one.reciprocity_error
        answer |= {"frequency_hz": frequency_hz, "reference_ohm": one.reference_ohm}
        answer |= {"largest_gain": gain, "reciprocity_error": asymmetry}
    for warning in network_warnings(sweep):
        warn(warning)
    emit({**answer, "time_convention": _convention(sweep, conjugated)}, as_json=json)


def stated(conjugated: bool | None) -> "TimeConvention | None":
    """The convention that `--conjugated` and `--not-conjugated` state."""
    from ..files.time_convention import TimeConvention

    if conjugated is None:
        return None
    return TimeConvention.OURS if conjugated else TimeConvention.ENGINEERS


def _facts(sweep: "NetworkSweep") -> dict[str, Any]:
    turns = sweep.turning
    return {
        "ports": sweep.ports,
        "port_names": list(sweep.port_names) or None,
        "frequencies": len(sweep.frequencies_hz),
        "least_hz": float(sweep.frequencies_hz[0]),
        "most_hz": float(sweep.frequencies_hz[-1]),
        "references_ohm": sorted({float(each) for each in sweep.references_ohm}),
        "largest_gain": sweep.largest_gain,
        "reciprocity_error": sweep.reciprocity_error,
        "delay_seconds": None if turns is None else turns.delay_s,
    }


def _convention(sweep: "NetworkSweep", conjugated: bool | None) -> str:
    """In whose time the file is, and how that is known."""
    from ..files.time_convention import TimeConvention

    names = {TimeConvention.ENGINEERS: "e^{+jwt}", TimeConvention.OURS: "e^{-jwt}"}
    told, turns = stated(conjugated) or sweep.stated, sweep.turning
    seen = None if turns is None else turns.convention
    if seen is not None:
        contrary = "" if told in (None, seen) else f", though {names[told]} is stated"
        return f"{names[seen]}, by the sign of its delay{contrary}"
    return f"{names[told or TimeConvention.ENGINEERS]}, {'as stated' if told else 'by default'}"
