"""`metastack doa`: from a recording to directions."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DevicePath, require_writable
from .output import emit, warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..doa import OrderCriterion, Protocol
    from ..files import Recording
    from .device import Device
    from .doa_estimates import Found, Task


class EstimatorName(StrEnum):
    """Names of the estimators on the command line."""

    ML = "ml"
    START = "start"
    PEAK = "peak"
    MATCHED = "matched"
    DIGITAL = "digital"
    MUSIC = "music"
    ESPRIT = "esprit"


_FOR_SEVERAL = (EstimatorName.ML, EstimatorName.MUSIC, EstimatorName.ESPRIT)


def doa(
    device: DevicePath,
    snapshots: Annotated[
        Path, typer.Argument(metavar="SNAPSHOTS", help="Recording (.nc, .npz, .mat, .csv).")
    ],
    estimator: Annotated[
        EstimatorName,
        typer.Option(
            help="From energies, ml: maximum likelihood; start: its closed-form start; peak: the "
            "paper's strongest bin. From complex fields, matched: steering matched to the device; "
            "digital, music, esprit: methods of arrays on the fields at the input layer."
        ),
    ] = EstimatorName.ML,
    sources: Annotated[
        str, typer.Option(help="Number of sources (ml, music, esprit), or auto to find it (ml).")
    ] = "1",
    false_alarm: Annotated[
        float | None,
        typer.Option(help="With --sources auto: chance that noise feigns a source (.001)."),
    ] = None,
    information_criterion: Annotated[
        bool,
        typer.Option(
            "--information-criterion", help="With --sources auto: count by Schwarz's criterion."
        ),
    ] = False,
    noise_variance: Annotated[
        float | None,
        typer.Option(help="Noise power of a probe, in the unit of the energies; else estimated."),
    ] = None,
    fading: Annotated[
        bool, typer.Option("--fading", help="The source's power changes between snapshots.")
    ] = False,
    subarray: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Columns and rows of subarrays to smooth over, for music and esprit."),
    ] = None,
    no_patterns: Annotated[
        bool,
        typer.Option("--no-patterns", help="The input layer stood still in all snapshots."),
    ] = False,
    spacing_wavelengths: Annotated[
        float, typer.Option(help="Spacing of the input layer, where DEVICE is a response alone.")
    ] = 0.5,
    spectrum: Annotated[
        Path | None, typer.Option(help="Draw the angular spectrum here (.png, .svg, .pdf).")
    ] = None,
    likelihood: Annotated[
        Path | None,
        typer.Option(help="Draw the likelihood and the error ellipse here (.png, .svg, .pdf)."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Read directions of arrival from a recording of energies, with standard deviations."""
    from ..files import check_recording, read_recording
    from . import doa_estimates as estimates
    from .device import read_device, warn_of_folding

    for picture in (spectrum, likelihood):
        require_writable(picture, ".png", ".svg", ".pdf")
    recording = read_recording(snapshots)
    read = read_device(device, spacing_wavelengths=spacing_wavelengths, recording=recording)
    check_recording(recording, probes=read.response.shape[0])
    protocol = protocol_of(recording, read)
    if no_patterns:
        read = read.without_patterns(protocol.snapshots)
    task = estimates.Task(read, protocol, recording, noise_variance, fading)
    count = _count(sources, estimator, fading=fading)
    _refuse_idle_options(
        estimator,
        {
            "--subarray": subarray,
            "--fading": fading,
            "--noise-variance": noise_variance,
            "--likelihood": likelihood,
        },
    )
    criterion = _criterion(count, false_alarm, information_criterion=information_criterion)
    warn_of_folding(read)
    found = _estimate(task, estimator, count, criterion, subarray)
    if spectrum is not None:
        draw_spectrum(spectrum, task, found)
    if likelihood is not None and found.psi_rad:
        draw_likelihood(likelihood, task, found)
    elif likelihood is not None:
        warn("No source was found, so that `--likelihood` has nothing to draw.")
    for warning in found.warnings:
        warn(warning)
    emit(found.answer | _truth(recording), as_json=json)


def _estimate(
    task: "Task",
    estimator: EstimatorName,
    count: int | None,
    criterion: "OrderCriterion",
    subarray: tuple[int, int] | None,
) -> "Found":
    """What the estimator makes of a recording."""
    from . import doa_coherent as coherent, doa_estimates as estimates

    single: dict[EstimatorName, Callable[[Task], Found]] = {
        EstimatorName.START: estimates.start,
        EstimatorName.PEAK: estimates.peak,
        EstimatorName.MATCHED: coherent.matched,
        EstimatorName.DIGITAL: coherent.digital,
    }
    if estimator in single:
        return single[estimator](task)
    if estimator is EstimatorName.MUSIC:
        return coherent.music(task, count or 1, subarray)
    if estimator is EstimatorName.ESPRIT:
        return coherent.esprit(task, count or 1, subarray)
    if count == 1:
        return estimates.one_source(task)
    return estimates.several_sources(task, count, criterion)


_USED_BY = {
    "--subarray": (EstimatorName.MUSIC, EstimatorName.ESPRIT),
    "--fading": (EstimatorName.ML, EstimatorName.MATCHED),
    "--noise-variance": (EstimatorName.ML,),
    "--likelihood": (EstimatorName.ML,),
}


def _refuse_idle_options(estimator: EstimatorName, options: Mapping[str, object]) -> None:
    """Refuse options that the estimator does not use."""
    from ..errors import require

    for name, value in options.items():
        require(
            value is None or value is False or estimator in _USED_BY[name],
            f"`{name}` belongs to {' and '.join(_USED_BY[name])}, but the estimator is "
            f"{estimator.value}.",
        )


def _criterion(
    count: int | None, false_alarm: float | None, *, information_criterion: bool
) -> "OrderCriterion":
    """What a further source has to pay."""
    from ..doa import BayesianInformation, GeneralisedLikelihoodRatio
    from ..errors import require

    require(
        count is None or not (false_alarm is not None or information_criterion),
        "`--false-alarm` and `--information-criterion` belong to `--sources auto`, but the number "
        f"of sources is {count}.",
    )
    require(
        false_alarm is None or not information_criterion,
        "Give either `--false-alarm` or `--information-criterion`, not both.",
    )
    if information_criterion:
        return BayesianInformation()
    return GeneralisedLikelihoodRatio(1e-3 if false_alarm is None else false_alarm)


def _count(sources: str, estimator: EstimatorName, *, fading: bool) -> int | None:
    """How many sources to look for; nothing if that is to be found."""
    from ..errors import require

    require(
        sources == "auto" or (sources.isdecimal() and int(sources) >= 1),
        f"`--sources` must be a whole number of at least 1 or auto, but is {sources!r}.",
    )
    single = sources == "1"
    able = _FOR_SEVERAL if sources != "auto" else (EstimatorName.ML,)
    require(
        single or estimator in able,
        f"`--sources {sources}` needs `--estimator` {' or '.join(able)}, but it is "
        f"{estimator.value}.",
    )
    require(single or not fading, "`--fading` must go with one source, but there are several.")
    return None if sources == "auto" else int(sources)


def protocol_of(recording: "Recording", device: "Device") -> "Protocol":
    """The protocol that a recording was made with; square if the recording does not say.

    Raises:
        InputError: the number of snapshots forms no grid, or the ports are others.
    """
    from math import isqrt

    from ..doa import Protocol
    from ..errors import require

    count = len(recording.energies)
    for name in ("columns", "rows"):
        stored, expected = getattr(recording, name), getattr(device, name)
        require(
            stored in (None, expected),
            f"`{name}` of the recording must be {expected} as in the device, but is {stored}.",
        )
    if device.protocol is not None:
        require(
            count == device.protocol.snapshots,
            f"The recording must have the {device.protocol.snapshots} snapshots that the design "
            f"is for, but has {count}.",
        )
        return device.protocol
    require(
        bool(recording.snapshots_x or recording.snapshots_y) or isqrt(count) ** 2 == count,
        f"A recording without `snapshots_x` and `snapshots_y` must have a square number of "
        f"snapshots, but has {count}; store them in it.",
    )
    along_x = recording.snapshots_x or (
        count // recording.snapshots_y if recording.snapshots_y else isqrt(count)
    )
    along_y = recording.snapshots_y or count // along_x
    require(
        along_x * along_y == count,
        f"The recording must have snapshots_x x snapshots_y snapshots, but has {count}; "
        "store `snapshots_x` and `snapshots_y` in it.",
    )
    return Protocol(device.columns, device.rows, along_x, along_y)


def _truth(recording: "Recording") -> dict[str, float]:
    """The true electrical angles, where the recording knows them."""
    import numpy as np

    if recording.psi_x_rad is None or recording.psi_y_rad is None:
        return {}
    return {
        "true_psi_x_over_pi": recording.psi_x_rad / np.pi,
        "true_psi_y_over_pi": recording.psi_y_rad / np.pi,
    }


def draw_spectrum(path: Path, task: "Task", found: "Found") -> None:
    """Draw the angular spectrum of a recording with its estimate and, if known, the truth."""
    from ..report import angular_spectrum_map

    save_figure(angular_spectrum_map(**spectrum_facts(task, found)), path)


def spectrum_facts(task: "Task", found: "Found") -> dict[str, Any]:
    """The spectrum over both angles, and the directions to mark in it."""
    from ..doa import angular_spectrum
    from .device import require_dft

    require_dft(task.device)
    spectrum = angular_spectrum(task.recording.energies, task.protocol)
    return {
        "psi_x_rad": spectrum.psi_x_rad,
        "psi_y_rad": spectrum.psi_y_rad,
        "power_db": spectrum.power_db,
        "true_psi": task.true_psi,
        "estimated_psi": found.psi_rad,
    }


def draw_likelihood(path: Path, task: "Task", found: "Found") -> None:
    """Draw the likelihood of one source over all directions, and the error ellipse."""
    from ..report import likelihood_surface
    from .doa_estimates import likelihood_facts

    save_figure(likelihood_surface(**likelihood_facts(task, found)), path)


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure whole or not at all."""
    from ..files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip("."))
