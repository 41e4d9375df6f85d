"""The report of a calibration: what is off, how surely, what stays unseen, and what is noise."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ..calibration.gauge import matrix_nmse
from ..calibration.geometric import Calibration
from ..calibration.links import Links
from ..stack import Stack
from .device_sections import provenance_section, stack_section
from .html import Section, write_page
from .matrices import link_matrices
from .pose_report import displacements_section, unseen_section
from .residuals import fit_history, residual_figure, to_db

_NOTHING: Mapping[str, str] = MappingProxyType({})


def write_calibration_report(
    path: Path,
    *,
    title: str,
    calibration: Calibration,
    facts: Mapping[str, str],
    verdict: str,
    unseen: Sequence[str],
    truth: Stack | None = None,
    extra: Sequence[Section] = (),
    provenance: Mapping[str, str] = _NOTHING,
    written: datetime | None = None,
) -> None:
    """Write the report of `calibration` as one HTML file.

    `facts`: the numbers of the result. `verdict`: a sentence on whether noise explains what is
    left. `unseen`: in words, what the pilots do not tell. `truth`: the built stack, where it is
    known. `extra`: sections of your own, before the provenance. `provenance`: where the page comes
    from, the command for one. `written`: the date to print, now unless given.

    Raises:
        InputError: a true stack with another number of layers; a file that cannot be written.
    """
    sections = [
        Section("Result", text=calibration.fit.ending.value, facts=facts),
        displacements_section(calibration, truth),
        unseen_section(unseen),
        _matrices(calibration, truth),
        Section("Is the noise explained?", text=verdict, figures=[_residuals(calibration)]),
        Section("Convergence", figures=[_history(calibration)]),
        stack_section(calibration.stack),
        *extra,
        provenance_section(provenance, written),
    ]
    write_page(path, title=title, lead=_lead(calibration), sections=sections)


def matrix_facts(calibration: Calibration, truth: Stack | None) -> dict[str, str]:
    """NMSE of every matrix: raw, from the true one, or by how much calibration has changed it.

    What users see of layer 1 is left out where the truth would need their true positions.
    """
    nominal, found, built = _links(calibration, truth)
    names = _link_names(calibration.nominal)
    changed_db = _nmse_db(found, nominal)
    if built is None:
        return {name: f"changed by {db:.1f} dB" for name, db in zip(names, changed_db, strict=True)}
    users_are_known = len(calibration.unknowns.planes) == calibration.unknowns.size
    shown = slice(0 if users_are_known else 1, None)
    pairs = zip(_nmse_db(nominal, built), _nmse_db(found, built), strict=True)
    return {
        name: f"{before:.1f} dB as designed, {after:.1f} dB as calibrated"
        for name, (before, after) in list(zip(names, pairs, strict=True))[shown]
    }


def _links(calibration: Calibration, truth: Stack | None) -> tuple[Links, Links, Links | None]:
    """As designed, as calibrated, as built."""
    illumination = calibration.pilots.plan.illumination
    built = None if truth is None else Links.of_stack(truth, illumination)
    return Links.of_stack(calibration.nominal, illumination), calibration.links, built


def _link_names(stack: Stack) -> list[str]:
    between = [f"Layer {layer} to layer {layer + 1}" for layer in range(1, stack.layers)]
    return ["Users to layer 1", *between, f"Layer {stack.layers} to antennas"]


def _nmse_db(one: Links, other: Links) -> Float[np.ndarray, " links"]:
    return to_db(matrix_nmse([*map(np.asarray, one)], [*map(np.asarray, other)]))


def _lead(calibration: Calibration) -> str:
    slots, antennas, users = calibration.pilots.received.shape
    before_db, after_db = to_db(calibration.fit.history[[0, -1]])
    return (
        f"A stack of {_many(calibration.nominal.layers, 'layer')}, calibrated from "
        f"{_many(slots, 'slot')} of {_many(users, 'user')} at {_many(antennas, 'antenna')}. As "
        f"designed it leaves {before_db:.1f} dB of the pilots' energy unexplained, as calibrated "
        f"{after_db:.1f} dB."
    )


def _many(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _matrices(calibration: Calibration, truth: Stack | None) -> Section:
    """All matrices in numbers, and of those between layers the one that was changed most."""
    nominal, found, built = _links(calibration, truth)
    inner = _nmse_db(found, nominal)[1:-1]
    link = 1 + int(np.argmax(inner)) if len(inner) else 1
    name = _link_names(calibration.nominal)[link].lower()
    why = ", of those between layers the one that calibration has changed most" * bool(len(inner))
    caption = (
        f"The matrix from {name}{why}. Magnitudes look alike even where the stack computes "
        "something else, so look at the differences: 0 dB is one as large as the entries are in "
        "the root mean square."
    )
    text = "NMSE of the matrices" + (" as they were built." if truth is not None else ".")
    figures = [(link_matrices(nominal, found, built, link), caption)]
    return Section("Matrices", text, matrix_facts(calibration, truth), figures)


def _residuals(calibration: Calibration) -> tuple[Figure, str]:
    return residual_figure(calibration), (
        "What is left of the pilots once the calibrated stack is taken away. Above, how large the "
        "residuals are: those of pure noise follow the dashed line. Below, slot by slot: red ones "
        "lie outside the band of 99 % of noise; many of them, or neighbours, mean that something "
        "happened in these slots, or that the model is wrong."
    )


def _history(calibration: Calibration) -> tuple[Figure, str]:
    return fit_history(calibration), (
        "How what is left of the pilots fell. It should end at the dashed noise; a curve that ends "
        "above it holds something that the model cannot say."
    )
