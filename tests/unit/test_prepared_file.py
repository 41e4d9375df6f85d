"""Files of prepared strategies: read back exactly, and refused in one line where they are not."""

import json

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import metastack as ms
from metastack.calibration.strategies import (
    Codebook,
    LinearMap,
    Preparation,
    UnrolledNetwork,
)
from metastack.errors import InputError

RNG = np.random.default_rng(0)
PREPARATION = Preparation(
    (1, 2), (1, 5), np.array([1e-4, 1e-3]), RNG.normal(size=(3, 2, 1, 2)) @ [1, 1j]
)
BOOK = Codebook(PREPARATION, np.eye(2), np.array([2.0, 1.0]), np.array([1.5, 1.6]), 150)
LINEAR = LinearMap(
    PREPARATION, *(RNG.uniform(size=shape) for shape in ((4,), (12, 4), (4,), (2, 4)))
)
NETWORK = UnrolledNetwork.untrained(LINEAR, steps=3, reach=1.75)


@pytest.mark.parametrize("prepared", [BOOK, LINEAR, NETWORK], ids=lambda each: each.name)
def test_what_is_written_is_read_back(tmp_path, prepared):
    path = tmp_path / "prepared.npz"
    ms.files.write_prepared(prepared, path, command="here", settings={"seed": 3})
    stored = ms.files.read_prepared(path)
    assert jax.tree.structure(stored.prepared) == jax.tree.structure(prepared)
    jax.tree.map(assert_array_equal, stored.prepared, prepared)
    assert stored.provenance.command == "here"
    assert stored.settings == {"seed": 3}


def changed(tmp_path, **change):
    """A codebook's file with other arrays; `None` leaves one out."""
    path = tmp_path / "book.npz"
    ms.files.write_prepared(BOOK, path, command="here", settings={})
    with np.load(path) as stored:
        arrays = {**{name: stored[name] for name in stored.files}, **change}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metastack_kind": np.array("recipe")}, "`metastack_kind` is 'recipe'"),
        ({"metastack_kind": None}, "its `metastack_kind` is ''"),
        ({"metastack_kind": np.array("linear map")}, "`mean` must be in the file"),
        ({"reach": None}, "`reach` must be in the file"),
        ({"reach": np.array([1.0, np.nan])}, "`reach` must be an array of 1 dimensions"),
        ({"reach": np.array([1.0, -0.5])}, "`reach` must not be negative, but is as low as -0.5"),
        ({"telling": np.array([1.0, -2.0])}, "`telling` must not be negative"),
        ({"freedoms": np.array([1, 99])}, "`freedoms` must be whole and from 0 to 5"),
        ({"freedoms": np.array([1.0, 2.0])}, "`freedoms` must be whole"),
        ({"freedoms": np.array([1, 2j])}, "`freedoms` must be an array of 1 dimensions, real"),
        ({"planes": np.array([1, -3])}, "`planes` must be whole and from 0"),
        ({"unit": np.ones(2) + 1j}, "`unit` must be an array of 1 dimensions, real"),
        ({"unit": np.array([1.0, 0.0])}, "`unit` must be positive"),
        ({"most_candidates": np.array(0)}, "`most_candidates` must be at least 1"),
        ({"most_candidates": np.array(2.5)}, "`most_candidates` must be whole"),
        ({"reach": np.ones(3)}, "`reach` must be of shape (2,), but is of (3,)"),
        ({"directions": np.array([["a", "b"]])}, "`directions` must be an array"),
        ({"unit": -np.ones(2)}, "`unit` must not be negative"),
        ({"response": np.zeros((3, 2, 1))}, "`response` must hold something"),
        ({"provenance": None}, "`provenance` must be JSON"),
        ({"provenance": np.array("{")}, "`provenance` must be JSON"),
        ({"provenance": np.array(json.dumps({"who": 1}))}, "`provenance` must name what wrote"),
        ({"provenance": np.array('{"settings": [1]}')}, "`settings` must be an object"),
    ],
)
def test_what_is_no_prepared_strategy_is_refused_in_a_line(tmp_path, change, said):
    path = changed(tmp_path, **change)
    with pytest.raises(InputError) as caught:
        ms.files.read_prepared(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"hello"])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or foreign"):
        ms.files.read_prepared(path)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "pickled.npz"
    np.savez(path, metastack_kind=np.array([print], dtype=object))
    with pytest.raises(InputError, match="damaged or foreign"):
        ms.files.read_prepared(path)
