"""Ways down the misfit of pilots whose every coefficient is free.

All see coefficients in units, see `entry_problem`. First-order methods come near in tens of steps
and then crawl along what pilots hardly tell; Gauss-Newton, with its equations solved by conjugate
gradients and never written down, goes on to rounding.

Source: calibration paper, section III-C, for gradient descent with steps from coarse to fine;
Y. Nesterov 1983 with the restarts of B. O'Donoghue and E. Candès, Found. Comput. Math. 15 (2015)
715; D. Kingma and J. Ba 2015; conjugate gradients stopped by the discrepancy, M. Hanke 1995.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from ..errors import require
from .entry_problem import EntryProblem, inner, largest_curvature, plus, zeros
from .links import Links

# A step that has to be shortened more is rounding.
_LEAST_SHARE = 1e-3


class EntryState(eqx.Module):
    """How far every coefficient has moved, the misfit there, and the way down from there."""

    moved: Links
    misfit: Float[Array, ""]
    descent: Links


class EntryMethod(Protocol):
    """One way down, a frozen dataclass of its own settings.

    `patience`: so many iterations without a gain worth having are the end; `None` of a method whose
    gain comes last.
    """

    patience: ClassVar[int | None]

    @property
    def iterations(self) -> int:
        """Most iterations that are made in a stage."""
        ...

    def begin(self, problem: EntryProblem, moved: Links) -> Any:
        """The state, an `EntryState`, at the beginning of a stage."""
        ...

    def step(self, problem: EntryProblem, state: Any) -> Any:
        """The state after one more iteration."""
        ...


class _Rated(EntryState):
    rate: Float[Array, ""]


@dataclass(frozen=True)
class GradientDescent:
    """The paper's: a step down the gradient, shorter from stage to stage.

    Steps are in units of the inverse of the gradient's Lipschitz constant.

    Raises:
        InputError: a step that is not between 0 and 2, beyond which descent is not stable.
    """

    iterations: int = 300
    coarse_step: float = 1.5
    fine_step: float = 1.0
    patience: ClassVar[int | None] = 100

    def __post_init__(self) -> None:
        for name in ("coarse_step", "fine_step"):
            step = getattr(self, name)
            require(0 < step < 2, f"`{name}` must be between 0 and 2, but is {step}.")

    def begin(self, problem: EntryProblem, moved: Links) -> _Rated:
        """The state at the beginning of a stage, with the step of this stage."""
        step = _between(self.coarse_step, self.fine_step, problem.fineness)
        rate = step / largest_curvature(problem, moved)
        return _Rated(moved, *problem.descent(moved), rate)

    def step(self, problem: EntryProblem, state: _Rated) -> _Rated:
        """One step of every coefficient."""
        moved = plus(state.moved, state.rate, state.descent)
        return _Rated(moved, *problem.descent(moved), state.rate)


class _Rolling(EntryState):
    behind: Links
    run: Int[Array, ""]
    rate: Float[Array, ""]


@dataclass(frozen=True)
class Nesterov:
    """Gradient descent with momentum, which starts anew when it leads uphill."""

    iterations: int = 300
    patience: ClassVar[int | None] = 100

    def begin(self, problem: EntryProblem, moved: Links) -> _Rolling:
        """The state at the beginning of a stage, at rest."""
        rate = 1 / largest_curvature(problem, moved)
        return _Rolling(moved, *problem.descent(moved), moved, jnp.array(0), rate)

    def step(self, problem: EntryProblem, state: _Rolling) -> _Rolling:
        """One step down from where momentum led; the misfit is that of the point ahead."""
        reached = plus(state.moved, state.rate, state.descent)
        way = plus(reached, -1, state.behind)
        run = jnp.where(inner(state.descent, way) < 0, 0, state.run + 1)
        ahead = plus(reached, run / (run + 3), way)
        return _Rolling(ahead, *problem.descent(ahead), reached, run, state.rate)


class _Remembering(EntryState):
    memory: Any
    rate: Links


@dataclass(frozen=True)
class Adam:
    """Adam, its rate falling by half a cosine in each stage, and from stage to stage.

    Rates are shares of the root mean square of the matrix that a coefficient belongs to.
    """

    iterations: int = 300
    coarse_rate: float = 1e-3
    fine_rate: float = 3e-4
    patience: ClassVar[int | None] = None

    def begin(self, problem: EntryProblem, moved: Links) -> _Remembering:
        """The state at the beginning of a stage, without memory."""
        share = _between(self.coarse_rate, self.fine_rate, problem.fineness)
        rate = jax.tree.map(
            lambda A, s: share * jnp.sqrt(jnp.mean(jnp.abs(A / s) ** 2, (-2, -1), keepdims=True)),
            problem.start,
            problem.unit,
        )
        return _Remembering(moved, *problem.descent(moved), self._optimiser().init(moved), rate)

    def step(self, problem: EntryProblem, state: _Remembering) -> _Remembering:
        """One step of every coefficient."""
        uphill = jax.tree.map(lambda g: -g / problem.power, state.descent)
        updates, memory = self._optimiser().update(uphill, state.memory)
        moved = jax.tree.map(lambda q, r, u: q + r * u, state.moved, state.rate, updates)
        return _Remembering(moved, *problem.descent(moved), memory, state.rate)

    def _optimiser(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(1.0, self.iterations))


@dataclass(frozen=True)
class GaussNewton:
    """Ours: the least-squares step of the linearised links, shortened until it gains.

    `inner_iterations`: most conjugate gradients a step. They end when what is left of the
    equations falls to `accuracy`, or when the goal would be reached: further ones would fit noise.
    """

    iterations: int = 20
    inner_iterations: int = 50
    accuracy: float = 1e-2
    patience: ClassVar[int | None] = 1

    def begin(self, problem: EntryProblem, moved: Links) -> EntryState:
        """The state at the beginning of a stage."""
        return EntryState(moved, *problem.descent(moved))

    def step(self, problem: EntryProblem, state: EntryState) -> EntryState:
        """One step, and none where none gains."""
        direction = self._direction(problem, state)

        def after(share: Float[Array, ""]) -> tuple[Float[Array, ""], EntryState]:
            moved = plus(state.moved, share, direction)
            return share, EntryState(moved, *problem.descent(moved))

        def is_uphill(tried: tuple[Float[Array, ""], EntryState]) -> Array:
            share, there = tried
            return ~(there.misfit <= state.misfit) & (share > 0)

        def shorter(tried: tuple[Float[Array, ""], EntryState]) -> tuple[Array, EntryState]:
            share = tried[0] / 4
            return after(jnp.where(share < _LEAST_SHARE, 0, share))

        return jax.lax.while_loop(is_uphill, shorter, after(jnp.ones(())))[1]

    def _direction(self, problem: EntryProblem, state: EntryState) -> Links:
        """Conjugate gradients on JᴴJ d = Jᴴ(y - f), from d = 0: no way along the gauges."""

        def under_way(now: _Conjugate) -> Array:
            is_rough = now.left > self.accuracy**2 * enough
            is_above = now.misfit > problem.goal * problem.power
            return is_rough & is_above & (now.count < self.inner_iterations)

        def iterate(now: _Conjugate) -> _Conjugate:
            bent = problem.curvature(state.moved, now.along)
            share = now.left / inner(now.along, bent)
            residual = plus(now.residual, -share, bent)
            left = inner(residual, residual)
            return _Conjugate(
                plus(now.solution, share, now.along),
                residual,
                plus(residual, left / now.left, now.along),
                left,
                now.misfit - share * now.left,
                now.count + 1,
            )

        enough = inner(state.descent, state.descent)
        nothing = zeros(state.moved)
        first = _Conjugate(
            nothing, state.descent, state.descent, enough, state.misfit, jnp.array(0)
        )
        return jax.lax.while_loop(under_way, iterate, first).solution


class _Conjugate(eqx.Module):
    """Conjugate gradients under way; `misfit` is that of the linearised links."""

    solution: Links
    residual: Links
    along: Links
    left: Float[Array, ""]
    misfit: Float[Array, ""]
    count: Int[Array, ""]


def _between(coarse: float, fine: float, fineness: Float[Array, ""]) -> Float[Array, ""]:
    return coarse * (fine / coarse) ** fineness
