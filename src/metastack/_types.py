"""Names for what functions take: a number that JAX may be tracing, an array from anywhere."""

from typing import TypeAlias

import jax
import numpy as np

Number: TypeAlias = float | np.ndarray | np.floating | jax.Array
AnyArray: TypeAlias = np.ndarray | jax.Array
