"""`metastack calibrate network`: the network of a built device from its pilots."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from .network_motions import MOTIONS_TEXT, motion_rows, read_moving, shown_motions
from .network_options import (
    AS_THE_FILE_SAYS,
    DesignedPath,
    NetworkPilotsPath,
    NetworkPorts,
    NetworkReading,
    read_device,
)
from .option_groups import option_groups
from .options import AsJson, ReportPath, Seed, refuse_overwriting, require_writable
from .output import emit, shown_text, warn
from .pilot_options import OURS, Convention

if TYPE_CHECKING:
    from ..calibration.networks import JudgedNetwork
    from ..calibration.pilots import Pilots
    from ..multiport import Device, PortNetwork

# Errors above so many deviations are no chance.
_MOST_OVER_DEVIATION = 1.5


@dataclass(frozen=True)
class Judging:
    """What is held out, and how noisy the pilots are if not told as a variance."""

    hold_out: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Configurations to judge by, at random; else a tenth, at least 5.",
            show_default=False,
        ),
    ] = None
    snr_db: Annotated[
        float | None,
        typer.Option(help="Mean SNR of one response, instead of --noise-variance."),
    ] = None


_A_TENTH = Judging()

WiresPath: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Wires of the device, as `metastack network wires` prepares them (.npz): where its "
        "layers are is found as well.",
        show_default=False,
    ),
]


@option_groups
def network(
    designed: DesignedPath,
    pilots: NetworkPilotsPath,
    ports: NetworkPorts,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Calibrated network to write (.npz).")
    ],
    wires: WiresPath = None,
    reading: NetworkReading = AS_THE_FILE_SAYS,
    convention: Convention = OURS,
    judging: Judging = _A_TENTH,
    report: ReportPath = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the judgement here (.png, .pdf, .svg).")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Find the scattering of a built device about the designed one; judge by held-out responses.

    The result can be used as DESIGNED again. Noise that nobody tells is estimated from
    configurations that were shown again, or else chosen so that some pilots make the others most
    probable, which takes a few calibrations; Ctrl-C then keeps the one that was finished last.
    """
    from ..calibration.networks import calibrate_and_judge
    from ..files import write_network
    from ..multiport import PortNetwork

    require_writable(output, ".npz")
    require_writable(report, ".html")
    require_writable(figure, ".png", ".pdf", ".svg")
    refuse_overwriting(output, designed, pilots, wires)
    device, nominal, measured = _read(designed, pilots, ports, reading, convention, judging)
    moving, motions = (None, ()) if wires is None else read_moving(wires, nominal)
    judged = calibrate_and_judge(
        device, measured, seed=seed, hold_out=judging.hold_out, moving=moving, on_step=_say_step
    )
    built = PortNetwork.measured(
        judged.found.device.scattering, float(nominal.reference_ohm), float(nominal.frequency_hz)
    )
    write_network(built, output)
    facts = _facts(judged) | {"largest_gain": built.largest_gain}
    for warning in _warnings(judged, built, reading):
        warn(warning)
    moved = motion_rows(judged, motions)
    _draw(judged, facts, moved, report, figure)
    tables = {"motions": moved, "steps": _steps(judged)}
    emit({**facts, "output": str(output), **tables}, as_json=json)
    if not judged.is_whole:
        raise KeyboardInterrupt


def _read(
    designed: Path,
    pilots: Path,
    ports: NetworkPorts,
    reading: NetworkReading,
    convention: Convention,
    judging: Judging,
) -> "tuple[Device, PortNetwork, Pilots]":
    """The designed device, its network, and pilots in our convention that are of it."""
    from .. import calibration
    from ..calibration.networks import check_network_pilots
    from ..errors import require
    from ..files import read_network_pilots
    from ..files.frequency_choice import is_same_frequency
    from ..files.wording import naming

    stored = read_network_pilots(pilots)
    if reading.reference_ohm is None and stored.reference_ohm is not None:
        reading = replace(reading, reference_ohm=stored.reference_ohm)
        told = f"{stored.reference_ohm:g} ohm, as the pilots say"
        warn(f"The designed network is taken at a reference of {told}.")
    device, nominal = read_device(designed, ports, reading)
    expected_hz, found_hz = float(nominal.frequency_hz), stored.frequency_hz
    with naming(pilots):
        require(
            found_hz is None or is_same_frequency(found_hz, expected_hz),
            f"`frequency_hz` of the pilots must be the network's, {expected_hz:.9g}, but is "
            f"{found_hz or 0:.9g}.",
        )
        toggled = calibration.Convention(convention.conjugate, convention.negate_phases)
        read = _with_noise(toggled.read(stored.pilots), convention.noise_variance, judging.snr_db)
        check_network_pilots(read, device)
    _check_convention(read, device, pilots)
    return device, nominal, read


def _with_noise(pilots: "Pilots", variance: float | None, snr_db: float | None) -> "Pilots":
    """With the noise that is told, if it is, else the file's."""
    import numpy as np

    from ..calibration import Pilots
    from ..errors import require

    require(
        variance is None or snr_db is None,
        "Only one of `--noise-variance` and `--snr-db` must be given, but both are.",
    )
    if snr_db is not None:
        require(abs(snr_db) <= 300, f"`--snr-db` must be within ±300, but is {snr_db:g}.")
        # What was received is signal and noise.
        variance = float(np.mean(np.abs(pilots.received) ** 2)) / (1 + 10 ** (snr_db / 10))
    if variance is None:
        return pilots
    return Pilots.measured(pilots.plan, pilots.received, variance)


def _check_convention(pilots: "Pilots", device: "Device", path: Path) -> None:
    from ..calibration import OURS
    from ..calibration.networks import likelier_network_convention, looks_transposed
    from ..errors import require

    require(
        not looks_transposed(device, pilots),
        f"Responses of `{path}` must be slots x receivers x feeds, but the designed network "
        "explains them far better as slots x feeds x receivers: interchange them.",
    )
    likelier = likelier_network_convention(device, pilots)
    # Both turned over is the same as the network turned over.
    both = likelier.conjugated and likelier.phases_negated
    or_network = " (or --network-conjugated, if it is that file which is ours)" if both else ""
    require(
        likelier == OURS,
        f"`{path}` must be in the time convention of the network, but the designed network "
        f"explains it far better if {likelier.words}: toggle {likelier.option}{or_network}, "
        "or a device would be found that does not exist.",
    )


def _say_step(done: int, left: float) -> None:
    import numpy as np

    share_db = 10 * np.log10(max(left, 1e-30))
    typer.echo(f"calibrate: step {done}, {share_db:.1f} dB unexplained before it", err=True)


def _facts(judged: "JudgedNetwork") -> dict[str, Any]:
    found, held_out = judged.found, judged.held_out
    strengths, designed, response = found.strengths, held_out.designed, held_out.predicted.response
    return {
        "configurations": judged.shown,
        "held_out": len(held_out.measured),
        "elements": len(found.remainder) * (len(found.remainder) + 1) // 2,
        "unexplained_as_designed_db": _db(found.left[0]),
        "unexplained_db": _db(found.left[-1]),
        "held_out_nmse_as_designed_db": _db(held_out.nmse(designed)),
        "held_out_nmse_as_designed_after_gain_db": _db(held_out.nmse_after_gain(designed)),
        "held_out_nmse_db": _db(held_out.nmse(response)),
        "held_out_nmse_after_gain_db": _db(held_out.nmse_after_gain(response)),
        "expected_nmse_db": _db(held_out.expected_nmse),
        "error_over_deviation": float(held_out.normalised**0.5),
        "noise_variance": strengths.noise_variance,
        "noise_is_known": judged.noise_source.value,
        "strength_of_all": strengths.of_all,
        **({"strength_of_motion": strengths.of_motion} if len(found.values) else {}),
    }


def _steps(judged: "JudgedNetwork") -> list[dict[str, Any]]:
    return [
        {"steps_done": step, "unexplained_db": _db(left)}
        for step, left in enumerate(judged.found.left)
    ]


def _warnings(judged: "JudgedNetwork", built: "PortNetwork", reading: NetworkReading) -> list[str]:
    """What there is to know of a calibration that its numbers do not say by themselves."""
    warnings, ratio = list[str](), judged.held_out.normalised**0.5
    if ratio > _MOST_OVER_DEVIATION:
        warnings += [
            f"Held-out errors are {ratio:.3g} times what the predictions' deviations and the noise "
            "lead to expect: believe the errors."
        ]
    if built.largest_gain > reading.most_gain:
        warnings += [
            f"The calibrated network creates power, {built.largest_gain:.4g} times what goes in at "
            "most: inside it is known only up to a gauge. To read it again, raise `--most-gain`."
        ]
    return warnings


def _draw(
    judged: "JudgedNetwork",
    facts: dict[str, Any],
    moved: list[dict[str, Any]],
    report: Path | None,
    figure: Path | None,
) -> None:
    """The judgement as a figure, on a page or by itself, if asked for."""
    if report is None and figure is None:
        return
    from ..report import NETWORK_CAPTION, Section, network_figure, write_page
    from .doa import save_figure

    drawing = network_figure(judged)
    if figure is not None:
        save_figure(drawing, figure)
    if report is not None:
        sections = [
            Section(
                "Held-out configurations",
                facts=shown_text(facts),
                figures=[(drawing, NETWORK_CAPTION)],
            )
        ]
        if moved:
            sections += [Section("Where layers are", MOTIONS_TEXT, shown_motions(moved))]
        write_page(report, title="Device calibrated by its network", sections=sections)


def _db(ratio: float) -> float:
    import numpy as np

    return float(10 * np.log10(max(ratio, 1e-30)))
