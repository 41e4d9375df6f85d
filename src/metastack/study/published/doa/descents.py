"""What most figures of the DOA paper are made of: gradient descents of one stack, many starts.

Source: DOA paper, section III-B and VI; the published runs have c = 3e8 m/s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ....design import Design, GradientDescent, RandomPhases, design_phases
from ....geometry import PlanarArray
from ....stack import Stack, make_uniform_stack
from ....targets import dft_2d

# Below what double precision can reach: every iteration is made, as in the paper.
NEVER_DB = -1000.0
# Where rounding takes over: what is below is no better.
FLOOR_DB = -250.0
PUBLISHED_WAVE_SPEED_M_PER_S = 3e8

# The stacks that the paper's ablation ends in, arguments of `uniform_stack`.
BEST_2X2 = {
    "ports": 2,
    "atoms_per_side": 11,
    "layers": 7,
    "thickness_wavelengths": 9,
    "spacing_wavelengths": 1 / 2,
}
BEST_4X4 = {
    "ports": 4,
    "atoms_per_side": 15,
    "layers": 13,
    "thickness_wavelengths": 12,
    "spacing_wavelengths": 4 / 9,
}


def uniform_stack(
    *,
    ports: int,
    atoms_per_side: int,
    layers: int,
    thickness_wavelengths: float,
    spacing_wavelengths: float,
    port_spacing_wavelengths: float = 0.5,
    receiver_spacing_wavelengths: float | None = None,
    receiver_rotation_deg: float = 0.0,
) -> Stack:
    """A stack in the paper's four-tuple, at the wave speed of the published runs.

    The receivers stand as the input layer does, unless they have a spacing of their own or are
    turned about the stack axis, from x towards y (the paper's Fig. 10).
    """
    stack = make_uniform_stack(
        ports=ports,
        atoms_per_side=atoms_per_side,
        layers=layers,
        thickness_wavelengths=thickness_wavelengths,
        spacing_wavelengths=spacing_wavelengths,
        port_spacing_wavelengths=port_spacing_wavelengths,
        wave_speed_m_per_s=PUBLISHED_WAVE_SPEED_M_PER_S,
    )
    if receiver_spacing_wavelengths is None and receiver_rotation_deg == 0:
        return stack
    spacing_m = (receiver_spacing_wavelengths or port_spacing_wavelengths) * stack.wavelength_m
    rotation_rad = np.deg2rad(receiver_rotation_deg)
    receivers = PlanarArray(ports, ports, spacing_m, spacing_m, float(rotation_rad))
    return replace(stack, receiver_array=receivers)


def descents(
    *, stack: Mapping[str, Any], decay: float, iterations: int, starts: int, seed: int
) -> dict[str, np.ndarray]:
    """The paper's gradient descent of a `uniform_stack` from random phases.

    `history_db` (starts, iterations + 1): the NMSE before the first and after every iteration.
    `nmse_db`, `insertion_loss_db` (starts): of the best phases of each start.
    """
    found = design_phases(
        uniform_stack(**stack),
        dft_2d(stack["ports"], stack["ports"]),
        methods=[GradientDescent(decay, iterations)],
        start_phases=RandomPhases(),
        starts=starts,
        seed=seed,
        goal_db=NEVER_DB,
    )
    return _told(found, iterations)


def our_designs(
    *, stack: Mapping[str, Any], iterations: int, starts: int, seed: int
) -> dict[str, np.ndarray]:
    """What `design_phases` does by itself, in the terms of `descents`; it ends at the floor.

    `history_db` goes on with the last error where a start ended before the others.
    """
    target = dft_2d(stack["ports"], stack["ports"])
    found = design_phases(
        uniform_stack(**stack), target, starts=starts, seed=seed, goal_db=FLOOR_DB
    )
    return _told(found, iterations)


def _told(designs: Sequence[Design], iterations: int) -> dict[str, np.ndarray]:
    return {
        "history_db": np.array([_padded(design.history_db, iterations) for design in designs]),
        "nmse_db": np.array([design.nmse_db for design in designs]),
        "insertion_loss_db": np.array([design.insertion_loss_db for design in designs]),
    }


def _padded(
    history_db: Float[np.ndarray, " _made"], iterations: int
) -> Float[np.ndarray, " _iterations"]:
    return np.pad(history_db, (0, max(0, iterations + 1 - len(history_db))), "edge")[
        : iterations + 1
    ]
