"""What a design gains from a model with reflections: phases of several models, judged by the whole.

A device is its whole network. A product of matrices lets waves cross every gap once; gaps in a row
reflect to and fro, but nothing couples past a layer. Each model designs its own phases, and all are
judged by what they do in the device.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..design import DEFAULT_GOAL_DB, ProgrammedDevice, ResponseDesign, design_response
from ..multiport import Device, MatchedAtoms
from ..precision import in_float64
from ..targets import decibels, insertion_loss_db, nmse

# What designs, as a part of the whole device.
DESIGNERS: Mapping[str, Callable[[Device], Device]] = {
    "product": lambda device: device.cascade().without_reflections().device(),
    "gaps in a row": lambda device: device.cascade().device(),
    "whole network": lambda device: device,
}


@dataclass(frozen=True, eq=False)
class JudgedDesigns:
    """Phases from all starts of one model, and what each does in the device.

    `best` is the start that the model itself takes for its best.
    """

    model: str
    designs: Sequence[ResponseDesign]
    responses: Complex[np.ndarray, "starts receivers feeds"]
    nmse_db: Float[np.ndarray, " starts"]
    insertion_loss_db: Float[np.ndarray, " starts"]

    @property
    def best(self) -> int:
        """Which start is best by the error that its own model sees."""
        return int(np.argmin([design.error_db for design in self.designs]))


@in_float64
def compare_designers(
    device: Device,
    target: Complex[np.ndarray, "receivers feeds"],
    *,
    insertion_loss: float | None = None,
    starts: int = 8,
    seed: int = 0,
    goal_db: float = DEFAULT_GOAL_DB,
    on_model: Callable[[JudgedDesigns], None] = lambda _: None,
) -> list[JudgedDesigns]:
    """Design for `target` by each model, and judge all phases by the device.

    `insertion_loss`: prescribed, in decibels, as each model has it. `on_model` is told each model's
    designs as they are done.

    Raises:
        InputError: as `design_response`.
    """
    judged = list[JudgedDesigns]()
    for model, part in DESIGNERS.items():
        designs = design_response(
            ProgrammedDevice(part(device)),
            target,
            insertion_loss_db=insertion_loss,
            starts=starts,
            seed=seed,
            goal_db=goal_db,
        )
        judged.append(_judged(model, device, designs))
        on_model(judged[-1])
    return judged


def _judged(model: str, device: Device, designs: Sequence[ResponseDesign]) -> JudgedDesigns:
    phases = np.stack([design.phases_rad for design in designs])
    responses = np.asarray(device.response(MatchedAtoms.of_phases(phases)))
    target = designs[0].target
    return JudgedDesigns(
        model,
        designs,
        responses,
        np.asarray(decibels(nmse(responses, target))),
        np.asarray(insertion_loss_db(responses)),
    )
