"""Calibrations of the case study in stages, over many built stacks: what Fig. 4 is made of."""

from typing import Any, TypeVar

import jax
import numpy as np
import xarray as xr

from ....calibration import (
    CumulativeStages,
    EntryMethod,
    Expected,
    GaussNewton,
    Links,
    SeparateStages,
    bayesian_cramer_rao,
    gauge_floor,
    matrix_nmse,
    random_plan,
    reference_power,
    simulate_pilots,
)
from ....imperfections import Imperfections
from ...staging import EntriesInStages, PosesInStages, StagedWay
from .case_study import PUBLISHED, case_study, e_v_only, stacks_built, user

_Numbers = TypeVar("_Numbers", np.ndarray, xr.DataArray)
ENTRIES, OWN_SLOTS, POSES = "entries", "entries, own slots", "poses"
# So many steps a stage, and as many stages as ten, are enough to settle.
_STEPS: EntryMethod = GaussNewton(iterations=10)


def staged(
    *,
    way: str,
    antennas_per_side: int,
    snr_db: float,
    slots: int,
    stages: int,
    first: int,
    stacks: int,
    seed: int,
    e_v_wavelengths: float | None = None,
) -> dict[str, np.ndarray]:
    """Stacks `first` to `first` + `stacks` of a series, calibrated in one way.

    `way`: "entries" fits every coefficient, each stage all slots so far; "entries, own slots" each
    stage its own, as the paper; "poses" the displacements. `e_v_wavelengths`: the only error, if it
    is given, else those of the case study. `nmse` (stacks, stages + 1, matrices): linear, raw, from
    the user's channel to the antennas. `floor` (stacks, matrices): what the gauge leaves of a
    perfect fit of coefficients.
    """
    stack, errors = case_study(antennas_per_side), _errors(e_v_wavelengths)
    calibration = _way(way, errors, stages)
    nominal, nmse, floors = (
        _matrices(Links.of_stack(stack, user())),
        list[np.ndarray](),
        list[np.ndarray](),
    )
    plan = random_plan(stack, slots, user(), seed=seed)
    for number, made in stacks_built(stack, errors, first=first, count=stacks, seed=seed):
        key = jax.random.fold_in(jax.random.key(seed + 1), number)
        pilots = simulate_pilots(made, plan, snr_db=snr_db, key=key)
        truth = _matrices(Links.of_stack(made, user()))
        found = calibration.after_stages(stack, pilots)
        nmse.append(np.array([matrix_nmse(_matrices(links), truth) for links in found]))
        floors.append(gauge_floor(truth, nominal))
    return {"nmse": np.array(nmse), "floor": np.array(floors)}


def _errors(e_v_wavelengths: float | None) -> Imperfections:
    return PUBLISHED if e_v_wavelengths is None else e_v_only(e_v_wavelengths)


def _way(name: str, errors: Imperfections, stages: int) -> StagedWay:
    if name == POSES:
        return PosesInStages(name, Expected.within(errors), stages)
    dealt = CumulativeStages(stages) if name == ENTRIES else SeparateStages(stages)
    return EntriesInStages(name, _STEPS, dealt)


def _matrices(links: Links) -> list[np.ndarray]:
    return [np.asarray(link) for link in links]


def pose_bound(
    *,
    antennas_per_side: int,
    snr_db: float,
    slots: int,
    seed: int,
    e_v_wavelengths: float | None = None,
) -> dict[str, np.ndarray]:
    """Bayesian Cramér-Rao bound on the NMSE of every matrix, about the stack as designed."""
    stack, errors = case_study(antennas_per_side), _errors(e_v_wavelengths)
    plan = random_plan(stack, slots, user(), seed=seed)
    variance = reference_power(stack, user()) * 10 ** (-snr_db / 10)
    bounds = bayesian_cramer_rao(stack, plan, Expected.within(errors), noise_variance=variance)
    return {"bound": bounds.link_nmse}


def decibels(nmse: _Numbers) -> _Numbers:
    """10 log10, of means that are not zero."""
    logarithm: Any = np.log10(nmse)
    return 10 * logarithm
