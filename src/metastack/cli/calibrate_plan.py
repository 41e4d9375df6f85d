"""`metastack calibrate plan`: which phases to show, and how many, before anything is measured."""

from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath
from .output import emit
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import DesignedPlan, Illumination, Receivers
    from ..stack import Stack


class ReceiversName(StrEnum):
    """What receivers tell of a response."""

    FIELDS = "fields"
    ENERGIES = "energies"


@option_groups
def plan(
    stack: StackPath,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Plan to write (.nc, .npz, .mat, or a .csv folder)."),
    ],
    snr_db: Annotated[float, typer.Option(help="SNR of an antenna, mean over random phases.")],
    slots: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Slots of the plan.  [default: 20]")
    ] = None,
    wanted_improvement_db: Annotated[
        float | None,
        typer.Option(help="Instead, as few slots as make the layers' matrices so much nearer."),
    ] = None,
    random: Annotated[
        bool, typer.Option("--random", help="Random phases, instead of designed ones.")
    ] = False,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Allow only 2^bits phases an atom.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the design.")] = 150,
    tolerances: Tolerances = PUBLISHED,
    receivers: Annotated[
        ReceiversName, typer.Option(help="What receivers tell: fields, or energies alone.")
    ] = ReceiversName.FIELDS,
    user_deviation: Annotated[
        float,
        typer.Option(help="Users are off too: metres (--near) or direction cosines (--far)."),
    ] = 0.0,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Plan pilots that tell most of what may be off, and predict what they will tell.

    Without users every input port is fed by itself. The gain is taken to be one overall. Ctrl-C
    ends the design and writes how far it came; a search for the number of slots is given up.
    """
    from ..calibration import (
        Ending,
        EnergyReceivers,
        Expected,
        FieldReceivers,
        FromInputPorts,
        random_plan,
        random_slots_needed,
        reference_power,
        unseen_from,
    )
    from ..errors import require
    from ..files import read_stack, write_plan
    from .simulate import check_db
    from .simulate_pilots import require_pilots_writable

    require_pilots_writable(output)
    check_db("snr-db", snr_db)
    check_db("wanted-improvement-db", wanted_improvement_db)
    require(
        slots is None or wanted_improvement_db is None,
        "Give either `--slots` or `--wanted-improvement-db`, not both.",
    )
    device = read_stack(stack).stack
    illumination = illumination_of(lighting) or FromInputPorts()
    expected = Expected.within(
        imperfections_of(device, tolerances),
        users=user_deviation,
    )
    variance = reference_power(device, illumination) * 10 ** (-snr_db / 10)
    kinds: dict[ReceiversName, type[Receivers]] = {
        ReceiversName.FIELDS: FieldReceivers,
        ReceiversName.ENERGIES: EnergyReceivers,
    }
    kind = kinds[receivers]()
    known: dict[str, Any] = {
        "expected": expected,
        "noise_variance": variance,
        "receivers": kind,
        "seed": seed,
    }
    many = slots or 20
    if wanted_improvement_db is not None:
        many = _needed(device, illumination, wanted_improvement_db, known, random=random)
    if random:
        chosen = random_plan(device, many, illumination, seed=seed, bits=bits)
        ending = Ending.CONVERGED
    else:
        designed = _designed(device, illumination, many, known, bits, steps)
        chosen, ending = designed.plan, designed.ending
    write_plan(
        chosen,
        output,
        frequency_hz=float(device.frequency_hz),
        wave_speed_m_per_s=float(device.wave_speed_m_per_s),
    )
    bound = kind.bound(device, chosen, expected, noise_variance=variance)
    as_random = None
    if isfinite(bound.improvement_db):
        as_random = random_slots_needed(
            device, illumination, improvement_db=bound.improvement_db, **known
        )
    blind = unseen_from(bound, antennas=device.receiver_array.size)
    answer = {
        "slots": many,
        "expected_improvement_db": bound.improvement_db,
        "random_slots_for_as_much": as_random,
        "noise_variance": variance,
        "not_seen": "; ".join(blind.sentences) or "nothing that may be off",
    }
    emit({**answer, "output": str(output)}, as_json=json)
    if ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt


def _needed(
    device: "Stack",
    illumination: "Illumination",
    improvement_db: float,
    known: dict[str, Any],
    *,
    random: bool,
) -> int:
    """The number of slots that reach an improvement."""
    from ..calibration import designed_slots_needed, random_slots_needed
    from ..errors import InputError

    def tried(slots: int, reached_db: float) -> None:
        typer.echo(f"plan: {slots} designed slots give {reached_db:.2f} dB", err=True)

    if random:
        found = random_slots_needed(device, illumination, improvement_db=improvement_db, **known)
    else:
        found = designed_slots_needed(
            device, illumination, improvement_db=improvement_db, on_plan=tried, **known
        )
    if found is None:
        raise InputError(
            f"`--wanted-improvement-db` must be within reach, but {improvement_db} is not with any "
            "number of slots that was tried; raise `--snr-db`, or add antennas or users."
        )
    return found


def _designed(
    device: "Stack",
    illumination: "Illumination",
    slots: int,
    known: dict[str, Any],
    bits: int | None,
    steps: int,
) -> "DesignedPlan":
    """A designed plan, with progress."""
    from ..calibration import design_plan
    from .progress import CountProgress

    with CountProgress("plan", steps) as progress:
        return design_plan(
            device,
            slots,
            illumination,
            bits=bits,
            steps=steps,
            on_step=lambda done: progress.advance(1),
            **known,
        )
