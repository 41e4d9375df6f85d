"""Power probes between layers: a few detectors that read |field|² while pilots are sent.

A probe stands still in the frame of the stack, behind one of the programmable layers. It reads
|√s f + n|², f the field there, n its noise, s what it makes of power, which is not known; what it
reads in the dark, E|n|², is known and taken off.

Source: calibration paper, section V-C, asks for intermediate states; the rest is ours.
"""

from collections.abc import Sequence
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, Key

from .._types import AnyArray, Number
from ..errors import require
from ..precision import in_float64
from ..rician import information
from ..stack import Stack
from .illumination import Illumination
from .links import Links, times
from .pilots import PilotPlan, check_plan


class PowerProbes(eqx.Module):
    """Detectors behind one programmable layer, at places in metres in the frame of the stack.

    `layer` counts from 1. `noise_variance`: E|n|², what a probe reads in the dark, in the units of
    its readings; of each or of all.
    """

    layer: int = eqx.field(static=True)
    positions_m: Float[np.ndarray, "probes 3"]
    noise_variance: Float[AnyArray, "#probes"] | Number

    @classmethod
    def behind(
        cls,
        stack: Stack,
        layer: int,
        atoms: Int[AnyArray, " probes"] | Sequence[int],
        *,
        noise_variance: Float[AnyArray, "#probes"] | Number,
        share_of_gap: float = 0.5,
    ) -> Self:
        """Probes behind atoms of a layer, as designed, so much of the way to the next plane.

        Raises:
            InputError: a layer or an atom that the stack does not have; a share that is not between
                0 and 1; noise variances that are not positive, or not one or one a probe.
        """
        chosen = np.atleast_1d(np.asarray(atoms, int))
        require(
            1 <= layer <= stack.layers,
            f"`layer` must be from 1 to {stack.layers}, but is {layer}.",
        )
        require(
            chosen.size > 0 and chosen.min() >= 0 and chosen.max() < stack.layer_array.size,
            f"`atoms` must be from 0 to {stack.layer_array.size - 1}, but are {chosen.tolist()}.",
        )
        require(0 < share_of_gap < 1, f"`share_of_gap` must be in (0, 1), but is {share_of_gap}.")
        gaps_m = np.asarray(stack.gaps_m)
        height_m = gaps_m[:layer].sum() + share_of_gap * gaps_m[layer]
        places = np.asarray(stack.layer_array.positions_m)[chosen]
        probes = cls(layer, places + np.array([0.0, 0.0, height_m]), noise_variance)
        check_probes([probes], stack)
        # Numbers of their own in arrays, so that others need no other program.
        return cls(layer, probes.positions_m, noise_of([probes]))


def check_probes(probes: Sequence[PowerProbes], stack: Stack) -> None:
    """Refuse probes that cannot be.

    Raises:
        InputError: none; a layer that the stack does not have, places that are not finite or not
            behind it, noise variances that are not positive, or not one or one a probe.
    """
    require(len(probes) > 0, "There must be at least one set of probes, but there is none.")
    for each in probes:
        require(
            1 <= each.layer <= stack.layers,
            f"`layer` of probes must be from 1 to {stack.layers}, but is {each.layer}.",
        )
        require(
            bool(np.isfinite(each.positions_m).all()), "Positions of probes must be finite, in m."
        )
        plane_m = float(np.sum(np.asarray(stack.gaps_m)[: each.layer]))
        nearest_m = float(each.positions_m[:, 2].min())
        require(
            nearest_m > plane_m,
            f"Probes must stand behind layer {each.layer}, beyond {plane_m:.4g} m, but one stands "
            f"at {nearest_m:.4g} m.",
        )
        noise = np.asarray(each.noise_variance, float)
        many = len(each.positions_m)
        require(
            noise.shape in ((), (1,), (many,)),
            f"`noise_variance` must be one number or one for each of {many} probes, but has shape "
            f"{noise.shape}.",
        )
        require(
            bool(np.all(np.isfinite(noise) & (noise > 0))),
            f"`noise_variance` of probes must be positive, but is {np.min(noise):.4g}.",
        )


@eqx.filter_jit
def probe_powers(
    stack: Stack,
    illumination: Illumination,
    transmission: Complex[Array, "slots layers atoms"],
    probes: Sequence[PowerProbes],
) -> Float[Array, "slots probes users"]:
    """|field|² of unit users at every probe, set after set; differentiable in poses and users."""
    links = Links.of_stack(stack, illumination)
    planes = stack.planes
    powers = list[Array]()
    for each in probes:
        plane = planes[each.layer]
        hop = stack.model(
            plane.positions_m,
            jnp.asarray(each.positions_m),
            normal=plane.normal,
            wavelength_m=stack.wavelength_m,
        )
        field = times(_behind(links, transmission, each.layer), hop)
        powers.append(jnp.swapaxes(field.real**2 + field.imag**2, -1, -2))
    return jnp.concatenate(powers, axis=1)


def _behind(
    links: Links, transmission: Complex[Array, "slots layers atoms"], layer: int
) -> Complex[Array, "slots users atoms"]:
    """Field just behind a layer."""
    first = jnp.asarray(links.first).T
    field = first * transmission[:, 0, None, :]
    for number in range(1, layer):
        matrix = jnp.asarray(links.between)[number - 1]
        field = times(field, matrix) * transmission[:, number, None, :]
    return field


def noise_of(probes: Sequence[PowerProbes]) -> Float[np.ndarray, " probes"]:
    """The noise variance of every probe, set after set."""
    return np.concatenate(
        [
            np.broadcast_to(np.asarray(each.noise_variance, float), len(each.positions_m))
            for each in probes
        ]
    )


def with_noise_variance(
    probes: Sequence[PowerProbes], noise_variance: Float[AnyArray, " probes"]
) -> list[PowerProbes]:
    """The same probes with other noise, of every probe, set after set."""
    ends = np.cumsum([len(each.positions_m) for each in probes])
    parts = np.split(np.asarray(noise_variance, float), ends[:-1])
    return [
        PowerProbes(each.layer, each.positions_m, part)
        for each, part in zip(probes, parts, strict=True)
    ]


def reading_variance(
    means: Float[AnyArray, "slots probes users"], noise_variance: Float[AnyArray, " probes"]
) -> Float[np.ndarray, "slots probes users"]:
    """Variance of readings of these means, 2 m σ² + σ⁴: n is circular and Gaussian."""
    noise = np.asarray(noise_variance)[:, None]
    return 2 * np.asarray(means) * noise + noise**2


@in_float64
def reading_information(
    means: Float[AnyArray, "slots probes users"], noise_variance: Float[AnyArray, " probes"]
) -> Float[np.ndarray, "slots probes users"]:
    """Fisher information of every reading about its mean, by its own law.

    Never below one over its variance, and above it by 7 % at most, where a probe sees 1.5 times
    its noise.
    """
    noise = np.asarray(noise_variance)[:, None]
    return np.asarray(information(jnp.asarray(means) / noise).snr) / noise**2


@in_float64
def simulate_probes(
    stack: Stack,
    plan: PilotPlan,
    probes: Sequence[PowerProbes],
    *,
    key: Key[Array, ""],
    scale: Float[AnyArray, "#probes"] | Number = 1.0,
) -> Float[np.ndarray, "slots probes users"]:
    """What the probes of a built stack read in every slot, the mean of their noise taken off.

    `scale`: what probes make of power, each or all; the calibration does not know it.

    Raises:
        InputError: phases of another stack; probes that cannot be; scales that are not positive.
    """
    check_plan(plan, stack)
    check_probes(probes, stack)
    factor = np.asarray(scale, float)
    require(
        bool(np.all(np.isfinite(factor) & (factor > 0))),
        f"`scale` must be positive, but is {np.min(factor):.4g}.",
    )
    shown = stack.atoms(jnp.asarray(plan.phases_rad))
    powers = np.asarray(probe_powers(stack, plan.illumination, shown, probes))
    noise = noise_of(probes)[:, None]
    means = np.broadcast_to(factor, noise.shape[:1])[:, None] * powers
    parts = np.asarray(jax.random.normal(key, (2, *powers.shape), float)) * np.sqrt(noise / 2)
    # Only the modulus of the field is read, so that its phase may be anything.
    return (np.sqrt(means) + parts[0]) ** 2 + parts[1] ** 2 - noise
