"""Options of `metastack system estimate`: signal-to-noise ratios, slots, lists of names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .number_lists import check_positive, numbers

if TYPE_CHECKING:
    from ..stack import Stack

_MOST_SLOTS = 4096
_LARGEST_SNR_DB = 200.0


@dataclass(frozen=True)
class Signal:
    """How strong a user is at an atom: as a ratio, or by what is sent from where."""

    snr_db: Annotated[
        str | None,
        typer.Option(
            help="SNR of a user at an atom, against the noise of an antenna: 0,10,20 or 0:5:30."
        ),
    ] = None
    power_dbm: Annotated[float | None, typer.Option(help="Or: what a user sends,")] = None
    noise_dbm: Annotated[float, typer.Option(help="the noise of an antenna,")] = -90.0
    distance_m: Annotated[float, typer.Option(help="how far the user is,")] = 50.0
    exponent: Annotated[float, typer.Option(help="and the path loss exponent.")] = 2.0

    def levels_db(self, wavelength_m: float) -> list[float]:
        """SNRs as they are given, or the one of the link budget.

        Raises:
            InputError: both, or values that cannot be.
        """
        from ..errors import require

        require(
            self.snr_db is None or self.power_dbm is None,
            "Give either `--snr-db` or `--power-dbm`.",
        )
        if self.power_dbm is not None:
            return [self._of_budget(self.power_dbm, wavelength_m)]
        levels = numbers("--snr-db", self.snr_db or "0:10:30")
        require(
            all(abs(level) <= _LARGEST_SNR_DB for level in levels),
            f"`--snr-db` must be between -200 and 200, but is {self.snr_db!r}.",
        )
        return levels

    def _of_budget(self, power_dbm: float, wavelength_m: float) -> float:
        import numpy as np

        from ..systems.channels import PathLoss
        from ..systems.powers import check_powers

        check_powers(power_dbm, self.noise_dbm)
        check_positive("--distance-m", self.distance_m)
        gain = PathLoss(self.exponent).power_gain(np.array([self.distance_m]), wavelength_m)
        return power_dbm - self.noise_dbm + 10 * float(np.log10(gain[0]))


AS_RATIO = Signal()


def slot_counts(text: str | None, stack: "Stack") -> list[int]:
    """Numbers of patterns; two readings an atom if none is given.

    Raises:
        InputError: what is no such number.
    """
    from ..errors import InputError

    if text is None:
        return [-(-2 * stack.layer_array.size // stack.receiver_array.size)]
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1 <= count <= _MOST_SLOTS for count in counts):
        raise InputError(
            f"`--slots` must be whole numbers from 1 to {_MOST_SLOTS}, separated by commas, but "
            f"is {text!r}."
        )
    return list(dict.fromkeys(counts))


def known_names(option: str, text: str, known: list[str]) -> list[str]:
    """Names separated by commas, each once.

    Raises:
        InputError: one that is not known.
    """
    from ..errors import require

    names = [part.strip() for part in text.split(",")]
    strange = [name for name in names if name not in known]
    require(
        not strange,
        f"`{option}` must be of {', '.join(known)}, separated by commas, but has "
        f"{', '.join(map(repr, strange))}.",
    )
    return list(dict.fromkeys(names))
