"""What there is to say of a calibration, and the files that it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from ..calibration import (
    Calibration,
    Illumination,
    Links,
    ResidualTest,
    ThreeFigures,
    between_layers,
    delta_nmse,
    end_to_end_nmse,
    gauge_floor,
    prior_nmse,
    residual_test,
    unseen_by,
)
from ..calibration.bounds import LARGEST_LINEAR_NMSE
from ..calibration.estimate import FoundPoses
from ..calibration.unknowns import DEGREES_OF_FREEDOM, Unknowns, plane_name
from ..errors import require
from ..files import StackDescription, read_stack, write_stack
from ..files.atomic import replacing
from ..precision import float64
from ..stack import Stack
from .options import command_line
from .output import shown_text

if TYPE_CHECKING:
    from ..report import Section


# More times the energy of the noise, and deviations mean nothing.
_MOST_INFLATED = 1e4


@dataclass(frozen=True, eq=False)
class Answer:
    """The numbers of a calibration, its tables, and the test of its residual."""

    facts: Mapping[str, Any]
    tables: Mapping[str, Any]
    test: ResidualTest
    not_seen: tuple[str, ...]


def answer_of(calibration: Calibration, truth: Stack | None) -> Answer:
    """Everything that the command says of a calibration."""
    test, blind = residual_test(calibration), unseen_by(calibration)
    slots, antennas, users = calibration.pilots.received.shape
    fit = calibration.fit
    facts: dict[str, Any] = {
        "slots": slots,
        "antennas": antennas,
        "users": users,
        "unknowns": calibration.unknowns.size,
        "outcome": fit.ending.value,
        "iterations": len(fit.history) - 1,
        "unexplained_as_designed_db": decibels_of(fit.history[0]),
        "unexplained_db": decibels_of(fit.history[-1]),
        "held_out_nmse_db": decibels_of(test.held_out_nmse),
        "noise_variance": fit.noise_variance,
        "noise_is_estimated": calibration.pilots.noise_variance is None,
        "expected_improvement_db": expected_improvement_db(calibration) if test.explained else None,
        "residual_explained": test.explained,
        "verdict": test.sentence,
        "not_seen": "; ".join(blind.sentences) or "nothing that was looked for",
    }
    if calibration.atom_deviation:
        facts["atom_gain_deviation"] = calibration.atom_deviation
    inflation = inflation_of(test.noise_ratio, explained=test.explained)
    tables: dict[str, Any] = {"planes": planes_found(calibration, blind.is_unseen, inflation)}
    if of_users := users_found(calibration, inflation):
        tables["users_found"] = of_users
    if stuck := _stuck(calibration):
        facts["stuck_or_dead_atoms"] = len(stuck)
        tables["stuck_atoms"] = stuck
    if truth is not None:
        lit = calibration.pilots.plan.illumination
        compared, tables["matrices"] = links_against_truth(
            calibration.links, calibration.nominal, truth, lit
        )
        # With atoms as they were found, which the matrices alone leave out.
        held_out = end_to_end_nmse(
            calibration.stack, truth, lit, found_illumination=calibration.illumination
        )
        facts |= compared | {"true_held_out_nmse_db": decibels_of(held_out)}
    return Answer(facts, tables, test, blind.sentences)


def write_calibrated(description: StackDescription, calibration: FoundPoses, path: Path) -> None:
    """The calibrated stack as a stack file like any other."""
    name = f"{description.name}, calibrated"
    write_stack(replace(description, stack=calibration.stack, name=name), path)


def write_matrices(links: Links, path: Path) -> None:
    """The matrices A_0, A_1, …, from users to antennas, as arrays of these names."""
    arrays = {f"A_{number}": np.asarray(link) for number, link in enumerate(links)}
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npz":
            np.savez_compressed(temporary, allow_pickle=False, **arrays)
            return
        from scipy.io import savemat

        savemat(temporary, arrays, do_compression=True)


def write_page(
    path: Path,
    title: str,
    calibration: Calibration,
    answer: Answer,
    truth: Stack | None,
    extra: "Sequence[Section]" = (),
) -> None:
    """The report of a calibration with the command that writes it, and sections of your own."""
    from ..report import write_calibration_report

    told = ("verdict", "not_seen", "outcome")
    write_calibration_report(
        path,
        title=title,
        calibration=calibration,
        facts=shown_text({key: v for key, v in answer.facts.items() if key not in told}),
        verdict=answer.test.sentence,
        unseen=answer.not_seen,
        truth=truth,
        extra=extra,
        provenance={"Command": command_line()},
    )


def write_pose_page(
    path: Path,
    title: str,
    found: FoundPoses,
    facts: Mapping[str, Any],
    unseen: Sequence[str],
    truth: Stack | None,
) -> None:
    """The report of poses from other than pilots at one frequency; `facts` hold the verdict."""
    from ..report import write_pose_report

    told = ("verdict", "not_seen", "outcome")
    write_pose_report(
        path,
        title=title,
        found=found,
        facts=shown_text({key: v for key, v in facts.items() if key not in told}),
        verdict=facts["verdict"],
        unseen=unseen,
        truth=truth,
        provenance={"Command": command_line()},
    )


def read_truth(path: Path | None, nominal: Stack) -> Stack | None:
    """The built stack, if it is known.

    Raises:
        InputError: it is of another size.
    """
    if path is None:
        return None
    truth = read_stack(path).stack
    sizes = [
        (each.phases_shape, each.input_array.size, each.receiver_array.size)
        for each in (nominal, truth)
    ]
    require(
        sizes[0] == sizes[1],
        f"`--truth` must be a stack of the same size, layers x atoms {sizes[0][0]}, {sizes[0][1]} "
        f"inputs and {sizes[0][2]} receivers, but is of {sizes[1][0]}, {sizes[1][1]}, "
        f"{sizes[1][2]}.",
    )
    return truth


def links_against_truth(
    links: Links, nominal: Stack, truth: Stack, illumination: Illumination
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The three figures of calibrated links, and every matrix as designed and as calibrated."""
    designed = Links.of_stack(nominal, illumination)
    built = Links.of_stack(truth, illumination)
    before, after = ThreeFigures.of(designed, built), ThreeFigures.of(links, built)
    floor = gauge_floor(list(built), list(designed))
    facts = {
        "improvement_db": improvement_db(before.raw, after.raw),
        "improvement_in_best_gauge_db": improvement_db(before.aligned, after.aligned),
        "true_held_out_nmse_as_designed_db": decibels_of(before.held_out),
        "true_held_out_nmse_db": decibels_of(after.held_out),
    }
    columns = {
        "as_designed_db": before.raw,
        "calibrated_db": after.raw,
        "as_designed_best_gauge_db": before.aligned,
        "calibrated_best_gauge_db": after.aligned,
        "floor_of_free_entries_db": floor,
    }
    return facts, [
        {"matrix": f"A_{number}", **{key: decibels_of(v[number]) for key, v in columns.items()}}
        for number in range(len(floor))
    ]


def improvement_db(before: Any, after: Any) -> float:
    """Mean NMSE of the matrices between layers before, over that after."""
    return decibels_of(between_layers(before).mean() / between_layers(after).mean())


def expected_improvement_db(calibration: FoundPoses) -> float | None:
    """By how much the matrices between layers should be nearer, by the error bars; with a prior."""
    unknowns = calibration.unknowns
    if not unknowns.has_prior.all():
        return None
    spread = calibration.fit.covariance[: unknowns.size, : unknowns.size]
    with float64():
        after, before = delta_nmse(unknowns, calibration.values, spread), prior_nmse(unknowns)
    if not after.any() or not np.all(between_layers(before) < LARGEST_LINEAR_NMSE):
        return None
    return improvement_db(before, after)


def inflation_of(noise_ratio: float | None, *, explained: bool) -> float | None:
    """What deviations are multiplied by where the known noise does not explain what is left.

    None where that is beyond all measure.
    """
    if noise_ratio is None or explained:
        return 1.0
    return max(noise_ratio, 1.0) ** 0.5 if noise_ratio < _MOST_INFLATED else None


def users_found(calibration: FoundPoses, inflation: float | None) -> list[dict[str, Any]]:
    """Coordinates of every user as found, where they were looked for: metres or cosines."""
    unknowns = calibration.unknowns
    many = unknowns.size - len(unknowns.planes)
    if not many:
        return []
    coordinates = np.asarray(getattr(calibration.illumination, "waves").coordinates)  # noqa: B009
    unit = "m" if coordinates.shape[1] == 3 else "cosine"
    deviations = (calibration.deviation * unknowns.unit)[-many:].reshape(coordinates.shape)
    rows = list[dict[str, Any]]()
    for number, (place, deviation) in enumerate(zip(coordinates, deviations, strict=True)):
        row: dict[str, Any] = {"user": number}
        for axis, value, each in zip("xyz", place, deviation, strict=False):
            row[f"{axis}_{unit}"] = float(value)
            row[f"{axis}_deviation_{unit}"] = None if inflation is None else inflation * float(each)
        rows.append(row)
    return rows


def planes_found(
    calibration: FoundPoses, is_unseen: Any, inflation: float | None
) -> list[dict[str, Any]]:
    """Displacement and standard deviation of every plane; nothing where pilots tell nothing."""
    spread = None if inflation is None else inflation * calibration.deviation
    return plane_rows(calibration.unknowns, calibration.values, spread, is_unseen)


def plane_rows(
    unknowns: Unknowns,
    values: Float[np.ndarray, " unknowns"],
    deviations: Float[np.ndarray, " unknowns"] | None,
    is_unseen: Bool[np.ndarray, " unknowns"],
) -> list[dict[str, Any]]:
    """What is known of every plane, both in units of the unknowns; nothing of what is unseen."""
    rows = dict[int, dict[str, Any]]()
    wavelength_m = float(unknowns.stack.wavelength_m)
    used = sorted(set(unknowns.freedoms))
    for index, (plane, freedom) in enumerate(zip(unknowns.planes, unknowns.freedoms, strict=True)):
        row = rows.setdefault(plane, {"plane": plane_name(plane, unknowns.stack)})
        row |= {} if len(row) > 1 else {key: None for each in used for key in _keys(each)}
        if not is_unseen[index]:
            unit = unknowns.unit[index] / (wavelength_m if freedom < 3 else np.pi / 180)
            deviation = None if deviations is None else deviations[index] * unit
            row |= zip(_keys(freedom), (values[index] * unit, deviation), strict=True)
    return list(rows.values())


def _keys(freedom: int) -> tuple[str, str]:
    name, unit = DEGREES_OF_FREEDOM[freedom].split("_")
    ending = "wavelengths" if unit == "m" else "deg"
    return f"{name}_{ending}", f"{name}_deviation_{ending}"


def _stuck(calibration: Calibration) -> list[dict[str, Any]]:
    atoms: Any = calibration.stack.atoms
    while hasattr(atoms, "base") and not hasattr(atoms, "is_stuck"):
        atoms = atoms.base
    is_stuck = np.asarray(getattr(atoms, "is_stuck", np.zeros((0, 0), bool)))
    transmission = np.asarray(getattr(atoms, "transmission", 0))
    return [
        {
            "layer": int(layer) + 1,
            "atom": int(atom),
            "amplitude": float(np.abs(transmission[layer, atom])),
            "phase_deg": float(np.degrees(np.angle(transmission[layer, atom]))),
        }
        for layer, atom in np.argwhere(is_stuck)
    ]


def decibels_of(ratio: Any) -> float:
    """10 log10 of a power ratio; -inf for 0."""
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(ratio))
