"""Peak memory of one gradient on a stack of 4 layers of 128x128 atoms with 16 ports."""

import resource
import subprocess
import sys
from collections.abc import Iterator

from .rows import Row, limit_row


def rows() -> Iterator[Row]:
    peak = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory"], capture_output=True, text=True, check=True
    )
    yield limit_row("one gradient, 4 x 128x128, 16 ports: peak memory", float(peak.stdout), 2, "GB")


def one_gradient() -> None:
    import jax
    import numpy as np

    import metastack

    stack = metastack.make_uniform_stack(
        ports=4,
        atoms_per_side=128,
        layers=4,
        thickness_wavelengths=20.0,
        spacing_wavelengths=0.5,
    )
    target = metastack.dft_2d(4, 4)
    with metastack.float64():
        gradient = jax.grad(
            lambda phases: metastack.nmse(metastack.response(stack, phases), target)
        )
        jax.block_until_ready(gradient(np.zeros(stack.phases_shape)))


def peak_gb() -> float:
    """Largest resident set of this process; the kernel counts it in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


if __name__ == "__main__":
    one_gradient()
    print(peak_gb())
