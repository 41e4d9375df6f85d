"""What a state is taken to do from block to block: poses walk, and so may the gain.

Layers stay within their tolerances. A walk that is drawn back by as much as it spreads keeps what
was expected beforehand: no unknown is ever less known than by its tolerance. A gain walks freely;
what is not known of it grows alike, up to as much as it is itself, and is then as good as unknown.

Source: G. Uhlenbeck and L. Ornstein, Phys. Rev. 36 (1930) 823.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...errors import require
from .monitors import OF_GAIN, Innovation


@dataclass(frozen=True)
class Walk:
    """Steps of the state in a block, as deviations.

    `pose_step`: of every unknown, in its unit; `gain_step`: of real and imaginary part of the
    set-up's complex gain, relative. From 1 on, a block tells nothing of the next one: of the gain
    that means one of its own for every block, as where oscillators are not locked.
    """

    pose_step: float = 0.0
    gain_step: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, step in (("pose_step", self.pose_step), ("gain_step", self.gain_step)):
            require(
                bool(np.isfinite(step) and step >= 0),
                f"`{name}` must be finite and not negative, but is {step}.",
            )

    def over(
        self, state: int, blocks: int = 1
    ) -> tuple[Float[np.ndarray, " state"], Float[np.ndarray, " state"]]:
        """What is left of every error of the state after blocks, and the variance added to it.

        Together they leave a variance of 1, that of what is expected, as it is.
        """
        step = np.repeat([self.pose_step, self.gain_step], [state - OF_GAIN, OF_GAIN])
        kept = np.maximum(1 - step**2, 0.0) ** (blocks / 2)
        return kept, 1 - kept**2

    def held(self, seen: Innovation) -> Innovation:
        """What a block shows of poses that were calibrated once and are held since.

        A gain that walks is fitted to every block, and what it explains says nothing.

        Raises:
            InputError: a gain that walks, in blocks of a single response.
        """
        return seen.without_gain() if self.gain_step else seen
