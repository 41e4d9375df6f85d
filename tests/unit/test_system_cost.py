"""What errors cost and calibration wins back: laws that hold whatever the system is."""

from dataclasses import asdict

import jax
import numpy as np
import pytest

import metastack as ms
from metastack import InputError, make_uniform_stack
from metastack.files import StackDescription
from metastack.files.stack_file import description_text
from metastack.study.cost import (
    WAYS,
    Bench,
    CostStudy,
    DirectionUse,
    DownlinkUse,
    HolographicUse,
    built_stack,
    common_tolerance,
    cost_point,
    mean_interval,
    shares,
    won_back,
)
from metastack.study.cost.point import told
from metastack.study.runs import RunFolder, RunInputs, run_units

pytestmark = pytest.mark.usefixtures("double_precision")

QUIET = Bench(slots=30, snr_db=np.inf)
NOISY = Bench(slots=30, snr_db=5.0)


@pytest.fixture(scope="module")
def straight():
    return make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )


@pytest.fixture(scope="module")
def nominal(straight):
    """Designed askew, so that it has no symmetry: it and what is built share compiled programs."""
    return built_stack(straight, common_tolerance(straight, 0.02), jax.random.key(9))


@pytest.fixture(scope="module")
def system(nominal):
    """Two users in one drawn channel, strong enough for interference to matter."""
    channels = 10 * np.random.default_rng(0).standard_normal((2, 1, 2, 9))
    target = np.eye(4, dtype=complex)
    text = description_text(StackDescription(nominal, target, "tiny"))
    return DownlinkUse(text, channels.tolist(), power_w=1.0, starts=1)


def point(system, bench, tolerance, draw=0):
    found = cost_point(
        system=told(system),
        bench=asdict(bench),
        tolerance_wavelengths=tolerance,
        draw=draw,
        seed=0,
    )
    return {name: float(value) for name, value in found.items()}


def test_without_errors_nothing_is_lost_nor_won(system):
    """At tolerance 0 the built stack is the perfect one: all four are one number, to the bit."""
    assert len(set(point(system, QUIET, 0.0).values())) == 1


def test_pilots_without_noise_are_worth_knowing_the_errors(system):
    """Noiseless pilots tell the stack to 1e-8 or better, and a redesign that starts alike ends
    alike; 1e-3 of the rate allows for a round more or less before it settles."""
    found = point(system, QUIET, 0.05)
    assert found["calibrated"] == pytest.approx(found["known"], rel=1e-3)
    assert found["built"] < 0.95 * found["perfect"]


def test_knowing_the_errors_is_worth_at_least_what_noisy_pilots_are(system):
    """On average over stacks; at 5 dB pilots leave errors that cost."""
    found = [point(system, NOISY, 0.05, draw) for draw in range(4)]
    known, calibrated = (np.mean([each[way] for each in found]) for way in ("known", "calibrated"))
    built = np.mean([each["built"] for each in found])
    assert built < calibrated < known


def test_the_same_draw_gives_the_same_numbers(system):
    """A point depends on what it is told alone, whatever was computed before it."""
    first = point(system, NOISY, 0.05, draw=1)
    point(system, NOISY, 0.05, draw=2)
    assert point(system, NOISY, 0.05, draw=1) == first


def test_a_run_that_was_stopped_goes_on_to_the_same_dataset(system, tmp_path):
    """Interrupted after some points and begun again: bit for bit as if it had not been."""
    study = CostStudy(system, NOISY, [0.0, 0.05], 2, 0)
    units = study.units()

    def folder(name):
        inputs = RunInputs("cost", name, study.fingerprint(units), 0, len(units), len(units), "")
        return RunFolder.begin(tmp_path / name, inputs, {})

    def stop(_):
        stopped.append(1)
        if len(stopped) == 4:
            raise KeyboardInterrupt

    stopped: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run_units(units, folder("stopped"), on_points=stop)
    assert 0 < folder("stopped").done < len(units)
    again = study.gathered(run_units(units, folder("stopped")))
    whole = study.gathered(run_units(units, folder("whole")))
    assert again.identical(whole)
    assert shares(again, "calibrated")[0] is None


@pytest.mark.parametrize("axis", ["rx_rad", "ry_rad", "rz_rad"])
def test_a_turn_within_tolerance_moves_the_edge_as_far_as_a_shift(straight, axis):
    """By as much as the shift itself it would move the edge of the aperture; the outermost of three
    atoms a side are at two thirds of it."""
    limit = common_tolerance(straight, 0.01).tolerance
    positions_m = np.asarray(straight.planes[1].positions_m)
    lever_m = {
        "rx_rad": np.abs(positions_m[:, 1]),
        "ry_rad": np.abs(positions_m[:, 0]),
        "rz_rad": np.hypot(positions_m[:, 0], positions_m[:, 1]),
    }[axis].max()
    moved_m = getattr(limit, axis) * lever_m
    assert moved_m == pytest.approx(2 / 3 * limit.dx_m, rel=1e-9)


def test_errors_of_one_draw_grow_with_the_tolerance(straight):
    """The same key has the same errors in units of the tolerance."""
    small, large = (
        built_stack(straight, common_tolerance(straight, share), jax.random.key(3))
        for share in (0.01, 0.05)
    )
    for of_small, of_large in zip(
        jax.tree.leaves(small.poses), jax.tree.leaves(large.poses), strict=True
    ):
        assert np.allclose(5 * of_small, of_large, rtol=1e-12, atol=0)


def test_what_is_won_back_is_the_ratio_of_means_and_paired():
    """Where every stack wins back nine tenths of its own loss, chance over stacks changes
    nothing: the interval is a point."""
    loss = np.random.default_rng(0).uniform(1, 3, 30)
    found = won_back(np.full(30, 10.0), 10 - loss, 10 - 0.1 * loss)
    assert found is not None
    assert [found.value, found.low, found.high] == pytest.approx([0.9] * 3, rel=1e-9)


def test_no_share_is_told_of_a_loss_that_may_be_none():
    """A loss whose interval holds zero determines no share."""
    loss = np.array([-1.0, 1.0] * 10)
    assert won_back(np.zeros(20), -loss, np.zeros(20)) is None


def test_the_interval_of_a_mean_has_its_normal_width():
    """± 1.96 standard errors for many draws; a quarter allows for 1000 bootstrap repeats."""
    values = np.random.default_rng(1).normal(0, 1, 400)
    found = mean_interval(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.25)


@pytest.mark.parametrize(("tolerances", "draws"), [([], 3), ([-0.1], 3), ([np.nan], 3), ([0.1], 1)])
def test_what_cannot_be_drawn_is_refused(system, tolerances, draws):
    with pytest.raises(InputError, match="must be"):
        CostStudy(system, QUIET, tolerances, draws, 0)


def test_every_point_has_every_way(system):
    assert tuple(point(system, QUIET, 0.0)) == WAYS


def test_two_built_ends_of_a_link_win_back_its_capacity(nominal):
    """Noiseless pilots: as known to 1e-3, near the perfect link, which the built one is not."""
    text = description_text(StackDescription(nominal, np.eye(4, dtype=complex), "end"))
    link = HolographicUse(text, text, channels=1, distance_m=50.0, power_w=1.0)
    assert len(set(point(link, QUIET, 0.0).values())) == 1
    found = point(link, QUIET, 0.05)
    assert found["built"] < 0.98 * found["perfect"]
    assert found["calibrated"] == pytest.approx(found["known"], rel=1e-3)
    assert found["known"] > 0.5 * (found["built"] + found["perfect"])


def test_directions_behind_a_built_stack_are_read_well_again(nominal):
    """Errors in dB: less is better. 200 directions, the same for all four."""
    text = description_text(StackDescription(nominal, ms.dft_2d(2, 2), "reader"))
    use = DirectionUse(text, physical_snr_db=40.0, snapshots=2, trials=200)
    assert len(set(point(use, QUIET, 0.0).values())) == 1
    found = point(use, QUIET, 0.05)
    assert found["built"] > found["perfect"] + 1
    assert found["calibrated"] == pytest.approx(found["known"], abs=0.5)
    assert found["known"] < found["built"] - 0.5
