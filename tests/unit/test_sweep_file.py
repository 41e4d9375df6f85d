"""Sweep files: what they may say, and one line for what they may not."""

import re
from pathlib import Path

import pytest

from metastack import InputError
from metastack.study.sweeps.sweep_file import parse_sweep, read_sweep

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = 'command = "design"\n'


def points_of(text):
    return [dict(point) for point in parse_sweep(HEAD + text, Path(), "s").points]


def refusal(text):
    with pytest.raises(InputError) as error:
        parse_sweep(text, Path(), "s")
    return str(error.value)


def test_a_grid_is_every_combination():
    text = "seeds = 2\n[grid]\ndecay = [0.7, 0.8]"
    assert points_of(text) == [
        {"decay": 0.7, "seed": 0},
        {"decay": 0.7, "seed": 1},
        {"decay": 0.8, "seed": 0},
        {"decay": 0.8, "seed": 1},
    ]


def test_an_axis_may_set_several_parameters():
    text = '[grid.side]\nset = ["stack.layers.columns", "stack.layers.rows"]\nvalues = [3, 5]'
    assert points_of(text)[1] == {"stack.layers.columns": 5, "stack.layers.rows": 5}


def test_a_range_has_both_ends_and_keeps_what_people_write():
    text = "[grid.decay]\nfirst = 0.1\nlast = 0.5\ncount = 5"
    assert [point["decay"] for point in points_of(text)] == [0.1, 0.2, 0.3, 0.4, 0.5]
    text = "[grid.decay]\nfirst = 1\nlast = 100\ncount = 3\nlog = true"
    assert [point["decay"] for point in points_of(text)] == [1, 10, 100]


def test_whole_numbers_from_whole_ends_are_whole():
    counts = [p["n"] for p in points_of("[grid.n]\nfirst = 1\nlast = 5\ncount = 3")]
    assert counts == [1, 3, 5]
    assert all(isinstance(count, int) for count in counts)


def test_names_are_those_of_options_however_they_are_written():
    assert points_of("[grid]\ngoal-db = [-10]") == [{"goal_db": -10}]
    assert "stands there twice" in refusal(HEAD + "[grid]\ngoal-db = [-10]\ngoal_db = [-20]")
    assert "is both" in refusal(HEAD + "[fixed]\ngoal_db = -1\n[grid]\ngoal-db = [-10]")


def test_a_list_moves_parameters_together():
    text = '[lists.case]\nmethod = ["adam", "lbfgs"]\niterations = [10, 20]'
    assert points_of(text) == [
        {"method": "adam", "iterations": 10},
        {"method": "lbfgs", "iterations": 20},
    ]


def test_random_draws_are_those_of_their_seed():
    text = "[random]\ncount = 5\nseed = {}\n[random.parameters]\ndecay = {{low = 0.7, high = 1.0}}"
    first, again, other = (points_of(text.format(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert all(0.7 <= point["decay"] <= 1 for point in first)


def test_the_examples_can_be_read():
    for path in EXAMPLES.glob("sweep*.toml"):
        assert read_sweep(path).command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[grid]\ndecay = [0.7]", "`command` is missing"),
        (HEAD, "has neither"),
        (HEAD + "[grid]\ndecay = []", "`grid.decay` must have at least one value, but is empty"),
        (HEAD + "seeds = 0\n", "`seeds`"),
        (HEAD + "seeds = []\n", "`seed` must have at least one value"),
        (HEAD + "[grid]\ndecay = [nan]", "finite"),
        (HEAD + "[gird]\ndecay = [0.7]", "did you mean `grid`?"),
        (HEAD + "[grid.decay]\nfirst = 0.7\nlast = 0.8", "must have `count` with `first`"),
        (HEAD + "[grid.decay]\nfirst=-1\nlast=1\ncount=3\nlog=true", "positive numbers with `log`"),
        (HEAD + "[grid.side]\nset = []\nvalues = [1]", "must name at least one parameter"),
        (HEAD + "[lists.c]\na = [1, 2]\nb = [1]", "gives `a` 2, `b` 1"),
        (HEAD + "[lists.c]\n", "must set at least one parameter"),
        (HEAD + "[fixed]\ndecay = 0.7\n[grid]\ndecay = [0.7]", "`decay` is both"),
        (
            HEAD + "[random]\ncount = 2\n[random.parameters]\ndecay = {low = 1, high = 0.5}",
            "must be from `low` to a greater `high`",
        ),
        (HEAD + "[random]\ncount = 0\n[random.parameters]\nx = {choices = [1]}", "at least 1"),
        (
            HEAD + "seeds = 2\n[search]\ntrials = 3\n[search.objectives]\nnmse_db = 'minimise'\n"
            "[search.parameters]\ndecay = {low = 0.5, high = 1.0}",
            "has both",
        ),
        (
            HEAD + "[search]\ntrials = 3\n[search.objectives]\nnmse_db = 'small'\n"
            "[search.parameters]\ndecay = {low = 0.5, high = 1.0}",
            "'minimise' or 'maximise'",
        ),
        (HEAD + "name = '../x'\nseeds = 2", "`name`"),
        (HEAD + "[grid]\nseed = [99999999999999999999]", "must be a finite number"),
        ("command = [", "must be TOML"),
    ],
)
def test_what_is_no_sweep_is_refused_in_one_line(text, words):
    message = refusal(text)
    assert words in message
    assert "\n" not in message


def test_the_sweeps_of_the_documentation_can_be_read():
    text = (EXAMPLES.parent / "docs" / "sweeps.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        described = parse_sweep(block, Path(), "s")
        assert described.search is not None or len(described.points) > 1
