"""A stream of blocks with gaps: what the belief and the monitor make of what is missing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, case_study

from metastack.calibration import Unknowns
from metastack.calibration.schedule import (
    Alarms,
    StreamMonitor,
    SubspaceDetector,
    Walk,
    pilots_on_path,
)


@dataclass(frozen=True, eq=False)
class Witness(SubspaceDetector):
    """A detector that tells how long it was left alone."""

    alone: ClassVar[list[int]] = []

    def idle(self, blocks):
        self.alone.append(blocks)
        return super().idle(blocks)


@pytest.fixture(scope="module")
def blocks():
    """A block to calibrate, and five of four slots, of a stack that does not move."""
    unknowns = Unknowns.of(case_study(2, 3, 2), ONE_USER, EXPECTED)
    truth = np.tile(np.random.default_rng(3).uniform(-1, 1, unknowns.size), (6, 1))
    return pilots_on_path(unknowns, truth, [32, *[4] * 5], snr_db=20.0, seed=0)


def watching(monitor):
    alarms = Alarms(monitor, false_alarms=2e-3)
    return StreamMonitor(case_study(2, 3, 2), EXPECTED, walk=Walk(0.02), alarms=alarms)


def test_a_gap_ages_the_belief_and_the_monitors_memory(blocks):
    """The monitor is told of every missing block, no more; the belief after a gap is wider than
    without one, and the decision is another because older evidence counts less."""
    Witness.alone.clear()
    whole, gapped = watching(SubspaceDetector()), watching(Witness())
    for number, block in enumerate(blocks[:-1]):
        whole.take(number, block)
        gapped.take(number, block)
    at_once, after_gap = whole.take(5, blocks[-1]), gapped.take(9, blocks[-1])
    assert (at_once.missed, after_gap.missed) == (0, 4)
    assert Witness.alone == [0, 0, 0, 0, 4]
    assert after_gap.expected_nmse > at_once.expected_nmse
    assert after_gap.decision.statistic != at_once.decision.statistic
    assert after_gap.decision.threshold == at_once.decision.threshold
