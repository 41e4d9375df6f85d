"""What moves in a calibrated network, by its wires: reading them, and telling where they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .network_wires import warn_of_mismatch

if TYPE_CHECKING:
    from ..calibration.networks import JudgedNetwork, MovingWireNetwork
    from ..multiport import LayerMotion, PortNetwork

MOTIONS_TEXT = (
    "Away from where they were designed to be, with the standard deviation that the pilots leave: "
    "axial towards the receivers, vertical along the wires, rotation about the axis from feeds to "
    "receivers. Screens are told against the elements of their layers."
)


def read_moving(
    path: Path, designed: "PortNetwork"
) -> "tuple[MovingWireNetwork, tuple[LayerMotion, ...]]":
    """How the designed network follows the wires of a file, and what its values are.

    Raises:
        InputError: the file cannot be read, or holds wires of another device or frequency.
    """
    from ..calibration.networks import MovingWireNetwork
    from ..errors import require
    from ..files.frequency_choice import is_same_frequency
    from ..files.wires_file import read_wires
    from ..files.wording import naming

    prepared, expected_hz = read_wires(path), float(designed.frequency_hz)
    with naming(path):
        require(
            is_same_frequency(prepared.frequency_hz, expected_hz),
            f"Wires must be prepared at the network's frequency, {expected_hz:.9g} Hz, but are at "
            f"{prepared.frequency_hz:.9g} Hz.",
        )
        moving = MovingWireNetwork.of(designed, prepared.wires)
    warn_of_mismatch(moving)
    return moving, prepared.motions


def motion_rows(judged: "JudgedNetwork", motions: "Sequence[LayerMotion]") -> list[dict[str, Any]]:
    """Of every motion where it was found, how surely, and what was expected, in its unit."""
    values, deviations = judged.found.values, judged.values_deviation
    return [
        {
            "motion": motion.name,
            "value": float(value) * motion.deviation,
            "deviation": float(deviation) * motion.deviation,
            "expected_deviation": motion.deviation,
            "unit": motion.unit,
        }
        for motion, value, deviation in zip(motions, values, deviations, strict=True)
    ]


def shown_motions(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """As '-0.044 λ ± 0.002', for a page."""
    return {
        row["motion"].capitalize(): (
            f"{row['value']:.4g} {row['unit']} ± {row['deviation']:.2g} "
            f"(expected ± {row['expected_deviation']:.2g})"
        )
        for row in rows
    }
