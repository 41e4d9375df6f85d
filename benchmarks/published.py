"""The two stacks that the DOA paper found best, their targets, and its learning-rate decay."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

import metastack

from .baselines.panels import Panels, panels_of


@dataclass(frozen=True)
class Published:
    """One published stack in its own words, and as the baselines see it."""

    ports: int
    decay: float
    thickness_wavelengths: float
    layers: int
    atoms_per_side: int
    spacing_wavelengths: float

    @cached_property
    def stack(self) -> metastack.Stack:
        return metastack.make_uniform_stack(
            ports=self.ports,
            atoms_per_side=self.atoms_per_side,
            layers=self.layers,
            thickness_wavelengths=self.thickness_wavelengths,
            spacing_wavelengths=self.spacing_wavelengths,
        )

    @cached_property
    def target(self) -> np.ndarray:
        return metastack.dft_2d(self.ports, self.ports)

    @cached_property
    def panels(self) -> Panels:
        return panels_of(self.stack, self.target)

    def design(self, seed: int, goal_db: float) -> metastack.Design:
        """One default design; from which start is the seed's business."""
        return metastack.design_phases(self.stack, self.target, seed=seed, goal_db=goal_db)[0]


DFT_2X2 = Published(2, 0.8, 9.0, 7, 11, 1 / 2)
DFT_4X4 = Published(4, 0.95, 12.0, 13, 15, 4 / 9)
