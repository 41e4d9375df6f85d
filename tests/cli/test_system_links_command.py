"""Links from the command line: answers, pictures, and one line for what cannot be."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from metastack.cli.main import run

STACK = """
name = "small"
frequency_hz = 28e9
input = {columns = 2, rows = 1, spacing_wavelengths = 0.5}
layers = {count = 2, columns = 4, rows = 4, spacing_wavelengths = 0.5}
receivers = {columns = 2, rows = 1, spacing_wavelengths = 0.5}
gaps = {thickness_wavelengths = 2}
"""
FEW = ["--users", "2", "--channels", "2", "--starts", "1", "--json"]


@pytest.fixture
def stack(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(STACK)
    return str(path)


def answer_of(capsys, *arguments):
    assert run(["system", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def refusal_of(capsys, *arguments):
    assert run(["system", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if line.startswith("metastack: ")][-1]


def rates(answer, key):
    return {(row["scheme"], row["power_dbm"]): row[key] for row in answer["schemes"]}


def test_downlink_schemes_stand_in_their_order(capsys, stack, tmp_path):
    picture = tmp_path / "rates.svg"
    answer = answer_of(capsys, "downlink", stack, *FEW, "--power-dbm", "0,20", "--figure", picture)
    found = rates(answer, "sum_rate_bit_per_s_per_hz")
    for power in (0, 20):
        bound, joint, forced, wave, alone = (
            found[name, power]
            for name in (
                "dirty-paper bound, same phases",
                "phases and precoder",
                "zero forcing, same phases",
                "phases and powers, no precoder",
                "precoder alone, phases alike",
            )
        )
        assert bound * (1 + 1e-6) >= joint >= wave * (1 - 1e-9)
        assert joint >= forced * (1 - 1e-3)
        assert joint > alone
    assert ET.parse(picture).getroot().tag.endswith("svg")


@pytest.mark.parametrize("fading", ["rayleigh", "rician", "line-of-sight", "clustered"])
def test_the_air_is_what_was_asked_for(fading, tmp_path):
    """Mean power of many channels, in sight of the path loss: 400 users, Rayleigh's deviation."""
    from metastack.cli.system_air import Air, Fading
    from metastack.systems.channels import PathLoss

    air = Air(users=20, nearest_m=50.0, farthest_m=50.001, fading=Fading(fading), channels=20)
    elements_m = np.array([[0.0, 0.0, 0.0], [0.005, 0.0, 0.0]])
    powers = np.abs(air.drawn(elements_m, 0.01)) ** 2
    expected = float(PathLoss(air.exponent).power_gain(np.array(50.0), 0.01))
    assert powers.mean() == pytest.approx(expected, rel=4 / np.sqrt(400))


def test_the_same_seed_gives_the_same_rates_and_another_one_others(capsys, stack):
    one, again, other = (
        answer_of(capsys, "max-min", stack, *FEW, "--power-dbm", "20", "--seed", seed)
        for seed in (1, 1, 2)
    )
    assert one == again
    assert one["schemes"] != other["schemes"]


def test_fair_phases_serve_the_worst_user_better_than_greedy_ones(capsys, stack):
    answer = answer_of(capsys, "max-min", stack, *FEW, "--power-dbm", "20")
    found = rates(answer, "least_rate_bit_per_s_per_hz")
    best = found["phases and powers", 20]
    assert all(best >= value * (1 - 1e-9) for value in found.values())


def test_a_holographic_link_reaches_its_bound_by_the_exact_fit(capsys, stack, tmp_path):
    table = tmp_path / "link.nc"
    answer = answer_of(
        capsys, "holographic", stack, stack, "--channels", "2", "--layers", "2,3", "-o", table,
        "--json",
    )  # fmt: skip
    fits = [row for row in answer["designs"] if row["design"] == "exact fit"]
    assert [row["layers"] for row in fits] == [2, 3]
    for row in fits:
        bound = answer["bound_bit_per_s_per_hz"]
        assert row["capacity_bit_per_s_per_hz"] == pytest.approx(bound, rel=1e-3)
    assert run(["show", str(table)]) == 0


def test_beams_of_a_design_serve_users(capsys, stack, tmp_path):
    design = tmp_path / "design.nc"
    assert run(["design", stack, "-o", str(design)]) == 0
    capsys.readouterr()
    answer = answer_of(
        capsys, "angular", design, "--users", "2", "--channels", "2", "--power-dbm", "20", "--json"
    )
    found = rates(answer, "sum_rate_bit_per_s_per_hz")
    own = found["its phases, a port a user", 20]
    assert 0 < own <= found["its phases, with a precoder", 20] * (1 + 1e-3)
    assert found["its phases, with a precoder", 20] <= (
        found["phases and precoder for these users", 20] * (1 + 1e-9)
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["downlink", "--users", "3"], "3 users for 2 elements"),
        (["max-min", "--users", "1"], "1 users for 2 elements"),
        (["downlink", "--users", "2", "--noise-dbm", "40"], "below the transmitted power"),
        (["downlink", "--users", "2", "--noise-dbm", "-300"], "thermal noise"),
        (["downlink", "--users", "2", "--power-dbm", "ten"], "numbers separated by commas"),
        (["downlink", "--users", "2", "--nearest-m", "90"], "in this order"),
        (["downlink", "--users", "2", "--exponent", "-1"], "exponent"),
        (
            ["downlink", "--users", "2", "--fading", "plane-wave", "--nearest-m", "0.005",
             "--farthest-m", "0.006"],
            "reactive near field",
        ),
        (["downlink", "--users", "2", "--figure", "x.doc"], "must end in"),
    ],
)  # fmt: skip
def test_what_no_link_could_be_is_one_line(capsys, stack, arguments, said):
    command, *options = arguments
    assert said in refusal_of(capsys, command, stack, *options)


def test_a_robust_design_stands_beside_one_that_trusts_atoms(capsys, stack):
    answer = answer_of(
        capsys, "robust", stack, *FEW, "--power-dbm", "20", "--phase-deviation-deg", "40"
    )
    found = rates(answer, "sum_rate_bit_per_s_per_hz")
    none, robust, naive = (
        found[name, 20] for name in ("no errors", "robust design", "errors taken for zero")
    )
    assert none > robust > naive
    assert "not negative" in refusal_of(capsys, "robust", stack, "--phase-deviation-deg", "-1")


FOUR_RECEIVERS = "receivers = {columns = 2, rows = 1", "receivers = {columns = 2, rows = 2"


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("28e9", "30e9"), [], "one frequency"),
        (FOUR_RECEIVERS, [], "2 and 4"),
        (("28e9", "28e9"), ["--distance-m", "-5"], "`--distance-m` must be positive"),
        (("28e9", "28e9"), ["--distance-m", "nan"], "`--distance-m` must be positive"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["holographic"], ["cost", "holographic"]])
def test_two_stacks_that_make_no_link_are_one_line(
    capsys, stack, tmp_path, command, change, options, said
):
    other = tmp_path / "other.toml"
    other.write_text(STACK.replace(*change))
    assert said in refusal_of(capsys, *command, stack, other, *options)


def test_atoms_that_round_are_fitted_atom_by_atom(capsys, stack, tmp_path):
    """No slope to go down: the published descent is left out, the fit still falls."""
    rounding = tmp_path / "rounding.toml"
    rounding.write_text(STACK + 'atoms = {kind = "quantised", bits = 2}\n')
    answer = answer_of(capsys, "holographic", rounding, stack, "--channels", "2", "--json")
    by_name = {row["design"]: row for row in answer["designs"]}
    assert set(by_name) == {"exact fit", "rate itself"}
    assert by_name["exact fit"]["nmse_db"] < -3
    assert (
        by_name["rate itself"]["rate_bit_per_s_per_hz"]
        > by_name["exact fit"]["rate_bit_per_s_per_hz"]
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rician-factor-db", "5000"], "`--rician-factor-db` must be from"),
        (["--nearest-m", "0.004", "--farthest-m", "0.005"], "reactive near field"),
    ],
)
def test_air_that_cannot_be_is_one_line(capsys, stack, options, said):
    assert said in refusal_of(capsys, "downlink", stack, "--users", "2", *options)


def test_more_streams_than_atoms_are_refused(capsys, stack, tmp_path):
    few = tmp_path / "few.toml"
    few.write_text(STACK.replace("columns = 4, rows = 4", "columns = 1, rows = 1"))
    assert "from 1 to 1 streams" in refusal_of(capsys, "holographic", few, stack)
    assert "whole numbers" in refusal_of(capsys, "holographic", stack, stack, "--layers", "1.5")


def test_phases_by_the_network_beat_those_by_the_product(capsys):
    from pathlib import Path

    network = Path(__file__).parents[1] / "data" / "mom" / "device_nominal_network.npz"
    answer = answer_of(
        capsys, "multiport", network, "--feeds", "4", "--layers", "4", "--atoms", "9",
        "--reference-ohm", "50", "--starts", "2", "--json",
    )  # fmt: skip
    product, whole = answer["models"]
    assert whole["error"] < product["error"]
    assert whole["error"] == pytest.approx(whole["error_by_itself"], rel=1e-9)
