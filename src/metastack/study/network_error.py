"""MIMO through a device with all its couplings, judged by the error of its streams.

Phases and precoder are found by the whole network, and by the product of matrices that the same
device would be without reflections; both are judged by the whole network.

Source: calibration paper, Table I, [7].
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..design import ProgrammableResponse, ProgrammedCascade, ProgrammedDevice
from ..doa.noise import MOST_DB
from ..errors import require
from ..multiport import Device
from ..precision import in_float64
from ..systems.alternating import Alternation, alternate
from ..systems.mean_squared_error import MmsePrecoder, ScaledResponse
from ..systems.phase_blocks import PhaseAscent
from ..systems.variables import Variables, one_stream_an_antenna

_ROUNDS = 60


@dataclass(frozen=True)
class JudgedMimo:
    """Phases and precoder by one model: the error it believes in, and the one there is.

    Mean over streams of E|s - u y|², linear; a receiver that hears nothing has one of 1.
    """

    model: str
    believed_error: float
    error: float
    phases_rad: Float[np.ndarray, "layers atoms"]
    precoder: Complex[np.ndarray, "feeds streams"]


@dataclass(frozen=True)
class ErrorCase:
    """A device, transmitted power over the noise of a receiver, and how long to look.

    Stream k is fed at feed k and heard at receiver k, one watt in all.

    Raises:
        InputError: other numbers of feeds than of receivers; a ratio that is not finite.
    """

    device: Device
    power_to_noise_db: float
    starts: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse what has no streams."""
        feeds, receivers = self.device.feeds, self.device.receivers
        require(
            feeds == receivers,
            f"There must be a receiver for the stream of every feed, but there are {feeds} feeds "
            f"and {receivers} receivers.",
        )
        require(
            abs(self.power_to_noise_db) <= MOST_DB,
            f"The power over the noise must be within ±{MOST_DB:g} dB, but is "
            f"{self.power_to_noise_db}.",
        )

    def by_network(self) -> JudgedMimo:
        """Found by the whole network."""
        return self._judged("whole network", ProgrammedDevice(self.device))

    @in_float64
    def by_product(self) -> JudgedMimo:
        """Found by the gaps in a row, without reflections: a product of matrices."""
        product = self.device.cascade().without_reflections()
        return self._judged("product of matrices", ProgrammedCascade(product))

    @in_float64
    def designed_by(self, response: ProgrammableResponse) -> Alternation:
        """Every start, by one model."""
        return alternate(
            ScaledResponse(response, 1.0),
            np.full(self.starts, self._gain, complex),
            [PhaseAscent(), MmsePrecoder()],
            self._begun(response.phases_shape),
            rounds=_ROUNDS,
            tolerance=1e-5,
        )

    @property
    def _gain(self) -> float:
        """One over the root of the noise, for one watt."""
        return 10 ** (self.power_to_noise_db / 20)

    @in_float64
    def _begun(self, shape: tuple[int, int]) -> Variables:
        draws = [np.random.default_rng([self.seed, start]) for start in range(self.starts)]
        phases = np.array([draw.uniform(0, 2 * np.pi, shape) for draw in draws])
        equal = one_stream_an_antenna(jnp.full(self.device.feeds, 1 / self.device.feeds))
        return Variables(phases, jnp.broadcast_to(equal, (self.starts, *equal.shape)))

    @in_float64
    def _judged(self, model: str, response: ProgrammableResponse) -> JudgedMimo:
        found = self.designed_by(response)
        best = jax.tree.map(lambda leaf: leaf[found.best], found.variables)
        whole = ScaledResponse(ProgrammedDevice(self.device), 1.0)(jnp.asarray(self._gain + 0j))
        return JudgedMimo(
            model,
            -float(found.merit.max()),
            -float(whole.merit(best)),
            np.asarray(best.phases_rad),
            np.asarray(best.precoder),
        )
