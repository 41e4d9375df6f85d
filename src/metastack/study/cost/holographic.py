"""Holographic MIMO whose two stacks are both built: the capacity of its parallel subchannels.

As published, the capacity takes the stacks as lossless: at the published power, hardly anything is
left of the rate once their losses count, so that errors would be judged by next to nothing.

Source: J. An et al., 2023 (calibration paper, Table I, [1]); see `study.holographic`.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ...calibration.illumination import FromInputPorts, Illumination
from ...files.stack_file import parse_description
from ...stack import Stack
from ...systems.channels import PathLoss
from ...systems.fronts import Receiver, Transmitter
from ..holographic import (
    HolographicCase,
    check_ends,
    fitted_capacity,
    fitted_phases,
    holographic_case,
    near_uniform,
)
from .used_system import Merit


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

    def designed(self) -> Float[np.ndarray, "channels layers atoms"]:
        """Phases that make the subchannels parallel, from near-uniform ones."""
        return fitted_phases(self._case, near_uniform(self._case, self.seed))

    def redesigned(
        self, believed: tuple[Stack, ...], choice: Float[np.ndarray, "channels layers atoms"]
    ) -> Float[np.ndarray, "channels layers atoms"]:
        """Phases of both stacks that fit the same subchannels."""
        return fitted_phases(self._between(believed), choice)

    def judged(
        self, true: tuple[Stack, ...], choice: Float[np.ndarray, "channels layers atoms"]
    ) -> float:
        """Capacity at the scale that fits the subchannels best, mean over channels."""
        return float(fitted_capacity(self._between(true), choice).mean())

    def _between(self, stacks: tuple[Stack, ...]) -> HolographicCase:
        """The same channels between stacks as they are, or are believed to be."""
        transmit, receive = stacks
        return replace(
            self._case, transmitter=Transmitter.of(transmit), receiver=Receiver.of(receive)
        )
