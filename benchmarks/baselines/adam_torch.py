"""Adam in PyTorch on the phases, complex128, by its automatic differentiation."""

import importlib.util

import numpy as np

from .optimisers import Run
from .panels import Panels


def is_installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def adam(
    panels: Panels, phases_rad: np.ndarray, *, learning_rate: float, goal: float, iterations: int
) -> Run:
    """Steps until the goal or the cap; a new step is made only after its error was looked at."""
    import torch

    first, inner, last, target = (
        torch.from_numpy(matrix)
        for matrix in (panels.first.T, panels.inner.T, panels.last.T, panels.target.T)
    )
    phases = torch.tensor(phases_rad, requires_grad=True)
    optimiser = torch.optim.Adam([phases], lr=learning_rate)
    for _ in range(iterations):
        optimiser.zero_grad(set_to_none=True)
        transmission = torch.exp(1j * phases)
        field = first * transmission[0]
        for layer in transmission[1:]:
            field = (field @ inner) * layer
        response = field @ last
        overlap, energy = torch.sum(response.conj() * target), torch.sum(torch.abs(response) ** 2)
        error = torch.sum(torch.abs(overlap / energy * response - target) ** 2) / panels.energy
        if error.item() <= goal:
            break
        error.backward()
        optimiser.step()
    return Run(phases.detach().numpy(), error.item(), error.item() <= goal)
