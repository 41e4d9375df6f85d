"""Closed-form coordinate descent: one atom at a time, each to its exact best."""

import jax
import jax.numpy as jnp

from .problem import outgoing_weights


def sweep(problem, phases_rad):
    t = problem.atoms(phases_rad)
    L = t.shape[0]
    out = outgoing_weights(problem.hops, t, problem.target.shape[0])
    hops = problem.hops
    inc = hops[0](jnp.eye(hops[0].from_size, dtype=t.dtype))
    ts = []
    for l in range(L):
        c = layer_sweep(problem, inc, out[l], t[l])
        ts.append(c)
        if l < L - 1:
            inc = hops[l + 1](inc * c)
    return jnp.angle(jnp.stack(ts))


def layer_sweep(problem, A, B, c):
    Q = (B.conj().T @ B) * (A.conj().T @ A)
    p = jnp.sum(B.conj() * (problem.target @ A.conj()), 0)
    b = problem.scale(jnp.vdot(c, p), jnp.vdot(c, Q @ c).real)
    bb = jnp.abs(b) ** 2
    z0 = jnp.conj(b) * p
    Qz = bb * (Q - jnp.diag(jnp.diag(Q)))

    def body(m, c):
        z = z0[m] - Qz[m] @ c
        return c.at[m].set(z / jnp.abs(z))

    return jax.lax.fori_loop(0, c.shape[0], body, c)
