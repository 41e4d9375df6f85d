"""Powers and noise as engineers write them, and what cannot be meant by them."""

import numpy as np

from ..errors import require

# k T at 290 K over one hertz: no receiver is quieter over any band.
_QUIETEST_DBM = -174.0
_LOUDEST_DBM = 90.0


def watts(dbm: float) -> float:
    """Power in watts of one in dBm."""
    return 1e-3 * 10 ** (dbm / 10)


def check_powers(power_dbm: float, noise_dbm: float) -> None:
    """Refuse a power budget that is out of order, as when dBm are given as dB or watts.

    Raises:
        InputError: powers that no link has, or noise that is not below the transmitted power.
    """
    for name, value in (("power", power_dbm), ("noise", noise_dbm)):
        require(
            np.isfinite(value) and _QUIETEST_DBM <= value <= _LOUDEST_DBM,
            f"The {name} must be in dBm, between {_QUIETEST_DBM:g} (thermal noise of one hertz) "
            f"and {_LOUDEST_DBM:g}, but is {value:g}.",
        )
    require(
        noise_dbm < power_dbm,
        f"The noise must be below the transmitted power, but is {noise_dbm:g} dBm against "
        f"{power_dbm:g} dBm; both are in dBm.",
    )
