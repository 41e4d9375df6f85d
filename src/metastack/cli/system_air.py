"""Options of every system with users: where they are, what the air does, what power there is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Seed

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Complex, Float

    from ..systems.channels import Channel


class Fading(StrEnum):
    """Models of a channel that can be named."""

    RAYLEIGH = "rayleigh"
    RICIAN = "rician"
    NEAR = "line-of-sight"
    FAR = "plane-wave"
    CLUSTERED = "clustered"


@dataclass(frozen=True)
class Air:
    """Users drawn in a sector before the aperture that radiates, and their channels."""

    users: Annotated[int, typer.Option(min=1, help="Single-antenna users.")] = 4
    nearest_m: Annotated[float, typer.Option(help="Nearest user, from the radiating plane.")] = 20.0
    farthest_m: Annotated[float, typer.Option(help="Farthest distance of a user.")] = 60.0
    azimuth_deg: Annotated[float, typer.Option(help="Users are within ± this of the axis.")] = 60.0
    fading: Annotated[Fading, typer.Option(help="What the air does.")] = Fading.RAYLEIGH
    rician_factor_db: Annotated[
        float, typer.Option(help="Line of sight over scattered power, for --fading rician.")
    ] = 10.0
    exponent: Annotated[
        float, typer.Option(help="Path loss exponent beyond one metre; 2 is free space.")
    ] = 2.5
    channels: Annotated[
        int, typer.Option(min=1, help="Channels to draw, each with users of its own.")
    ] = 20
    seed: Seed = 0

    def drawn(
        self, elements_m: "Float[np.ndarray, 'elements 3']", wavelength_m: float
    ) -> "Complex[np.ndarray, 'channels users elements']":
        """Field per field from the elements to the users, one matrix a channel."""
        import jax
        import numpy as np

        from ..systems.channels import Sector

        # A wave leaves the aperture, wherever in the stack its plane is.
        elements_m = elements_m - elements_m.mean(axis=0)
        sector = Sector(self.nearest_m, self.farthest_m, np.radians(self.azimuth_deg))
        keys = jax.random.split(jax.random.key(self.seed), (self.channels, 2))
        drawn = list[np.ndarray]()
        for of_place, of_fading in keys:
            places_m = np.asarray(sector.draw(of_place, self.users))
            model = self._model(elements_m, places_m, wavelength_m)
            drawn.append(np.asarray(model.draw(of_fading, 1))[0])
        return np.array(drawn)

    def _model(
        self,
        elements_m: "Float[np.ndarray, 'elements 3']",
        places_m: "Float[np.ndarray, 'users 3']",
        wavelength_m: float,
    ) -> "Channel":
        import numpy as np

        from ..systems.channels import (
            Clustered,
            CorrelatedRayleigh,
            PathLoss,
            PlaneWave,
            Rician,
            SphericalWave,
            check_far,
        )
        from .simulate import check_db

        check_db("rician-factor-db", self.rician_factor_db)
        loss = PathLoss(self.exponent)
        gain = np.asarray(loss.power_gain(np.linalg.norm(places_m, axis=1), wavelength_m))
        scattered = CorrelatedRayleigh.to_users(
            elements_m, power_gain=gain, wavelength_m=wavelength_m
        )
        if self.fading is not Fading.NEAR:
            check_far(elements_m, places_m, wavelength_m)
        near = SphericalWave(elements_m, places_m, wavelength_m, loss)
        if self.fading is Fading.FAR:
            return PlaneWave(elements_m, places_m, wavelength_m, loss)
        # One frequency: how late clusters are makes no difference.
        clusters = Clustered(elements_m, gain, wavelength_m, 0.0, np.zeros(1))
        factor = 10 ** (self.rician_factor_db / 10)
        return {
            Fading.RAYLEIGH: scattered,
            Fading.CLUSTERED: clusters,
            Fading.NEAR: near,
            Fading.RICIAN: Rician(near, scattered, factor),
        }[self.fading]


@dataclass(frozen=True)
class Budget:
    """Transmitted powers and noise."""

    power_dbm: Annotated[
        str, typer.Option(help="Transmitted powers, dBm, separated by commas.")
    ] = "0,10,20,30"
    noise_dbm: Annotated[float, typer.Option(help="Noise power at a receiver, dBm.")] = -100.0

    @property
    def powers_dbm(self) -> list[float]:
        """The powers as numbers, in order.

        Raises:
            InputError: no numbers, or powers and noise out of order.
        """
        from ..errors import InputError
        from ..systems.powers import check_powers

        try:
            powers = [float(part) for part in self.power_dbm.split(",")]
        except ValueError:
            raise InputError(
                f"`--power-dbm` must be numbers separated by commas, but is {self.power_dbm!r}."
            ) from None
        for power in powers:
            check_powers(power, self.noise_dbm)
        return sorted(powers)

    def over_noise(
        self, channels: "Complex[np.ndarray, 'channels users elements']"
    ) -> "Complex[np.ndarray, 'channels users elements']":
        """Channels per root of the noise power, 1/√W."""
        import numpy as np

        from ..systems.powers import watts

        return channels / np.sqrt(watts(self.noise_dbm))


AS_DRAWN, FEW_CHANNELS, THREE_DECADES = Air(), Air(channels=4), Budget()
IN_SIGHT = Air(fading=Fading.NEAR, exponent=2.0, azimuth_deg=45.0)
