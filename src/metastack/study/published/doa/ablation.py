"""The DOA paper's search for the best stack: what Tables I and II have in common.

Three rounds of 81 stacks, each round finer than the one before. A stack is four numbers: atoms a
side, thickness, spacing of the atoms, layers. The published arrays have one number a stack.

Source: DOA paper, section VI-A.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ....precision import in_float64
from ....propagation import hop_matrix
from ....stack import Stack
from ...units import Results, Unit
from ..published_data import published_array
from .descents import descents, our_designs, uniform_stack

AXES = ("atoms", "thickness", "spacing", "layers")
CELLS = ("round", *AXES)

# Number of the round, then where the stack is on each of the four axes.
Cell = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Round:
    """The three values of each number that are combined; the spacing is a wavelength's divisor."""

    atoms_per_side: tuple[int, int, int]
    thicknesses_wavelengths: tuple[int, int, int]
    spacing_divisors: tuple[int, int, int]
    layers: tuple[int, int, int]


@dataclass(frozen=True)
class Ablation:
    """What one of the two tables is of.

    The spacing is `divided_wavelengths` / divisor. `success_db`: an error that will do.
    """

    folder: str
    ports: int
    divided_wavelengths: int
    decay: float
    success_db: float
    best: Mapping[str, Any]
    rounds: Mapping[int, Round]


@dataclass(frozen=True)
class Parameters:
    """The paper's, but that it shows one number a stack.

    `shapes`: how many pairs of atoms and layers of a round are computed, of nine, those nearest to
    the published best first: each needs a program of its own, which takes longer than to run it.
    """

    rounds: tuple[int, ...] = (1, 2, 3)
    shapes: int = 9
    iterations: int = 100
    starts: int = 10
    our_starts: int = 10
    seed: int = 0


def cells(table: Ablation, parameters: Parameters) -> list[Cell]:
    """Every stack that is computed; stacks with one program follow each other."""
    chosen = [c for r in parameters.rounds for c in _cells_of_round(table, r, parameters.shapes)]
    return sorted(chosen, key=lambda cell: (*_shape(table, cell), cell))


def _cells_of_round(table: Ablation, number: int, shapes: int) -> Iterator[Cell]:
    shown = published_cells(table, number)
    atoms, _, _, layers = np.unravel_index(shown.argmin(), shown.shape)
    pairs = sorted(
        product(range(3), repeat=2), key=lambda p: abs(p[0] - atoms) + abs(p[1] - layers)
    )
    for (m, l), t, k in product(pairs[:shapes], range(3), range(3)):
        yield number, m, t, k, l


def _shape(table: Ablation, cell: Cell) -> tuple[int, int]:
    number, m, _, _, l = cell
    return table.rounds[number].atoms_per_side[m], table.rounds[number].layers[l]


def stack_of(table: Ablation, cell: Cell) -> dict[str, Any]:
    """The stack of a cell, as arguments of `uniform_stack`."""
    number, m, t, k, l = cell
    values = table.rounds[number]
    return {
        "ports": table.ports,
        "atoms_per_side": values.atoms_per_side[m],
        "layers": values.layers[l],
        "thickness_wavelengths": values.thicknesses_wavelengths[t],
        "spacing_wavelengths": table.divided_wavelengths / values.spacing_divisors[k],
    }


def published_cells(
    table: Ablation, number: int
) -> Float[np.ndarray, "atoms thickness spacing layers"]:
    """A published array, whose rows are atoms and thickness, columns spacing and layers."""
    return published_array(f"{table.folder}/round_{number}/NMSE.mat").reshape(3, 3, 3, 3)


def descents_and_gain(**arguments: Any) -> dict[str, np.ndarray]:
    """What `descents` gives, and the power that one hop between layers can make of nothing.

    `hop_gain_db`: the largest power gain of a hop; a passive device has none above 0 dB.
    """
    gain_db = largest_hop_gain_db(uniform_stack(**arguments["stack"]))
    return {**descents(**arguments), "hop_gain_db": np.array(gain_db)}


@in_float64
def largest_hop_gain_db(stack: Stack) -> float:
    """The square of the largest singular value of a hop between layers, in dB."""
    first, second = stack.planes[1:3]
    matrix = hop_matrix(first, second, stack.model, wavelength_m=stack.wavelength_m)
    return float(20 * np.log10(np.linalg.norm(np.asarray(matrix), 2)))


def units(table: Ablation, parameters: Parameters) -> list[Unit]:
    """One descent of many starts for each stack, then ours for the paper's best.

    Every stack has starts of its own, so that chance in one says nothing about another.
    """
    p = parameters
    common = {"iterations": p.iterations}
    by_cell = [
        Unit(
            descents_and_gain,
            {
                **common,
                "stack": stack_of(table, cell),
                "decay": table.decay,
                "starts": p.starts,
                "seed": 1000 * p.seed + int(np.ravel_multi_index(cell, (4, 3, 3, 3, 3))),
            },
        )
        for cell in cells(table, p)
    ]
    ours = {**common, "stack": table.best, "starts": p.our_starts, "seed": p.seed}
    return [*by_cell, Unit(our_designs, ours)]


def gather(table: Ablation, parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """Errors, losses and speeds over rounds, stacks and starts; NaN for what is not computed."""
    *by_cell, ours = results
    data = _empty(table, parameters)
    for cell, found in zip(cells(table, parameters), by_cell, strict=True):
        where = (parameters.rounds.index(cell[0]), *cell[1:])
        data.nmse_db.values[where] = found["history_db"][:, -1]
        data.insertion_loss_db.values[where] = found["insertion_loss_db"]
        data.hop_gain_db.values[where] = found["hop_gain_db"]
        reached = found["history_db"] < table.success_db
        first = np.where(reached.any(axis=1), reached.argmax(axis=1), np.nan)
        data.iterations_to_success.values[where] = first
    data["our_nmse_db"] = ("our_start", ours["history_db"][:, -1], {"units": "dB"})
    data["our_insertion_loss_db"] = ("our_start", ours["insertion_loss_db"], {"units": "dB"})
    return data


def _empty(table: Ablation, parameters: Parameters) -> xr.Dataset:
    """The published errors, and room for ours."""
    rounds = [table.rounds[number] for number in parameters.rounds]
    shape = (len(rounds), 3, 3, 3, 3)
    room = {
        name: ((*CELLS, "start"), np.full((*shape, parameters.starts), np.nan), {"units": unit})
        for name, unit in (
            ("nmse_db", "dB"),
            ("insertion_loss_db", "dB"),
            ("iterations_to_success", "1"),
        )
    }
    shown = [published_cells(table, number) for number in parameters.rounds]
    spacings = [np.divide(table.divided_wavelengths, r.spacing_divisors) for r in rounds]
    return xr.Dataset(
        {
            **room,
            "hop_gain_db": (CELLS, np.full(shape, np.nan), {"units": "dB"}),
            "published_nmse_db": (CELLS, np.array(shown), {"units": "dB"}),
        },
        coords={
            "round": list(parameters.rounds),
            "atoms_per_side": (("round", "atoms"), [r.atoms_per_side for r in rounds]),
            "thickness_wavelengths": (
                ("round", "thickness"),
                [r.thicknesses_wavelengths for r in rounds],
            ),
            "spacing_wavelengths": (("round", "spacing"), spacings),
            "layer_count": (("round", "layers"), [r.layers for r in rounds]),
        },
        attrs={
            "success_db": table.success_db,
            "decay": table.decay,
            "iterations": parameters.iterations,
            "ports": table.ports,
        },
    )
