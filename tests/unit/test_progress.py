"""What commands tell on their way: bounded, and complete at its end."""

import json

import numpy as np
import pytest

from metastack.cli.progress import DesignProgress
from metastack.design import InsertionLossMeter, SearchProgress


def followed(monkeypatch, tmp_path, stack=None, starts=1):
    monkeypatch.setenv("METASTACK_PROGRESS", str(tmp_path / "told.jsonl"))
    return DesignProgress(starts, stack)


def told(tmp_path):
    return [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]


def search(first, count, starts=1, phases=None, first_start=0):
    errors_db = -np.arange(first, first + count, dtype=float)[:, None] * np.ones(starts)
    shape = np.zeros((starts, 2, 9)) if phases is None else phases
    return SearchProgress(first_start, first, errors_db, shape)


def test_a_million_iterations_are_a_few_thousand_lines(monkeypatch, tmp_path):
    """All to 255, then 128 each time that their number doubles; the last one twice, at the end."""
    with followed(monkeypatch, tmp_path) as progress:
        progress._last_end = np.inf
        for first in range(1, 2**20, 2**14):
            progress(search(first, 2**14))
    lines = told(tmp_path)
    iterations = [line["iteration"] for line in lines]
    assert iterations[:255] == list(range(1, 256))
    assert iterations == sorted(iterations)
    assert len(lines) == 255 + 12 * 128 + 2
    assert lines[-1]["iteration"] == 2**20


def test_every_start_is_told_to_its_end_with_its_loss(monkeypatch, tmp_path, small_stack):
    phases = np.random.default_rng(0).uniform(0, 6, (2, *small_stack.phases_shape))
    with followed(monkeypatch, tmp_path, small_stack, starts=4) as progress:
        progress._last_end = np.inf
        for first_start in (0, 2):
            progress(search(1, 300, 2, phases, first_start))
            progress(search(301, 10, 2, phases, first_start))
            progress._last_end = np.inf
    losses_db = InsertionLossMeter.of(small_stack)(phases)
    for start in range(4):
        last = [line for line in told(tmp_path) if line["done"] == start][-1]
        assert (last["iteration"], last["error_db"]) == (310, -310)
        assert last["insertion_loss_db"] == pytest.approx(float(losses_db[start % 2]), abs=1e-9)
