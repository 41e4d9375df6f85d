"""One built system: what it is worth as designed, once calibrated, and if it were known exactly.

The design for the perfect stack gets the same effort as the designs that go on from it, so that
calibration is not credited with what more iterations would have given anyway.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from ...stack import Stack
from .bench import Bench, built_stack, common_tolerance
from .classification import ClassificationUse
from .directions import DirectionUse
from .downlink import DownlinkUse
from .holographic import HolographicUse
from .used_system import UsedSystem

# Ways of using a built system, in the order of a figure.
WAYS = ("perfect", "built", "calibrated", "known")

USES: dict[str, type[Any]] = {
    "directions": DirectionUse,
    "downlink": DownlinkUse,
    "holographic": HolographicUse,
    "classification": ClassificationUse,
}


def told(system: UsedSystem) -> dict[str, Any]:
    """A system as JSON can hold it; `system_of` makes it again."""
    use = next(name for name, kind in USES.items() if type(system) is kind)
    fields: Any = system
    return {"use": use, **asdict(fields)}


def system_of(description: Mapping[str, Any]) -> UsedSystem:
    """The system that was told."""
    fields = dict(description)
    return USES[fields.pop("use")](**fields)


def cost_point(
    *,
    system: Mapping[str, Any],
    bench: Mapping[str, Any],
    tolerance_wavelengths: float,
    draw: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """The figure of merit of one drawn system, in each of `WAYS`.

    `perfect`: nothing is off; `built`: designed for the perfect stacks, on the built ones;
    `calibrated`: designed again for what pilots show, on the built ones; `known`: designed again
    for the built ones themselves. The same `draw` has the same errors, in units of the tolerance,
    and the same noise at every tolerance.
    """
    used, first = _nominal(json.dumps(system, sort_keys=True))
    key = jax.random.fold_in(jax.random.key(seed), draw)
    limits = [common_tolerance(stack, tolerance_wavelengths) for stack in used.stacks]
    keys = [jax.random.split(jax.random.fold_in(key, end)) for end in range(len(limits))]
    true = tuple(
        built_stack(stack, limit, of_errors)
        for stack, limit, (of_errors, _) in zip(used.stacks, limits, keys, strict=True)
    )
    values = {"perfect": used.judged(used.stacks, first), "built": used.judged(true, first)}
    # What is known to be as designed needs neither pilots nor another design.
    if not tolerance_wavelengths:
        return _arrays({**values, "calibrated": values["built"], "known": values["built"]})
    measured = Bench(**bench)
    believed = tuple(
        measured.calibrated(
            stack, made, limit, used.illumination, pattern_seed=seed, noise_key=of_noise
        )
        for stack, made, limit, (_, of_noise) in zip(used.stacks, true, limits, keys, strict=True)
    )
    values["calibrated"] = _again(used, true, believed, first)
    values["known"] = _again(used, true, true, first)
    return _arrays(values)


def _again(
    used: UsedSystem, true: tuple[Stack, ...], believed: tuple[Stack, ...], first: Any
) -> float:
    return used.judged(true, used.redesigned(believed, first))


@lru_cache(maxsize=1)
def _nominal(description: str) -> tuple[UsedSystem, Any]:
    """The system and its choice as designed, once a process."""
    used = system_of(json.loads(description))
    return used, used.redesigned(used.stacks, used.designed())


def _arrays(values: Mapping[str, float]) -> dict[str, np.ndarray]:
    return {name: np.asarray(float(values[name])) for name in WAYS}
