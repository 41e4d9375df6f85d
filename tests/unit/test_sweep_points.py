"""Points of sweeps: every combination once, labelled by what was set; fronts; what is drawn."""

import numpy as np
import pytest
import xarray as xr

from metastack import InputError
from metastack.study.runs import Refused
from metastack.study.sweeps import (
    Axis,
    Draw,
    Objective,
    Points,
    SearchPlan,
    labelled,
    pareto_front,
    search,
    shown_results,
    summaries,
)


def axis(name, *values):
    return Axis(name, (name,), tuple((value,) for value in values))


SIZES, SEEDS = axis("size_m", 2.0, 3.0, 5.0), axis("seed", 0, 1)
TIED = Axis("case", ("method", "decay"), (("adam", 0.5), ("lbfgs", 0.7)))


def outcomes_of(points, places):
    """The product of size and seed + 1, and a vector of both."""
    every = list(points)
    return [
        {
            "product": np.array([every[k]["size_m"] * (every[k]["seed"] + 1) for k in place]),
            "both": np.array([[every[k]["size_m"], every[k]["seed"]] for k in place]),
        }
        for place in places
    ]


def test_points_are_all_combinations_with_the_last_axis_fastest():
    points = list(Points((SIZES, SEEDS)))
    assert len(points) == 6
    assert points[:3] == [
        {"size_m": 2.0, "seed": 0},
        {"size_m": 2.0, "seed": 1},
        {"size_m": 3.0, "seed": 0},
    ]


def test_results_stand_at_the_labels_of_their_points_whatever_units_they_came_in():
    points, places = Points((SIZES, SEEDS)), [[4, 1], [0, 5, 2], [3]]
    data = labelled(points, places, outcomes_of(points, places))
    for size in (2.0, 3.0, 5.0):
        for seed in (0, 1):
            at = data.sel(size_m=size, seed=seed)
            assert at["product"] == size * (seed + 1)
            np.testing.assert_array_equal(at["both"], [size, seed])
    assert data.size_m.attrs["units"] == "m"


def test_parameters_that_move_together_are_one_dimension_with_a_coordinate_each():
    data = labelled(Points((TIED,)), [[0, 1]], [{"error_db": np.array([1.0, 2.0])}])
    assert data.error_db.dims == ("case",)
    assert data.method.values.tolist() == ["adam", "lbfgs"]
    assert data.decay.values.tolist() == [0.5, 0.7]
    assert data.error_db.attrs["units"] == "dB"


def test_a_refused_point_is_nan_and_the_others_stay():
    points, places = Points((SIZES,)), [[0], [1], [2]]
    outcomes = [{"count": np.array([1])}, Refused("because"), {"count": np.array([3])}]
    data = labelled(points, places, outcomes)
    np.testing.assert_array_equal(data["count"], [1, np.nan, 3])
    with pytest.raises(InputError, match="No point can be computed: because"):
        labelled(points, places, [Refused("because")] * 3)


def test_what_is_left_out_is_named():
    """A vector that has two lengths, a result of one point only, one whose name an axis took."""
    error = Axis("error", ("x",), ((0,), (1,)))
    outcomes = [
        {"error": np.array([1.0]), "y": np.array([2.0]), "v": np.zeros((1, 2)), "w": np.array([1])},
        {"error": np.array([1.0]), "y": np.array([3.0]), "v": np.zeros((1, 3))},
    ]
    data = labelled(Points((error,)), [[0], [1]], outcomes)
    assert list(data.data_vars) == ["y"]
    assert data.attrs["left_out"] == "error, v, w"


def test_a_number_that_is_somewhere_unknown_stays_a_number_everywhere():
    """One point answers with a whole number, the other with null."""
    outcomes = [{"count": np.array([4])}, {"count": np.array([np.nan])}]
    data = labelled(Points((axis("seed", 0, 1),)), [[0], [1]], outcomes)
    np.testing.assert_array_equal(data["count"], [4, np.nan])


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((axis("x"),), "`x` must have at least one value"),
        ((axis("x", 1), axis("x", 2)), "stands there twice"),
        ((axis("decay", 1), TIED), "`decay` stands there twice"),
        ((TIED, Axis("decay", ("x",), ((1,),))), "`decay` stands there twice"),
        ((axis("a/b", 1),), "must not be empty or have a `/`"),
        ((axis("", 1),), "must not be empty"),
    ],
)
def test_what_is_no_grid_is_refused(axes, message):
    with pytest.raises(InputError, match=message):
        Points(axes)


def test_summary_finds_the_least_and_where_it_is():
    values = xr.DataArray([[3.0, np.nan], [-1.0, 7.0]], {"a": [10, 20], "b": [1, 2]}, ("a", "b"))
    data = xr.Dataset({"x": values, "again": values, "same": values * 0, "more": ("k", [1, 2])})
    assert shown_results(data) == ["x"]
    (told,) = summaries(data)
    assert (told["least"], told["median"], told["greatest"]) == (-1, 3, 7)
    assert told["least_at"] == "a 20, b 1"


# ---- drawing


def test_draws_keep_to_their_range_and_kind():
    generator = np.random.default_rng(0)
    whole = [Draw("n", ("n",), low=2, high=4).drawn(generator) for _ in range(200)]
    assert sorted(set(whole)) == [2, 3, 4]
    assert all(isinstance(value, int) for value in whole)
    chosen = {Draw("m", ("m",), choices=("a", "b")).drawn(generator) for _ in range(50)}
    assert chosen == {"a", "b"}


def test_draws_are_uniform_or_uniform_in_the_logarithm():
    """Half of 2000 draws lie below the middle: a deviation of 1.1 %, three of which are allowed."""
    generator = np.random.default_rng(0)
    plain = [Draw("x", ("x",), low=1.0, high=100.0).drawn(generator) for _ in range(2000)]
    logarithmic = Draw("x", ("x",), low=1.0, high=100.0, log=True)
    spread = [logarithmic.drawn(generator) for _ in range(2000)]
    assert abs(np.mean(np.array(plain) < 50.5) - 0.5) < 0.034
    assert abs(np.mean(np.array(spread) < 10) - 0.5) < 0.034


# ---- searching


def quadratic(points):
    return [{"error": (point["x"] - 0.3) ** 2, "size": abs(point["x"])} for point in points]


def plan(trials, *objectives):
    draws = (Draw("x", ("x",), low=-1.0, high=1.0),)
    return SearchPlan(draws, tuple(map(Objective, objectives)), trials, 4, 0)


def test_a_search_comes_nearer_than_chance_and_repeats_itself():
    """Of 40 uniform draws the best is off by 1/40 of half the range in the mean; the search looks
    where it was good and has to halve that."""
    pytest.importorskip("optuna")
    found = [point["x"] for point in search(plan(40, "error"), quadratic)]
    assert len(found) == 40
    assert min(abs(x - 0.3) for x in found) < 0.0125
    assert found == [point["x"] for point in search(plan(40, "error"), quadratic)]


def test_a_search_asks_in_batches_that_know_those_before():
    pytest.importorskip("optuna")
    sizes = []

    def evaluate(points):
        sizes.append(len(points))
        return quadratic(points)

    search(plan(10, "error", "size"), evaluate)
    assert sizes == [4, 4, 2]


def test_a_search_goes_on_past_what_is_refused():
    pytest.importorskip("optuna")

    def evaluate(points):
        return [None if one["x"] < 0 else quadratic([one])[0] for one in points]

    assert len(search(plan(12, "error"), evaluate)) == 12


def test_an_objective_must_be_a_result():
    pytest.importorskip("optuna")
    with pytest.raises(InputError, match="must be results, error, size, but has `loss`"):
        search(plan(4, "loss"), quadratic)


def test_the_front_holds_what_nothing_betters_in_everything():
    values = np.array([[1, 5], [2, 4], [3, 4], [5, 1], [1, 5], [np.nan, 0]], float)
    assert pareto_front(values, [False, False]).tolist() == [True, True, False, True, True, False]
    assert pareto_front(values, [True, False]).tolist() == [False, False, False, True, False, False]
