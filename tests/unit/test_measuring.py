"""Time and memory of a call."""

import time
from functools import partial

import numpy as np
import pytest

from metastack.study.measuring import peak_bytes, timed

MIB = 2**20


def test_a_call_is_timed():
    result, seconds = timed(partial(time.sleep, 0.05))
    assert result is None
    assert 0.05 <= seconds < 5


@pytest.mark.parametrize("size_mib", [64, 256])
def test_the_memory_of_a_call_is_that_of_what_it_fills(size_mib):
    """Ones of this size; besides, a process may have up to 40 MiB of its own that come and go."""
    peak = peak_bytes(partial(np.ones, size_mib * MIB // 8))
    assert peak is not None
    assert abs(peak - size_mib * MIB) < 40 * MIB


def test_memory_that_cannot_be_told_is_not():
    """Of what fails in the other process, and of what cannot be sent there."""
    assert peak_bytes(partial(np.ones, -1)) is None
    assert peak_bytes(lambda: None) is None
