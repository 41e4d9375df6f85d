"""`metastack doa-study`: how the error of directions falls with the SNR."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .number_lists import numbers
from .options import AsJson, Seed, SnapshotsX, SnapshotsY
from .output import emit, warn
from .simulate import SourceName, source_named

if TYPE_CHECKING:
    from ..doa import Directions, NoiseLevel, Protocol
    from ..study import Contender, MsePoint
    from .device import Device


# What a figure can tell apart.
_MOST_DEVICES = 6
_SNR_LABELS = {"physical": "SNR at the aperture (dB)", "effective": "effective SNR (dB)"}


class Precision(StrEnum):
    """Precision of a Monte Carlo run."""

    SINGLE = "single"
    DOUBLE = "double"


def doa_study(
    devices: Annotated[
        list[Path],
        typer.Argument(
            metavar="DEVICE...", help="Design files (.nc), or responses (.mat, .npz, .npy)."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the table and the figure.")
    ],
    physical_snr_db: Annotated[
        str | None, typer.Option(help="SNRs at the aperture: 0,10,20 or FIRST:STEP:LAST.")
    ] = None,
    effective_snr_db: Annotated[
        str | None, typer.Option(help="Or the paper's SNRs, which hide the insertion loss.")
    ] = None,
    snapshots_x: SnapshotsX = 4,
    snapshots_y: SnapshotsY = 4,
    estimators: Annotated[
        str, typer.Option(help="Ways of reading each device: of peak, start, ml, by commas.")
    ] = "peak,ml",
    references: Annotated[
        bool, typer.Option(help="Also the digital array, with and without phase.")
    ] = True,
    paper_arrays: Annotated[
        bool,
        typer.Option(
            "--paper-arrays",
            help="Also the paper's digital arrays, N elements and T snapshots, and N T elements "
            "in one, read by the strongest bin.",
        ),
    ] = False,
    trials: Annotated[int, typer.Option(min=2, help="Directions for each point.")] = 2000,
    source: Annotated[SourceName, typer.Option(help="What the source sends.")] = SourceName.STEADY,
    field_of_view_over_pi: Annotated[
        float, typer.Option(help="psi_x and psi_y uniform within plus or minus this.")
    ] = 0.7,
    hemisphere: Annotated[
        bool, typer.Option("--hemisphere", help="Instead, directions uniform over the hemisphere.")
    ] = False,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.99,
    precision: Annotated[Precision, typer.Option(help="Precision of a run.")] = Precision.DOUBLE,
    spacing_wavelengths: Annotated[
        float, typer.Option(help="Spacing of the input layer, where a DEVICE is a response alone.")
    ] = 0.5,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Draw the mean squared error of directions against the SNR, with bounds and intervals.

    Points are written as they are found, and found ones are not computed again: after Ctrl-C
    the same command goes on.
    """
    import jax.numpy as jnp

    from .. import __version__
    from ..doa import Protocol
    from ..study import mse_points
    from .device import read_device
    from .progress import CountProgress
    from .study_table import StudyTable

    read = [read_device(path, spacing_wavelengths=spacing_wavelengths) for path in devices]
    names = _names(devices)
    _refuse_effective(dict(zip(names, read, strict=True)), effective_snr_db)
    contenders = _contenders(
        dict(zip(names, read, strict=True)), (snapshots_x, snapshots_y), estimators
    )
    own = Protocol(read[0].columns, read[0].rows, snapshots_x, snapshots_y)
    contenders += _arrays(own, references=references, paper_arrays=paper_arrays)
    _refuse_too_many(contenders)
    levels = _levels(physical_snr_db, effective_snr_db)
    meaning = "physical" if effective_snr_db is None else "effective"
    directions = _directions(read, field_of_view_over_pi, hemisphere=hemisphere)
    settings = {
        "metastack": __version__,
        "devices": {name: _fingerprint(path) for name, path in zip(names, devices, strict=True)},
        "snr": meaning,
        "snapshots": [snapshots_x, snapshots_y],
        "trials": trials,
        "source": source.value,
        "directions": str(directions),
        "confidence": confidence,
        "precision": precision.value,
        "seed": seed,
    }
    output.mkdir(parents=True, exist_ok=True)
    table = StudyTable.open(output / "mse.csv", settings)
    total = len(contenders) * len(levels)
    new_points = mse_points(
        contenders,
        levels,
        source=source_named(source),
        directions=directions,
        trials=trials,
        seed=seed,
        dtype=jnp.complex64 if precision is Precision.SINGLE else jnp.complex128,
        confidence=confidence,
        is_done=table.has,
    )
    try:
        with CountProgress("points", total) as progress:
            progress.advance(table.count(contenders, levels))
            for point in new_points:
                table.add(point)
                progress.advance(1)
    except KeyboardInterrupt:
        points = table.of(contenders, levels)
        if points:
            _draw(points, meaning, output)
        warn(f"{len(points)} of {total} points are in {output}; the same command goes on.")
        raise
    points = table.of(contenders, levels)
    _draw(points, meaning, output)
    rows = [asdict(point) for point in points]
    emit({"points": len(points), "output": str(output), "results": rows}, as_json=json)


def _names(paths: list[Path]) -> list[str]:
    from ..errors import require

    names = [path.stem for path in paths]
    require(
        len(set(names)) == len(names),
        f"The devices' files must have different names, but they are {', '.join(names)}.",
    )
    return names


def _refuse_effective(devices: "dict[str, Device]", effective_snr_db: str | None) -> None:
    from ..errors import require

    for name, device in devices.items():
        require(
            effective_snr_db is None or device.input_phases_rad is None,
            f"`--effective-snr-db` scales a device to its DFT, but {name} is designed for "
            "information and has none; use `--physical-snr-db`.",
        )


def _fingerprint(path: Path) -> str:
    """A digest of a file, to know whether a study is still about it."""
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()[:16]


def _contenders(
    devices: "dict[str, Device]", snapshots: tuple[int, int], estimators: str
) -> "list[Contender]":
    """Every device with every way of reading it that it allows."""
    from ..doa import Protocol
    from ..errors import require

    readings = list(dict.fromkeys(name.strip() for name in estimators.split(",")))
    known = ("peak", "start", "ml")
    unknown = [name for name in readings if name not in known]
    require(
        not unknown, f"`--estimators` must be of {', '.join(known)}, but has {', '.join(unknown)}."
    )
    first = next(iter(devices.values()))
    contenders: list[Contender] = []
    for name, device in devices.items():
        require(
            (device.columns, device.rows) == (first.columns, first.rows),
            f"All devices must have the same input layer, {first.columns} x {first.rows}, "
            f"but {name} has {device.columns} x {device.rows}.",
        )
        protocol = device.protocol or Protocol(device.columns, device.rows, *snapshots)
        require(
            (protocol.snapshots_x, protocol.snapshots_y) == snapshots,
            f"`--snapshots-x` and `--snapshots-y` must be those that {name} is designed for, "
            f"{protocol.snapshots_x} and {protocol.snapshots_y}, but are {snapshots}.",
        )
        contenders += _of_device(name, device, protocol, readings)
    require(
        bool(contenders),
        "`--estimators` must hold a way of reading one of the devices, but the peak needs a DFT; "
        "use ml.",
    )
    read = {contender.device.name for contender in contenders if contender.reading == "peak"}
    for name in [name for name in devices if "peak" in readings and name not in read]:
        warn(f"{name} is no DFT and has no peak to read: that curve is left out.")
    return contenders


def _arrays(protocol: "Protocol", *, references: bool, paper_arrays: bool) -> "list[Contender]":
    """Digital arrays to compare with."""
    from ..study import Contender, digital_energies, digital_fields, published_arrays

    arrays: list[Contender] = []
    if references:
        arrays.append(Contender(digital_energies(protocol), "ml"))
        arrays.append(Contender(digital_fields(protocol), "matched"))
    if paper_arrays:
        arrays += [Contender(array, "strongest bin") for array in published_arrays(protocol)]
    return arrays


def _refuse_too_many(contenders: "list[Contender]") -> None:
    from ..errors import require

    names = {contender.device.name for contender in contenders}
    require(
        len(names) <= _MOST_DEVICES,
        f"A study must have at most {_MOST_DEVICES} devices, digital arrays counted, but has "
        f"{len(names)}; use several studies, or `--no-references`.",
    )


def _of_device(
    name: str, device: "Device", protocol: "Protocol", readings: list[str]
) -> "list[Contender]":
    from ..study import Contender, designed_stack, patterned_stack
    from .device import is_dft

    bins = is_dft(device)
    if device.input_phases_rad is None:
        studied = designed_stack(name, device.response, protocol, target=device.target, is_dft=bins)
    else:
        studied = patterned_stack(
            name,
            device.response,
            device.input_phases_rad,
            columns=device.columns,
            rows=device.rows,
        )
    return [Contender(studied, each) for each in readings if bins or each != "peak"]


def _levels(physical: str | None, effective: str | None) -> "list[NoiseLevel]":
    from ..doa import EffectiveSnr, PhysicalSnr
    from ..errors import require

    require(
        (physical is None) != (effective is None),
        "Give either `--physical-snr-db` or `--effective-snr-db`.",
    )
    if physical is not None:
        return [PhysicalSnr(db) for db in numbers("--physical-snr-db", physical)]
    return [EffectiveSnr(db) for db in numbers("--effective-snr-db", effective or "")]


def _directions(
    devices: "list[Device]", field_of_view_over_pi: float, *, hemisphere: bool
) -> "Directions":
    from math import pi

    from ..doa import Hemisphere, PsiSquare
    from ..errors import require
    from .device import warn_of_folding

    for device in devices:
        warn_of_folding(device)
    if not hemisphere:
        return PsiSquare(pi * field_of_view_over_pi)
    first = devices[0]
    spacings = {(one.spacing_x_wavelengths, one.spacing_y_wavelengths) for one in devices}
    require(
        len(spacings) == 1,
        "Over the hemisphere all devices must have the same spacing of the input layer, but they "
        f"have {len(spacings)}; use `--field-of-view-over-pi`.",
    )
    return Hemisphere(first.spacing_x_wavelengths, first.spacing_y_wavelengths)


def _draw(points: "list[MsePoint]", snr: str, folder: Path) -> None:
    from ..files import replacing
    from ..report import mse_figure

    figure = mse_figure(points, snr_label=_SNR_LABELS[snr])
    for suffix in ("png", "svg"):
        with replacing(folder / f"mse.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix)
