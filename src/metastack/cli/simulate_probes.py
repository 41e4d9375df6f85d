"""`metastack simulate probes`: pilots through a built stack, and what probes in it read."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit
from .simulate_pilots import gain_of, plan_of

if TYPE_CHECKING:
    from ..calibration import PowerProbes
    from ..calibration.illumination import Illumination
    from ..stack import Stack


class Placement(StrEnum):
    """How probes are placed behind a layer."""

    SPREAD = "spread"
    RANDOM = "random"


@dataclass(frozen=True)
class Probing:
    """Which probes there are, and how well they see; by default three behind every layer."""

    behind: Annotated[
        list[int] | None,
        typer.Option(
            help="A layer with probes behind it, from 1; again for more.  [default: all]",
            show_default=False,
        ),
    ] = None
    probes: Annotated[int, typer.Option(min=1, help="Probes behind each of these layers.")] = 3
    placement: Annotated[
        Placement, typer.Option(help="Behind which atoms: evenly spread, or by chance.")
    ] = Placement.SPREAD
    atom: Annotated[
        list[int] | None,
        typer.Option(
            help="Or behind this atom of each layer, from 0; again for more.", show_default=False
        ),
    ] = None
    distance_wavelengths: Annotated[
        float | None,
        typer.Option(help="From the layer to its probes.  [default: half of the gap]"),
    ] = None
    probe_snr_db: Annotated[
        float, typer.Option(help="SNR of a probe in a slot, mean over random phases.")
    ] = 30.0
    probe_spread_db: Annotated[
        float, typer.Option(min=0, help="What probes make of power: standard deviation.")
    ] = 1.0


_THREE_BEHIND_ALL = Probing()


@option_groups
def probes(
    stack: StackPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Pilots and readings to write (.nc, .npz, .mat).")
    ],
    probing: Probing = _THREE_BEHIND_ALL,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Phases to show; random ones if not told.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Slots of random phases.  [default: 100]")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Random phases of so many bits.")
    ] = None,
    lighting: Lighting = NOT_TOLD,
    snr_db: Annotated[
        float, typer.Option(help="SNR of an antenna in a slot, mean over random phases.")
    ] = 20.0,
    gain_db: Annotated[float, typer.Option(help="Gain of cables and amplifiers.")] = 0.0,
    gain_phase_deg: Annotated[float, typer.Option(help="Phase of that gain.")] = 0.0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Send pilots through a stack while power probes read between its layers.

    Probes stand still in the frame of the stack, behind atoms as designed. The pilots are those of
    `simulate pilots` with the same seed. Without users, every input port is fed by itself.
    """
    import jax
    import numpy as np

    from ..calibration import FromInputPorts, simulate_pilots, simulate_probes
    from ..calibration.probes import noise_of, with_noise_variance
    from ..files import read_stack, write_probed_pilots

    require_writable(output, ".nc", ".npz", ".mat")
    given = illumination_of(lighting)
    gain = gain_of(gain_db, gain_phase_deg)
    built = read_stack(stack).stack
    chosen = plan_of(built, plan, slots, bits, given, seed)
    placed = probes_of(built, chosen.illumination or FromInputPorts(), probing, seed)
    key = jax.random.key(seed)
    pilots = simulate_pilots(built, chosen, snr_db=snr_db, key=key, gain=gain)
    many = len(noise_of(placed))
    spread_db = np.random.default_rng([seed, 3]).normal(scale=probing.probe_spread_db, size=many)
    scale = 10 ** (spread_db / 10)
    seen = with_noise_variance(placed, noise_of(placed) * scale)
    readings = simulate_probes(built, chosen, seen, key=jax.random.fold_in(key, 1), scale=scale)
    write_probed_pilots(
        pilots,
        seen,
        readings,
        output,
        frequency_hz=float(built.frequency_hz),
        wave_speed_m_per_s=float(built.wave_speed_m_per_s),
    )
    made, antennas, users = pilots.received.shape
    answer = {"slots": made, "antennas": antennas, "users": users, "seed": seed}
    behind = {"probes": many, "behind_layers": [each.layer for each in placed]}
    noise = {"noise_variance": pilots.noise_variance}
    emit({**answer, **behind, **noise, "output": str(output)}, as_json=json)


def probes_of(
    stack: "Stack", illumination: "Illumination", probing: Probing, seed: int
) -> "list[PowerProbes]":
    """The probes that the options ask for, layer after layer.

    Raises:
        InputError: layers, atoms or a distance that the stack does not have; an SNR that is none.
    """
    from ..calibration import PowerProbes, probes_at_snr
    from ..errors import require
    from .simulate import check_db

    check_db("probe-snr-db", probing.probe_snr_db)
    check_db("probe-spread-db", probing.probe_spread_db)
    layers = probing.behind or list(range(1, stack.layers + 1))
    require(len({*layers}) == len(layers), f"`--behind` must name layers once, but names {layers}.")
    placed = [
        PowerProbes.behind(
            stack,
            layer,
            _atoms(stack, probing, seed, layer),
            noise_variance=1.0,
            share_of_gap=_share_of_gap(stack, layer, probing.distance_wavelengths),
        )
        for layer in sorted(layers)
    ]
    return probes_at_snr(stack, illumination, placed, probing.probe_snr_db)


def _atoms(stack: "Stack", probing: Probing, seed: int, layer: int) -> list[int]:
    from ..calibration import random_atoms, spread_atoms

    if probing.atom:
        return probing.atom
    if probing.placement is Placement.SPREAD:
        return spread_atoms(stack, probing.probes).tolist()
    return random_atoms(stack, probing.probes, seed=seed + layer).tolist()


def _share_of_gap(stack: "Stack", layer: int, distance_wavelengths: float | None) -> float:
    from ..errors import require

    require(
        1 <= layer <= stack.layers,
        f"`--behind` must be from 1 to {stack.layers}, but is {layer}.",
    )
    if distance_wavelengths is None:
        return 0.5
    gap = float(stack.gaps_m[layer]) / float(stack.wavelength_m)
    require(
        0 < distance_wavelengths < gap,
        f"`--distance-wavelengths` must be between 0 and {gap:.4g}, the gap behind layer {layer}, "
        f"but is {distance_wavelengths}.",
    )
    return distance_wavelengths / gap
