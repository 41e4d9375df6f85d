"""Directions read behind a stack by maximum likelihood, from energies.

Source: DOA paper; `study.calibration_loop` for the loop of one stack.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...calibration.illumination import Illumination, OntoInputLayer, PlaneWaves
from ...design import Design, GivenPhases, design_phases
from ...doa import (
    KnownNoise,
    LikelihoodReader,
    MaximumLikelihood,
    PhysicalSnr,
    Protocol,
    monte_carlo,
    stack_experiment,
)
from ...files.stack_file import StackDescription, parse_description
from ...precision import float64
from ...stack import Stack, response
from .used_system import Merit

# Users in general position: no symmetry hides what is off.
USERS_DEG = ((20.0, 30.0, 40.0, 15.0), (35.0, 130.0, 220.0, 300.0))


@dataclass(frozen=True)
class DirectionUse:
    """The target of a stack file, read with the response that is believed to be the stack's.

    `stack`: text of the stack file; `physical_snr_db`: at the aperture; `snapshots`: a side.
    Directions and noise are the same for every stack.
    """

    stack: str
    insertion_loss_db: float | None = None
    physical_snr_db: float = 40.0
    snapshots: int = 4
    trials: int = 500
    seed: int = 0

    merit: ClassVar[Merit] = Merit("mean squared error of ψ/π", "dB", larger_is_better=False)

    @cached_property
    def description(self) -> StackDescription:
        """The stack and its target."""
        return parse_description(self.stack)

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The one stack."""
        return (self.description.stack,)

    @property
    def illumination(self) -> Illumination:
        """Plane waves onto the input layer."""
        return OntoInputLayer(PlaneWaves.from_angles(*np.radians(USERS_DEG)))

    def designed(self) -> Design:
        """Phases for the target."""
        return self._design(self.stacks[0])

    def redesigned(self, believed: tuple[Stack, ...], choice: Design) -> Design:
        """Phases for the same target on another stack, and the response that it has."""
        return self._design(believed[0], start_phases=GivenPhases(choice.phases_rad))

    def _design(self, stack: Stack, **start: Any) -> Design:
        return design_phases(
            stack,
            self.description.target,
            insertion_loss_db=self.insertion_loss_db,
            seed=self.seed,
            **start,
        )[0]

    def judged(self, true: tuple[Stack, ...], choice: Design) -> float:
        """Mean squared error of both angles, dB."""
        ports = true[0].input_array
        protocol = Protocol(ports.columns, ports.rows, self.snapshots, self.snapshots)
        noise, target = PhysicalSnr(self.physical_snr_db), choice.target
        G = np.asarray(response(true[0], choice.phases_rad))
        experiment = stack_experiment(G, protocol, noise, target=target)
        model = stack_experiment(choice.response, protocol, noise, target=target).model
        with float64():
            known = KnownNoise(experiment.noise_variance)
            reader = LikelihoodReader(MaximumLikelihood.of(model, noise=known))
        errors = monte_carlo(experiment, reader, trials=self.trials, seed=self.seed)
        return float(10 * np.log10(errors.both_rad2 / np.pi**2))
