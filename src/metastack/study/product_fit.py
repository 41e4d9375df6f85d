"""How near products of matrices come to a measured device, each fitted as well as it can be.

Every interlayer model is given what it has free: poses of all layers along the axis, upwards and in
their planes, its own parameter, and one complex gain. Beyond, all entries of all matrices are free:
no product of matrices that was found is nearer to the pilots. Judged by responses that were held
out, after the best of a single complex gain.

The stack says where the elements are; layers with elements on both sides are taken for thin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Complex, Float

from ..calibration import CumulativeStages, Links, Pilots, calibrate_entries, check_pilots
from ..calibration.links import received
from ..errors import require
from ..geometry import Pose
from ..multiport import Cascade, Device, MatchedAtoms, WireDipoles
from ..precision import in_float64
from ..propagation import GeometricRadar, InterlayerModel
from ..stack import Stack, response
from ..targets import best_scale, decibels, nmse
from .model_comparison import candidate_models

# Deviations from which poses start, in wavelengths and radians, and their unit.
_SHIFT, _TURN = 0.03, 0.01
_MOST_EVALUATIONS = 60


@dataclass(frozen=True)
class ProductFit:
    """How much of the pilots a product of matrices explains, in decibels: shown and held out.

    `found`: what was free beside poses and gain, as it was found.
    """

    model: str
    shown_nmse_db: float
    held_out_nmse_db: float
    found: str = ""


@in_float64
def fit_products(
    stack: Stack,
    pilots: Pilots,
    *,
    shown: int,
    designed: Device | None = None,
    starts: int = 3,
    seed: int = 0,
    on_fit: Callable[[ProductFit], None] = lambda _: None,
) -> list[ProductFit]:
    """Fit every model to the first `shown` slots, and judge by the others, row by row.

    `designed`: the network that was designed; it and its product come first then, as they are.
    `starts`: poses to begin with, those of `stack` and random ones. `on_fit` is told each row.

    Raises:
        InputError: pilots of another device; none shown or none held out; no start.
    """
    check_pilots(pilots, stack)
    slots = pilots.plan.slots
    require(0 < shown < slots, f"`shown` must be from 1 to {slots - 1}, but is {shown}.")
    require(starts >= 1, f"`starts` must be at least 1, but is {starts}.")
    judge, links, fits = _Judge(pilots, shown), list[Links](), list[ProductFit]()

    def keep(fit: ProductFit) -> None:
        fits.append(fit)
        on_fit(fit)

    if designed is not None:
        layers = MatchedAtoms.of_phases(pilots.plan.phases_rad)
        product = designed.cascade().without_reflections()
        keep(judge("designed network", np.asarray(designed.response(layers))))
        keep(judge("its product", np.asarray(product.response(layers))))
        links.append(_links(product))
    for name, model in candidate_models(stack).items():
        fitted, found = _geometric(replace(stack, model=model), pilots, shown, starts, seed)
        keep(judge(name, np.asarray(response(fitted, pilots.plan.phases_rad)), found))
        links.append(Links.of_stack(fitted, pilots.plan.illumination))
    keep(_free(stack, pilots, shown, links, judge))
    return fits


@dataclass(frozen=True, eq=False)
class _Judge:
    pilots: Pilots
    shown: int

    def __call__(
        self, model: str, predicted: Complex[np.ndarray, "slots _ _"], found: str = ""
    ) -> ProductFit:
        shown, held_out = slice(self.shown), slice(self.shown, None)
        errors_db = self._nmse_db(predicted, shown), self._nmse_db(predicted, held_out)
        return ProductFit(model, *errors_db, found)

    def _nmse_db(self, predicted: Complex[np.ndarray, "slots _ _"], part: slice) -> float:
        one, other = (each[part].reshape(-1, 1) for each in (predicted, self.pilots.received))
        return float(decibels(nmse(one, other)))


def _geometric(
    stack: Stack, pilots: Pilots, shown: int, starts: int, seed: int
) -> tuple[Stack, str]:
    """The stack whose poses and parameter explain the shown pilots best."""
    phases, y = jnp.asarray(pilots.plan.phases_rad[:shown]), pilots.received[:shown]
    wanted = jnp.asarray(y.reshape(-1, 1) / np.linalg.norm(y))

    def residual(values: Float[Array, " values"]) -> Float[Array, " equations"]:
        predicted = response(_moved(stack, values), phases).reshape(-1, 1)
        left = (best_scale(predicted, wanted) * predicted - wanted).ravel()
        return jnp.concatenate([left.real, left.imag])

    size = 3 * stack.layers + (type(stack.model) in _FREE)
    run = jax.jit(residual), jax.jit(jax.jacfwd(residual))
    value, slopes = ((lambda at, f=f: np.asarray(f(jnp.asarray(at)))) for f in run)
    # Typed too narrowly by the stubs: a function is meant to work.
    jac: Any = slopes
    rng = np.random.default_rng(seed)
    begin = [np.zeros(size), *rng.normal(size=(starts - 1, size))]
    fits = [
        scipy.optimize.least_squares(value, each, jac, max_nfev=_MOST_EVALUATIONS) for each in begin
    ]
    best = _moved(stack, min(fits, key=lambda fit: fit.cost).x)
    return _in_numpy(best), _told(best)


def _moved(stack: Stack, values: Any) -> Stack:
    """Of which layers are moved, and whose model has its own parameter changed."""
    layers = stack.layers
    axial, up, turn = jnp.reshape(values[: 3 * layers], (3, layers))
    poses, unit = stack.poses, _SHIFT * jnp.asarray(stack.wavelength_m)
    inner = slice(1, layers + 1)
    moved = Pose(
        poses.dx_m,
        jnp.asarray(poses.dy_m).at[inner].add(unit * up),
        jnp.asarray(poses.dz_m).at[inner].add(unit * axial),
        poses.rx_rad,
        poses.ry_rad,
        jnp.asarray(poses.rz_rad).at[inner].add(_TURN * turn),
    )
    free = _FREE.get(type(stack.model))
    model = stack.model if free is None else free(stack.model, values[3 * layers])
    return replace(stack, poses=moved, model=model)


def _radar(model: Any, value: Any) -> InterlayerModel:
    """Exponents are not negative: as a square, from 1 on."""
    return GeometricRadar((1 + 0.3 * value) ** 2, model.gain)


def _dipoles(model: Any, value: Any) -> InterlayerModel:
    """Lengths between nothing and .6 λ; that of the model without a value."""
    return WireDipoles(model.length_m * (1 + 0.3 * jnp.tanh(value)), model.radius_m)


# The gain of a link, or the area of an element, is a common scale: it is in the pilots' gain.
_FREE: Mapping[type, Callable[[Any, Any], InterlayerModel]] = {
    GeometricRadar: _radar,
    WireDipoles: _dipoles,
}


def _told(stack: Stack) -> str:
    model = stack.model
    if isinstance(model, GeometricRadar):
        return f"q = {float(model.exponent):.2f}"
    if isinstance(model, WireDipoles):
        return f"length {float(model.length_m / stack.wavelength_m):.2f} λ"
    return ""


def _in_numpy(stack: Stack) -> Stack:
    return jax.tree.map(
        lambda leaf: np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf, stack
    )


def _links(product: Cascade) -> Links:
    first, *between, last = (np.asarray(gap.to_right) for gap in product.gaps)
    return Links(first, np.stack(between), last)


def _free(
    stack: Stack, pilots: Pilots, shown: int, begin: list[Links], judge: _Judge
) -> ProductFit:
    """All entries free, from the matrices of every fit before: the least error of all."""
    part = Pilots.measured(
        replace(pilots.plan, phases_rad=pilots.plan.phases_rad[:shown]), pilots.received[:shown]
    )
    transmission = jnp.exp(1j * jnp.asarray(pilots.plan.phases_rad))
    fits = [
        calibrate_entries(stack, part, start=links, stages=CumulativeStages(1), goal=0.0).links
        for links in begin
    ]
    found = [
        judge("any product", np.asarray(received(jax.tree.map(jnp.asarray, each), transmission)))
        for each in fits
    ]
    return min(found, key=lambda fit: fit.shown_nmse_db)
