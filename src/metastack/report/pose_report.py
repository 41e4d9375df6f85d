"""The report of poses, whatever they were found from: what is off, how surely, what is unseen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from ..calibration.estimate import FoundPoses
from ..stack import Stack
from .device_sections import provenance_section, stack_section
from .displacements import displacement_drawing
from .html import Section, write_page
from .pose_errors import pose_estimates

_NOTHING: Mapping[str, str] = MappingProxyType({})


def write_pose_report(
    path: Path,
    *,
    title: str,
    found: FoundPoses,
    facts: Mapping[str, str],
    verdict: str,
    unseen: Sequence[str],
    truth: Stack | None = None,
    provenance: Mapping[str, str] = _NOTHING,
    written: datetime | None = None,
) -> None:
    """Write the report of poses found from energies, a band, or probes as one HTML file.

    Arguments are as in `write_calibration_report`, which says more of pilots at one frequency.

    Raises:
        InputError: a true stack with another number of layers; a file that cannot be written.
    """
    sections = [
        Section("Result", text=found.fit.ending.value, facts=facts),
        displacements_section(found, truth),
        unseen_section(unseen),
        Section("Is the noise explained?", text=verdict),
        stack_section(found.stack),
        provenance_section(provenance, written),
    ]
    layers = found.nominal.layers
    lead = f"A stack of {layers} layer{'' if layers == 1 else 's'}, as it was found to be built."
    write_page(path, title=title, lead=lead, sections=sections)


def displacements_section(calibration: FoundPoses, truth: Stack | None) -> Section:
    """Where the planes stand: drawn, and every displacement with its bar."""
    heading = "What is wrong with the stack"
    if not calibration.unknowns.planes:
        text = "No displacement was looked for: the planes were taken to stand as designed."
        return Section(heading, text=text)
    drawing = (
        "The planes where they were designed to stand, grey, and where they were found, blue; the "
        "wave travels along z. Displacements are drawn larger than they are, by the stated "
        "factors. Where light blue reaches back to grey, a plane may well stand as designed."
    )
    estimates = (
        "Every displacement with two standard deviations, in front of what was expected before the "
        "pilots. A bar much shorter than the band is a measurement; a hollow marker rests on what "
        "was expected and says little about this stack."
    )
    crosses = "" if truth is None else " Of the bars, 95 % should hold the cross of the truth."
    return Section(
        heading,
        figures=[
            (displacement_drawing(calibration, truth), drawing),
            (pose_estimates(calibration, truth), estimates + crosses),
        ],
    )


def unseen_section(unseen: Sequence[str]) -> Section:
    """In one sentence, what was not seen."""
    heading = "What cannot be seen"
    if not unseen:
        return Section(heading, text="The pilots tell everything that was looked for.")
    return Section(heading, text="; ".join(each.rstrip(". ") for each in unseen) + ".")
