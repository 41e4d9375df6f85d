"""Figures of strategies and probes show the numbers that they were given, where they should be."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import same_color, to_hex
from matplotlib.container import ErrorbarContainer
from scipy.stats import chi2
from test_report_figures import rendered

from metastack.calibration import Ending
from metastack.calibration.strategies import LinearMap, Preparation, Training, UnrolledNetwork
from metastack.errors import InputError
from metastack.report import (
    accuracy_figure,
    few_figure,
    probes_figure,
    search_depth_figure,
    strategies_figure,
    training_figure,
    tuning_figure,
)
from metastack.study import (
    Accuracy,
    Comparison,
    FewStudy,
    ProbesStudy,
    SearchDepth,
    StrategyScore,
)

RNG = np.random.default_rng(0)
SNR_DB = np.array([10.0, 20.0, 30.0])


def decibels(linear):
    return 10 * np.log10(linear)


def bars(axes):
    """Points with intervals, by their label."""
    found = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    return {each.get_label(): each for each in found}


def labelled(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def a_depth(snr_db, bound):
    """Of five searches, the second and third of which end within the first level."""
    missed = bound * (1 + RNG.uniform(0.5, 1, (8, 5)) / np.arange(1, 6) ** 2)
    is_whole = np.array([True, False, False, True, True])
    return SearchDepth(snr_db, np.array([1, 7, 11, 19, 30]), is_whole, missed, bound)


@pytest.mark.parametrize("allowed", [30, 25])
def test_every_level_of_a_search_stands_at_its_candidates(allowed):
    """Mean of linear errors in dB; the limit is only drawn where it ends a search."""
    depths = [a_depth(10.0, 1e-4), a_depth(20.0, 1e-5)]
    (axes,) = rendered(search_depth_figure(depths, allowed)).axes
    for depth in depths:
        points, _, (interval,) = bars(axes)[f"SNR {depth.snr_db:g} dB"]
        mean_db = decibels(depth.missed.mean(axis=0))
        np.testing.assert_array_equal(points.get_xdata(), [1, 19, 30])
        np.testing.assert_allclose(points.get_ydata(), mean_db[[0, 3, 4]])
        for (low, high), mean in zip(
            (path.vertices[:, 1] for path in interval.get_paths()), mean_db[[0, 3, 4]], strict=True
        ):
            assert low < mean < high
        same = [
            line for line in axes.get_lines() if same_color(line.get_color(), points.get_color())
        ]
        assert any(np.array_equal(line.get_xdata(), depth.candidates) for line in same)
        dashed = [line.get_ydata() for line in same if line.get_linestyle() == "--"]
        np.testing.assert_allclose(dashed, decibels(depth.bound))
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    assert ("allowed" in labelled(axes)) == (allowed == 25)
    if allowed == 25:
        np.testing.assert_array_equal(labelled(axes)["allowed"].get_xdata(), 25)


def test_curves_can_be_told_apart_in_grey():
    """Each has a marker of its own, and there are no more curves than markers."""
    depths = [a_depth(float(snr_db), 10 ** (-4 - snr_db / 10)) for snr_db in range(0, 60, 10)]
    (axes,) = rendered(search_depth_figure(depths, 40)).axes
    points = [container[0] for container in bars(axes).values()]
    assert len({line.get_marker() for line in points}) == len(depths)
    assert len({to_hex(line.get_color()) for line in points}) == len(depths)
    with pytest.raises(InputError, match="must be from 1 to 6, but are 7"):
        search_depth_figure([*depths, depths[0]], 40)


def an_accuracy(stated, *names):
    bound = np.array([1e-4, 1e-5, 1e-6])
    measured = {name: bound * RNG.uniform(1, 3, (12, 3)) for name in names}
    return Accuracy(SNR_DB, 1e-3, bound, 1.2 * bound if stated else None, measured)


def test_what_a_map_states_stands_beside_what_it_does():
    accuracy = an_accuracy(True, "linear map")
    (axes,) = rendered(accuracy_figure(accuracy)).axes
    lines = labelled(axes)
    np.testing.assert_allclose(lines["stated by the map"].get_ydata(), decibels(accuracy.stated))
    np.testing.assert_allclose(lines["best fit: bound"].get_ydata(), decibels(accuracy.bound))
    np.testing.assert_allclose(lines["uncalibrated"].get_ydata(), -30)
    points = bars(axes)["linear map"][0]
    np.testing.assert_allclose(points.get_xdata(), SNR_DB)
    mean = accuracy.measured["linear map"].mean(axis=0)
    np.testing.assert_allclose(points.get_ydata(), decibels(mean))


def a_training(loss, held_out_steps, held_out):
    preparation = Preparation((), (), np.ones(1), np.ones((1, 1, 1), complex))
    linear = LinearMap(preparation, np.ones(1), np.ones((2, 1)), np.ones(1), np.ones((1, 1)))
    network = UnrolledNetwork.untrained(linear, steps=1, reach=1.0)
    return Training(
        network,
        np.array(loss),
        Ending.BUDGET_SPENT,
        np.array(held_out_steps, int),
        np.array(held_out, float),
    )


def test_losses_are_in_decibels_and_begin_before_training():
    """The loss is the mean of natural logarithms of NMSEs: of 0.01 it is -20 dB."""
    training = a_training(np.log([1e-2, 1e-3, 2e-3]), [0, 2, 3], np.log([1e-2, 1e-3, 1e-3]))
    names = ("linear map", "before training", "after training")
    accuracy = an_accuracy(False, *names)
    left, right = rendered(training_figure(training, accuracy)).axes
    lines = labelled(left)
    np.testing.assert_allclose(lines["batch trained on"].get_xydata()[:2], [[0, -20], [1, -30]])
    np.testing.assert_allclose(lines["held out"].get_xydata(), [[0, -20], [2, -30], [3, -30]])
    np.testing.assert_allclose(lines["held out, before training"].get_ydata(), -20)
    assert set(bars(right)) == set(names)
    assert "stated by the map" not in labelled(right)
    for name, (points, *_) in bars(right).items():
        np.testing.assert_allclose(points.get_xdata(), SNR_DB, atol=0.02 * np.ptp(SNR_DB))
        mean = accuracy.measured[name].mean(axis=0)
        np.testing.assert_allclose(points.get_ydata(), decibels(mean))


def test_training_that_was_stopped_at_once_is_drawn():
    training = a_training(np.zeros(0), np.zeros(0, int), np.zeros(0))
    left, _ = rendered(training_figure(training, an_accuracy(False, "linear map"))).axes
    assert "held out, before training" not in labelled(left)


def test_tuning_stands_in_the_band_of_the_best_fits():
    """Which 95 % of sums of squares of so many standard normal numbers are in: Monte Carlo."""
    training = a_training([2.3, 2.2, 2.1], [], [])
    (axes,) = rendered(tuning_figure(training, responses=50, pilots=2)).axes
    np.testing.assert_allclose(labelled(axes)["measured pilots"].get_ydata(), [2.3, 2.2, 2.1])
    np.testing.assert_allclose(labelled(axes)["its mean"].get_ydata(), 2 * 49 / 50)
    (band,) = axes.patches
    sums = chi2.rvs(2 * 49, size=(4000, 2), random_state=1).sum(axis=1) / 100
    inside = (sums > band.get_y()) & (sums < band.get_y() + band.get_height())
    assert np.mean(inside) == pytest.approx(0.95, abs=5 * np.sqrt(0.95 * 0.05 / 4000))


def a_score(name, seconds):
    held_out, raw = RNG.uniform(1e-5, 1e-4, (2, 6))
    return StrategyScore(name, 32, raw, raw / 2, held_out, seconds, None)


def test_strategies_are_compared_row_by_row():
    """Every stack and the linear mean; times between two numbers at least on their axis."""
    comparison = Comparison(a_score("as designed", 0.0), (a_score("a", 0.05), a_score("b", 0.06)))
    errors, times = rendered(strategies_figure(comparison)).axes
    assert [text.get_text() for text in errors.get_yticklabels()] == ["as designed", "a", "b"]
    for row, place in zip((comparison.nominal, *comparison.strategies), (2, 1, 0), strict=True):
        for nmse, aside, marker in ((row.held_out, 0.14, "o"), (row.raw, -0.14, "^")):
            near = [
                line
                for line in errors.get_lines()
                if len(line.get_ydata()) and abs(np.mean(line.get_ydata()) - place - aside) < 1e-9
            ]
            dots, mean = near
            assert dots.get_marker() == marker
            np.testing.assert_allclose(dots.get_xdata(), decibels(nmse))
            np.testing.assert_allclose(mean.get_xdata(), decibels(nmse.mean()))
    (line,) = times.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[0.05, 1], [0.06, 0]])
    np.testing.assert_allclose(times.get_xlim(), [0.01, 0.1])


def a_few_study(told):
    bound = np.linspace(2e-4, 1e-4, 3)
    measured = RNG.uniform(1e-4, 3e-4, (9, 3))
    return FewStudy(1, np.array(told, float), 1e-3, bound, 2 * bound, measured)


@pytest.mark.parametrize(("told", "beyond"), [([10, 1, 0.1], []), ([10, 1, 1e-5], [3])])
def test_variances_that_nothing_tells_are_said_to_be_above_the_axis(told, beyond):
    """Along a direction that pilots tell λ of, 1/λ is left without a prior: over 1000 an arrow."""
    study = a_few_study(told)
    left, right = rendered(few_figure(study)).axes
    arrows = labelled(left).get("above the axis")
    assert ([] if arrows is None else list(arrows.get_xdata())) == beyond
    squares = [line for line in left.get_lines() if line.get_marker() == "s"]
    shown = np.concatenate([line.get_ydata() for line in squares])
    np.testing.assert_allclose(shown, [1 / each for each in told if each > 1e-3])
    for name, bound in (("prior: bound", study.with_prior), ("no prior: bound", study.no_prior)):
        np.testing.assert_allclose(labelled(right)[name].get_ydata(), decibels(bound))
    mean = study.measured.mean(axis=0)
    names = ("few, prior: simulated", "few, no prior: simulated", "all, prior: simulated")
    for name, nmse in zip(names, mean, strict=True):
        (found_db,) = bars(right)[name][0].get_ydata()
        np.testing.assert_allclose(found_db, decibels(nmse))


def test_probes_are_drawn_with_and_without():
    measured = RNG.uniform(1e-5, 1e-4, (9, 3))
    study = ProbesStudy(
        1e-3, 20.0, 1e-4, SNR_DB, np.array([9e-5, 5e-5, 4e-5]), SNR_DB, measured[:, 0], measured
    )
    (axes,) = rendered(probes_figure(study)).axes
    lines = labelled(axes)
    np.testing.assert_allclose(lines["pilots alone: bound"].get_ydata(), -40)
    np.testing.assert_allclose(lines["with probes: bound"].get_ydata(), decibels(study.bound))
    styles = [lines[f"{who}: bound"].get_linestyle() for who in ("pilots alone", "with probes")]
    assert styles[0] != styles[1]
    points = bars(axes)["with probes: simulated"][0]
    np.testing.assert_allclose(points.get_ydata(), decibels(measured.mean(axis=0)))
