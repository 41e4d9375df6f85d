"""Atoms whose phases nobody can set exactly: a downlink that knows it, beside one that does not.

Phases and precoder are chosen before anyone has met the device, and stay.

Source: calibration paper, Table I, [9]; the design for mean powers is ours.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import require
from ..precision import in_float64
from ..systems.downlink import DownlinkSetting, WmmsePrecoder
from ..systems.mean_powers import MeanPowerPrecoder, MeanPowerSetting
from ..systems.phase_blocks import PhaseAscent
from ..systems.robust import RobustSetting, phase_errors
from ..systems.variables import Variables
from .downlink import Rates
from .downlink_case import DownlinkCase


@dataclass(frozen=True)
class ErringAtoms:
    """Gaussian phase errors, new ones for every atom of every device.

    `deviation_rad`: their standard deviation; `devices`: so many are drawn to judge designs on.
    """

    deviation_rad: float
    devices: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            InputError: a deviation that is negative or not finite, no devices.
        """
        require(
            np.isfinite(self.deviation_rad) and self.deviation_rad >= 0,
            "The deviation of phases must be finite and not negative, but is "
            f"{np.degrees(self.deviation_rad):g} degrees.",
        )
        require(self.devices >= 1, f"`devices` must be at least 1, but is {self.devices}.")

    @property
    def coherent(self) -> float:
        """The share of an atom's field that is left in the mean over devices."""
        return float(np.exp(-(self.deviation_rad**2) / 2))

    def drawn(self, shape: tuple[int, int]) -> Complex[Array, "devices layers atoms"]:
        """Factors of every device's atoms."""
        return phase_errors(jax.random.key(self.seed), self.devices, shape, self.deviation_rad)


@in_float64
def robust_rates(case: DownlinkCase, errors: ErringAtoms) -> Rates:
    """The sum rate of every channel, mean over the devices, by scheme, bit/s/Hz.

    Raises:
        InputError: more users than antennas; atoms that round.
    """
    case.check_antennas()
    require(
        case.stack.atoms.is_smooth,
        "Robust phases are climbed along their slope, but these atoms jump between settings; use "
        "smooth atoms.",
    )
    transmitter, power = case.transmitter, case.power
    exact = DownlinkSetting(transmitter, power)
    knowing = MeanPowerSetting(transmitter, power, errors.coherent)
    begun = case.matched(case.begun())
    naive = case.best(exact, [WmmsePrecoder(), PhaseAscent()], begun)
    robust = case.best(knowing, [MeanPowerPrecoder(), PhaseAscent()], begun)
    judge = RobustSetting(transmitter, power, errors.drawn(case.stack.phases_shape))
    channels = jnp.asarray(case.channels)
    return {
        "no errors": _merits(exact, channels, naive),
        "robust design": _merits(judge, channels, robust),
        "errors taken for zero": _merits(judge, channels, naive),
    }


@eqx.filter_jit
def _merits(
    setting: DownlinkSetting | RobustSetting,
    channels: Complex[Array, "channels users elements"],
    variables: Variables,
) -> Float[Array, " channels"]:
    variables = jax.tree.map(jnp.asarray, variables)
    return jax.vmap(lambda H, chosen: setting(H).merit(chosen))(channels, variables)
