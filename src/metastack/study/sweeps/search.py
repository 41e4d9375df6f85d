"""A search instead of a grid: where to look next is decided by what was found.

Needs optuna, `metastack[tune]`. Points are asked for and told in batches of a size that the plan
sets, so that the same plan tries the same points whatever computes them, and a search that was
stopped goes the same way again through what is finished.

Source: optuna's tree-structured Parzen estimator, which takes several objectives.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ...errors import InputError
from .axes import Axis, Points, Scalar
from .space import Draw, SearchPlan

# The results of some points by name, a number each; none where a point is refused.
Evaluate: TypeAlias = Callable[
    [Sequence[Mapping[str, Scalar]]], Sequence[Mapping[str, float] | None]
]


def search(plan: SearchPlan, evaluate: Evaluate) -> Points:
    """Evaluate the plan's points; they come back as the points of one axis, `trial`.

    Raises:
        InputError: optuna is not installed; an objective that is not among the results.
    """
    optuna = _optuna()
    directions = ["maximize" if each.is_maximised else "minimize" for each in plan.objectives]
    sampler = optuna.samplers.TPESampler(seed=plan.seed, constant_liar=True)
    study = optuna.create_study(directions=directions, sampler=sampler)
    tried = list[Mapping[str, Scalar]]()
    while len(tried) < plan.trials:
        trials = [study.ask() for _ in range(min(plan.together, plan.trials - len(tried)))]
        points = [_asked(trial, plan.draws) for trial in trials]
        for trial, found in zip(trials, evaluate(points), strict=True):
            _tell(study, trial, plan, found)
        tried += points
    names = tuple(name for draw in plan.draws for name in draw.parameters)
    values = tuple(tuple(point[name] for name in names) for point in tried)
    return Points((Axis("trial", names, values, is_numbered=True),))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise InputError("A `[search]` needs optuna; install metastack[tune].") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _asked(trial: Any, draws: Sequence[Draw]) -> dict[str, Scalar]:
    return {name: value for draw in draws for name, value in _each(draw, _suggested(trial, draw))}


def _each(draw: Draw, value: Scalar) -> list[tuple[str, Scalar]]:
    return [(name, value) for name in draw.parameters]


def _suggested(trial: Any, draw: Draw) -> Scalar:
    if draw.choices:
        return trial.suggest_categorical(draw.name, draw.choices)
    suggest = trial.suggest_int if draw.is_whole else trial.suggest_float
    return suggest(draw.name, draw.low, draw.high, log=draw.log)


def _tell(study: Any, trial: Any, plan: SearchPlan, found: Mapping[str, float] | None) -> None:
    if found is None:
        study.tell(trial, state=_optuna().trial.TrialState.FAIL)
        return
    study.tell(trial, [_objective(found, each.name) for each in plan.objectives])


def _objective(found: Mapping[str, float], name: str) -> float:
    if name not in found:
        raise InputError(
            f"`search.objectives` must be results, {', '.join(found)}, but has `{name}`."
        )
    return float(found[name])


def pareto_front(values: np.ndarray, is_maximised: Sequence[bool]) -> np.ndarray:
    """Which rows no other row betters in every column at once.

    `values` (points, objectives). Rows with NaN are not on the front.
    """
    signed = np.where(np.asarray(is_maximised), -values, values)
    known = np.isfinite(signed).all(axis=1)
    as_good = (signed[:, None] >= signed[None]).all(axis=2)
    better = (signed[:, None] > signed[None]).any(axis=2)
    is_bettered = np.any(as_good & better & known, axis=1)
    return np.logical_and(known, np.logical_not(is_bettered))
