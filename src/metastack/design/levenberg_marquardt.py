import jax
import jax.numpy as jnp

from .problem import *


def linearise(problem, ph):
    t, dt = jax.jvp(problem.atoms, (ph,), (jnp.ones_like(ph),))
    A = jnp.stack(incoming_fields(problem.hops, t))
    B = jnp.stack(outgoing_weights(problem.hops, t, problem.target.shape[0]))
    G = (B[0] * t[0]) @ A[0].T
    r = scaled_error(problem, G).ravel()
    n = jnp.linalg.norm(problem.target)
    b = beta(problem, G)
    Bs = B * (dt * b / n)[:, None, :]
    J = jnp.einsum("lam,lbm->ablm", Bs, A).reshape(r.size, -1)
    g = (b * G / n).ravel()
    cols = jnp.stack([1j * g, g], 1)[:, : problem.scale.freedom]
    J = jnp.concatenate([J, cols], 1)
    J = jnp.concatenate([J.real, J.imag], 0)
    return jnp.concatenate([r.real, r.imag]), J


def iterate(problem, ph, mu):
    r, J = linearise(problem, ph)
    f = r @ r
    K = J @ J.T
    n = r.size
    mu = jnp.where(mu < 0, 1e-2 * jnp.trace(K) / n, mu)

    def trial(s):
        mu, nu, _, _, _, k = s
        me = jnp.maximum(mu, 1e-15 * K[0, 0])
        y = jax.scipy.linalg.cho_solve(
            jax.scipy.linalg.cho_factor(K + me * jnp.eye(n), lower=True), -r
        )
        d = J.T @ y
        st = d[: ph.size].reshape(ph.shape)
        fn = loss(problem, ph + st)
        lin = r + K @ y
        pred = f - lin @ lin
        rho = (f - fn) / pred
        big = jnp.max(jnp.abs(st)) > 3
        ok = (fn < f) & ~big
        return (
            jnp.where(ok, mu * jnp.maximum(0.05, 1 - (2 * rho - 1) ** 3), mu * nu),
            jnp.where(ok, nu, 2 * nu),
            jnp.where(ok, ph + st, ph),
            jnp.where(ok, fn, f),
            ok,
            k + 1,
        )

    s = jax.lax.while_loop(lambda s: (~s[4]) & (s[5] < 15), trial, (mu, 4.0, ph, f, False, 0))
    return s[2], s[3], s[0], s[5]
