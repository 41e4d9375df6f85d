"""Holographic MIMO whose two stacks are both built: the capacity of its parallel subchannels.

As published, the capacity takes the stacks as lossless: at the published power, hardly anything is
left of the rate once their losses count, so that errors would be judged by next to nothing.

Source: J. An et al., 2023 (calibration paper, Table I, [1]); see `study.holographic`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from ...calibration.illumination import FromInputPorts, Illumination
from ...design import LevenbergMarquardt
from ...files.stack_file import parse_description
from ...precision import in_float64
from ...stack import Stack
from ...systems.alternating import alternate
from ...systems.channels import PathLoss
from ...systems.fronts import Receiver, Transmitter
from ...systems.holographic import (
    Subchannels,
    SubchannelSetting,
    compensated_capacity,
)
from ...systems.phase_blocks import PhaseFit
from ...systems.variables import Variables
from ..holographic import HolographicCase, check_ends, holographic_case
from .used_system import Merit

# A fit that good loses nothing of the capacity that anyone could measure.
_ROUNDS, _GOAL_NMSE = 200, 1e-8


@dataclass(frozen=True)
class HolographicUse:
    """Two stacks and correlated Rayleigh channels between them, the same whatever is built.

    `transmit`, `receive`: texts of stack files; powers in watts.
    """

    transmit: str
    receive: str
    channels: int = 4
    distance_m: float = 250.0
    exponent: float = 3.5
    power_w: float = 0.1
    noise_w: float = 1e-14
    seed: int = 0

    merit: ClassVar[Merit] = Merit(
        "capacity, losses compensated", "bit/s/Hz", larger_is_better=True
    )

    def __post_init__(self) -> None:
        """Refuse ends that do not belong together.

        Raises:
            InputError: as `study.holographic.check_ends`.
        """
        check_ends(*self._stacks)

    @property
    def stacks(self) -> tuple[Stack, Stack]:
        """Transmitting and receiving one."""
        return self._stacks

    @cached_property
    def _stacks(self) -> tuple[Stack, Stack]:
        return parse_description(self.transmit).stack, parse_description(self.receive).stack

    @property
    def illumination(self) -> Illumination:
        """Both are measured before they are put up, through their ports."""
        return FromInputPorts()

    @cached_property
    def _case(self) -> HolographicCase:
        return holographic_case(
            *self.stacks,
            channels=self.channels,
            distance_m=self.distance_m,
            path_loss=PathLoss(self.exponent),
            power_w=self.power_w,
            noise_w=self.noise_w,
            seed=self.seed,
        )

    def designed(self) -> Variables:
        """Phases that make the subchannels parallel, from near-uniform ones."""
        draw = np.random.default_rng(self.seed)
        phases = draw.uniform(0, 0.3, (self.channels, *self._case.phases_shape))
        # Nothing is precoded: the fit is of phases alone.
        start = Variables(phases, np.zeros((self.channels, 1, 1), complex))
        return self.redesigned(self.stacks, start)

    @in_float64
    def redesigned(self, believed: tuple[Stack, ...], choice: Variables) -> Variables:
        """Phases of both stacks that fit the same subchannels."""
        return alternate(
            _setting(believed),
            self._case.air,
            [PhaseFit(LevenbergMarquardt())],
            choice,
            rounds=_ROUNDS,
            goal=-_GOAL_NMSE,
        ).variables

    @in_float64
    def judged(self, true: tuple[Stack, ...], choice: Variables) -> float:
        """Capacity at the scale that fits the subchannels best, mean over channels."""
        G = _responses(_setting(true), self._case.air, choice)
        return float(compensated_capacity(G, self._case.channels, self.power_w).mean())


def _setting(stacks: tuple[Stack, ...]) -> SubchannelSetting:
    transmit, receive = stacks
    return SubchannelSetting(Transmitter.of(transmit), Receiver.of(receive))


@eqx.filter_jit
def _responses(
    setting: SubchannelSetting, air: Subchannels, choice: Variables
) -> Complex[Array, "channels streams streams"]:
    return jax.vmap(lambda each, phases_rad: setting(each).response(phases_rad))(
        air, jnp.asarray(choice.phases_rad)
    )
