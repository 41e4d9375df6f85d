"""What a schedule knows of the stack that it serves, and the phases that it shows there.

Source: ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ..pilot_design import pool_of_phases
from ..pilots import PilotPlan, Pilots, random_plan
from ..unknowns import Unknowns
from .patterns import Patterns
from .walk import Walk

# Shows a plan in the slots of the present block, and returns what is received.
Send: TypeAlias = Callable[[PilotPlan], Pilots]

_POOL = 256


@dataclass(eq=False)
class Site:
    """What a schedule knows of the stack that it serves, and the phases that it shows.

    `noise_variance`: of one response; `walk`: what the state is taken to do each block. Phases are
    random, or taken from `patterns` in turn.
    """

    unknowns: Unknowns
    noise_variance: float
    walk: Walk
    seed: int
    patterns: PilotPlan | None = None
    _shown: int = field(default=0, init=False)

    def plan(self, slots: int, bits: int | None = None) -> PilotPlan:
        """Phases for the next slots."""
        stack, lit, first = self.unknowns.stack, self.unknowns.illumination, self._shown
        self._shown += slots
        if self.patterns is None:
            seed = np.random.SeedSequence([self.seed, first]).generate_state(1)[0]
            return random_plan(stack, slots, lit, seed=int(seed), bits=bits)
        turn = (first + np.arange(slots)) % self.patterns.slots
        return PilotPlan(self.patterns.phases_rad[turn], lit)

    def pool(self, gain: complex) -> Patterns:
        """Patterns like those that will be shown, responses being multiplied by this gain."""
        unknowns = self.unknowns
        plan = self.patterns or random_plan(
            unknowns.stack, _POOL, unknowns.illumination, seed=self.seed
        )
        return Patterns.of(unknowns, plan, self.noise_variance / abs(gain) ** 2)

    def menu(self) -> PilotPlan:
        """Patterns to choose from."""
        stack, lit = self.unknowns.stack, self.unknowns.illumination
        return self.patterns or PilotPlan(pool_of_phases(stack, lit, seed=self.seed), lit)
