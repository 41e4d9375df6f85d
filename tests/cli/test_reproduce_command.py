"""`metastack reproduce` as a user types it, with a study that takes no time."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from test_commands import answer_of, refusal_of

from metastack.files.dataset_file import load_dataset
from metastack.study.published import Judgement, Paper, Study, Verdict, registry, study_names
from metastack.study.units import Unit


@dataclass(frozen=True)
class Parameters:
    """How many numbers."""

    count: int = 4
    factors: tuple[float, ...] = (1.0,)
    seed: int = 0


def tenth(*, number, factor):
    """A published law."""
    return {"value": number * factor / 10, "field": number * 1j}


def units(parameters):
    pairs = [(n, f) for n in range(parameters.count) for f in parameters.factors]
    return [Unit(tenth, {"number": n, "factor": f}) for n, f in pairs]


def gather(parameters, results):
    values = [[result[name] for result in results] for name in ("value", "field")]
    return xr.Dataset({"value": ("n", values[0], {"units": "dB"}), "field": ("n", values[1])})


def draw(data):
    figure = Figure()
    figure.add_subplot().plot(data.value)
    return figure


def judge(data):
    return [
        Verdict(Judgement.AGREES, f"The largest of {data.sizes['n']} is {data.value.max():.1f}."),
        Verdict(Judgement.PAPER_WRONG, "Zero is <not> one."),
    ]


STUDY = Study(
    "doa-fig-6", Paper.DOA, "Tenths & more", "Tenths are right.", Parameters(), Parameters(2),
    units, gather, draw, judge,
)  # fmt: skip


@pytest.fixture
def short(monkeypatch, tmp_path):
    monkeypatch.setenv("METASTACK_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("metastack.study.published.study_named", lambda name: STUDY)
    return tmp_path / "runs"


def test_a_study_leaves_figure_data_and_verdicts(capsys, short):
    answer = answer_of(capsys, "reproduce", "doa-fig-6", "--full")
    assert answer["verdicts"][0] == {
        "study": "doa-fig-6", "judgement": "agrees", "verdict": "The largest of 4 is 0.3.",
    }  # fmt: skip
    (run,) = short.glob("doa-fig-6-*")
    data = load_dataset(run / "results.nc", kind="study results")
    np.testing.assert_allclose(data.value, [0, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(data.field, np.arange(4) * 1j)
    assert data.value.attrs["units"] == "dB"
    for suffix in ("png", "svg"):
        assert (run / "figures" / f"doa-fig-6.{suffix}").stat().st_size > 1000
    assert json.loads((run / "verdicts.json").read_text())[1]["judgement"] == "the paper is wrong"
    assert json.loads((run / "inputs" / "parameters.json").read_text())["count"] == 4


def test_less_of_it_is_another_run(capsys, short):
    assert "of 2" in answer_of(capsys, "reproduce", "doa-fig-6")["verdicts"][0]["verdict"]
    answer_of(capsys, "reproduce", "doa-fig-6", "--full")
    assert len(list(short.glob("doa-fig-6-*"))) == 2


def test_one_parameter_can_be_changed(capsys, short):
    answer = answer_of(capsys, "reproduce", "doa-fig-6", "--set", "count=3", "--set", "factors=1,5")
    assert answer["verdicts"][0]["verdict"] == "The largest of 6 is 1.0."


def test_the_evidence_page_says_everything_in_order(capsys, short, tmp_path):
    page = tmp_path / "evidence.html"
    answer_of(capsys, "reproduce", "doa-fig-6", "--full", "-o", page)
    text = page.read_text()
    wanted = (
        "both papers, reproduced and judged",
        "What the papers have wrong",
        "Zero is &lt;not&gt; one.",
        "Where we agree",
        "what was claimed",
        "Tenths are right.",
        "Tenths &amp; more",
        "data:image/svg",
    )
    places = [text.index(words) for words in wanted]
    assert places == sorted(places)
    assert "What is better now" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "cuont=3"], "with a name of count, factors, seed, but is `cuont=3`"),
        (["--set", "count"], "must be NAME=VALUE"),
        (["--set", "count=many"], "must be like 2, of kind int"),
        (["-o", "page.pdf"], "must end in .html"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(capsys, short, options, words):
    assert words in refusal_of(capsys, "reproduce", "doa-fig-6", *options)


def test_an_unknown_figure_is_refused_with_those_that_there_are(capsys, tmp_path):
    message = refusal_of(capsys, "reproduce", "doa-fig-99", "--runs", tmp_path)
    assert "doa-fig-8a" in message
    assert "or `all`" in message


def test_not_all_can_be_changed_at_once(capsys, short):
    assert "`--set` changes one" in refusal_of(capsys, "reproduce", "all", "--set", "count=1")


@pytest.mark.parametrize("name", study_names())
def test_every_study_is_named_as_it_is_listed_and_has_units_that_can_travel(name):
    """Every unit's arguments are JSON, which its key needs, and its task is found by name."""
    study = registry.study_named(name)
    assert study.name == name
    assert study.claim.endswith(".")
    for parameters in (study.quick, study.published):
        for unit in study.units(parameters):
            assert unit.key
            module, _, function = unit.name.partition(":")
            assert module.startswith("metastack.")
            assert "<" not in function
