"""Interlayer models against the method of moments: two facing 3 x 3 arrays of thin wires.

Data: tests/data/mom, NEC-2 at 28 GHz in time e^{+jωt}, pitch λ/2, wires along z, arrays normal to
y; ports 0-8 radiate. What passes is the transfer impedance, up to a scale. The best of all scales
is taken off, so only shapes are compared.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from metastack import (
    GeometricRadar,
    NearField,
    RayleighSommerfeld,
    WireDipoles,
    decibels,
    nmse,
)

pytestmark = pytest.mark.usefixtures("double_precision")

DATA = Path(__file__).parents[1] / "data" / "mom" / "facing3x3_28GHz.npz"
AREA = 0.25
# Per cent of the matrix at .233, .5, 1 and 2.5 λ, as docs/models.md prints them.
PRINTED = {
    RayleighSommerfeld(AREA): (48, 31, 15, 4),
    GeometricRadar.of_area(AREA, 1.0): (52, 31, 15, 4),
    NearField(AREA): (52, 31, 15, 4),
}


def off_percent(model, kind):
    """Root of the NMSE at the best scale, at .233, .5, 1 and 2.5 λ."""
    with np.load(DATA, allow_pickle=False) as data:
        places = data[f"{kind}_pos"][..., [0, 2, 1]] / data["lam"]
        transfer = data[f"{kind}_Z"][:, 9:, :9].conj()
        chosen = [data["d_over_lambda"].tolist().index(d) for d in (0.233, 0.5, 1.0, 2.5)]
    normal = jnp.array([0.0, 0.0, 1.0])
    found = []
    for n in chosen:
        radiating, receiving = jnp.asarray(places[n][:9]), jnp.asarray(places[n][9:])
        W = model(radiating, receiving, normal=normal, wavelength_m=1.0)
        found.append(100 * 10 ** (float(decibels(nmse(W, transfer[n]))) / 20))
    return np.array(found)


@pytest.mark.parametrize("model", PRINTED, ids=lambda model: type(model).__name__)
def test_formulas_are_as_far_from_short_dipoles_as_the_documentation_says(model):
    """To the whole per cent that is printed."""
    np.testing.assert_allclose(off_percent(model, "short"), PRINTED[model], atol=0.5)


@pytest.mark.parametrize(
    ("kind", "printed"), [("short", (0.15, 0.08, 0.05, 0.04)), ("quarter", (2.3, 1.7, 1.0, 0.7))]
)
def test_wires_are_as_near_to_wires_as_the_documentation_says(kind, printed):
    """Dipoles of the length that the data's wires have, to the digits that are printed."""
    with np.load(DATA, allow_pickle=False) as data:
        length, radius, _ = data[f"{kind}_LaP"]
    found = off_percent(WireDipoles(float(length), float(radius)), kind)
    np.testing.assert_allclose(found, printed, atol=0.5 * 10.0 ** -(1 + (kind == "short")))


@pytest.mark.parametrize("kind", ["short", "quarter"])
def test_no_formula_is_nearer_than_another_by_much(kind):
    """From λ/2 on all three are within a per cent of the matrix of each other."""
    found = np.array([off_percent(model, kind) for model in PRINTED])
    assert np.ptp(found[:, 1:], axis=0).max() < 1
    assert np.all(np.diff(found, axis=1) < 0)
