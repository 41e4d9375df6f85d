"""Sum rate of many users: phases and a digital precoder, on channels that stay the same.

Channels lead from the atoms of the last layer, wherever they are: what the air does is estimated
by the radio itself, and is no error of the stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Complex

from ...calibration.illumination import FromInputPorts, Illumination
from ...files.stack_file import parse_description
from ...precision import in_float64
from ...stack import Stack
from ...systems.alternating import alternate
from ...systems.downlink import DownlinkSetting, WmmsePrecoder
from ...systems.fronts import Transmitter
from ...systems.rates import sum_rate
from ...systems.variables import Variables
from ..downlink import phase_block
from ..downlink_case import DownlinkCase
from .used_system import Merit

# The perfect stack's design goes on for longer than all that go on from it: else it would be they
# that get better by the way.
_FIRST_ROUNDS, _FIRST_TOLERANCE = 400, 1e-7
_ROUNDS, _TOLERANCE = 100, 1e-5


@dataclass(frozen=True)
class DownlinkUse:
    """A stack before users. `channels`: real and imaginary parts, per root of noise power, 1/√W.

    `stack`: text of the stack file; `channels` is 2 x channels x users x elements.
    """

    stack: str
    channels: Sequence[Sequence[Sequence[Sequence[float]]]]
    power_w: float
    starts: int = 4
    seed: int = 0

    merit: ClassVar[Merit] = Merit("sum rate", "bit/s/Hz", larger_is_better=True)

    def __post_init__(self) -> None:
        """Refuse users that there are no antennas for.

        Raises:
            InputError: more users than elements of the input layer.
        """
        self._case(self._stack).check_antennas()

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The one stack."""
        return (self._stack,)

    @cached_property
    def _stack(self) -> Stack:
        return parse_description(self.stack).stack

    @property
    def illumination(self) -> Illumination:
        """The antennas themselves, one after the other."""
        return FromInputPorts()

    @cached_property
    def _channels(self) -> Complex[np.ndarray, "channels users elements"]:
        real, imaginary = np.asarray(self.channels)
        return real + 1j * imaginary

    @in_float64
    def _case(self, stack: Stack) -> DownlinkCase:
        transmitter = Transmitter.of(stack)
        return DownlinkCase(
            stack, transmitter, self._channels, self.power_w, self.starts, self.seed
        )

    def designed(self) -> Variables:
        """Phases first, one stream an antenna, the best of several starts; then both in turn."""
        case = self._case(self.stacks[0])
        setting, phases = DownlinkSetting(case.transmitter, case.power), phase_block(case.stack)
        wave = case.best(setting, [phases], case.begun())
        return self._in_turn(case, wave, _FIRST_ROUNDS, _FIRST_TOLERANCE)

    def redesigned(self, believed: tuple[Stack, ...], choice: Variables) -> Variables:
        """Precoder and phases in turn, until little is gained."""
        return self._in_turn(self._case(believed[0]), choice, _ROUNDS, _TOLERANCE)

    @in_float64
    def _in_turn(
        self, case: DownlinkCase, choice: Variables, rounds: int, tolerance: float
    ) -> Variables:
        return alternate(
            DownlinkSetting(case.transmitter, case.power),
            case.channels,
            [WmmsePrecoder(), phase_block(case.stack)],
            choice,
            rounds=rounds,
            tolerance=tolerance,
        ).variables

    @in_float64
    def judged(self, true: tuple[Stack, ...], choice: Variables) -> float:
        """Sum rate, mean over channels."""
        G = self._case(true[0]).responses(choice)
        return float(sum_rate(G @ choice.precoder).mean())
