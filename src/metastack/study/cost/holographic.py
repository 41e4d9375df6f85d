"""Holographic MIMO whose two stacks are both built: the rate with all losses.

Source: J. An et al., 2023 (calibration paper, Table I, [1]), for the link; see `study.holographic`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from ...calibration.illumination import FromInputPorts, Illumination
from ...files.stack_file import parse_description
from ...precision import in_float64
from ...stack import Stack
from ...systems.alternating import alternate
from ...systems.channels import PathLoss
from ...systems.downlink import PricedPowers
from ...systems.fronts import Receiver, Transmitter
from ...systems.holographic import LinkSetting, check_streams
from ...systems.phase_blocks import PhaseAscent
from ...systems.variables import Variables, one_stream_an_antenna
from ..holographic import holographic_case
from .used_system import Merit

# The perfect stacks' design goes on for longer, see `downlink`.
_FIRST_ROUNDS, _FIRST_TOLERANCE = 300, 1e-6
_ROUNDS, _TOLERANCE = 60, 1e-4


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

    merit: ClassVar[Merit] = Merit("rate with all losses", "bit/s/Hz", larger_is_better=True)

    def __post_init__(self) -> None:
        """Refuse ends that do not belong together.

        Raises:
            InputError: other numbers of antennas at both ends, or more than a layer has atoms.
        """
        transmit, receive = self._stacks
        check_streams(
            transmit.input_array.size,
            receive.receiver_array.size,
            transmit.layer_array.size,
            receive.layer_array.size,
        )

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
    def _channels(self) -> Complex[np.ndarray, "channels to from"]:
        return holographic_case(
            *self.stacks,
            channels=self.channels,
            distance_m=self.distance_m,
            path_loss=PathLoss(self.exponent),
            power_w=self.power_w,
            noise_w=self.noise_w,
            seed=self.seed,
        ).channels

    @in_float64
    def designed(self) -> Variables:
        """Phases and powers from near-uniform phases and equal powers."""
        transmit, receive = self.stacks
        layers = transmit.layers + receive.layers
        atoms, streams = (
            max(transmit.layer_array.size, receive.layer_array.size),
            transmit.input_array.size,
        )
        draw = np.random.default_rng(self.seed)
        phases = draw.uniform(0, 0.3, (self.channels, layers, atoms))
        equal = one_stream_an_antenna(jnp.full(streams, self.power_w / streams))
        start = Variables(phases, jnp.broadcast_to(equal, (self.channels, *equal.shape)))
        return self._uphill(self.stacks, start, _FIRST_ROUNDS, _FIRST_TOLERANCE)

    def redesigned(self, believed: tuple[Stack, ...], choice: Variables) -> Variables:
        """Phases of both stacks and powers in turn, uphill on the rate."""
        return self._uphill(believed, choice, _ROUNDS, _TOLERANCE)

    @in_float64
    def _uphill(
        self, stacks: tuple[Stack, ...], choice: Variables, rounds: int, tolerance: float
    ) -> Variables:
        return alternate(
            self._link(stacks),
            self._channels,
            [PhaseAscent(), PricedPowers()],
            choice,
            rounds=rounds,
            tolerance=tolerance,
        ).variables

    @in_float64
    def judged(self, true: tuple[Stack, ...], choice: Variables) -> float:
        """Rate with all losses, mean over channels."""
        none = alternate(self._link(true), self._channels, [], choice, rounds=0)
        return float(none.merit.mean())

    def _link(self, stacks: tuple[Stack, ...]) -> LinkSetting:
        return LinkSetting(Transmitter.of(stacks[0]), Receiver.of(stacks[1]), self.power_w)
