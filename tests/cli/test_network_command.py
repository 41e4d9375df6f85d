"""`metastack network show` as a user types it."""

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

from metastack.cli.main import run

BAND_HZ = np.linspace(26e9, 30e9, 5)
LINE = 0.9 * np.exp(-2j * np.pi * BAND_HZ * 50e-12)


def network_file(path, s21, s12, references=50.0):
    S = np.zeros((5, 2, 2), complex)
    S[:, 1, 0], S[:, 0, 1] = s21, s12
    np.savez(path, S=S, frequency_hz=BAND_HZ, reference_ohm=references)
    return path


def test_show_tells_what_a_network_is(capsys, tmp_path):
    """A matched line that keeps 81 % of the power, 50 ps long: closed form, to rounding."""
    answer = answer_of(capsys, "network", "show", network_file(tmp_path / "a.npz", LINE, LINE))
    assert [answer[key] for key in ("ports", "frequencies")] == [2, 5]
    assert [answer[key] for key in ("least_hz", "most_hz")] == [26e9, 30e9]
    assert answer["references_ohm"] == [50]
    assert answer["largest_gain"] == pytest.approx(0.81, rel=1e-12)
    assert answer["reciprocity_error"] == 0
    assert answer["delay_seconds"] == pytest.approx(50e-12, rel=1e-9)
    assert answer["time_convention"] == "e^{+jwt}, by the sign of its delay"


def test_show_reads_touchstone(capsys, tmp_path):
    pytest.importorskip("skrf")
    (tmp_path / "a.s1p").write_text("! Port[1] = feed\n# GHz S RI R 75\n28 .5 0\n29 .5 0\n")
    answer = answer_of(capsys, "network", "show", tmp_path / "a.s1p", "--frequency-hz", "28.5e9")
    assert answer["port_names"] == ["feed"]
    assert answer["reference_ohm"] == 75
    assert answer["largest_gain"] == 0.25
    assert answer["delay_seconds"] is None
    assert answer["time_convention"] == "e^{+jwt}, by default"


def test_show_warns_of_what_is_odd(capsys, tmp_path):
    """Active, not reciprocal, of mixed references: said on standard error; the answer stands."""
    path = network_file(tmp_path / "odd.npz", 2 * LINE, 0 * LINE, [50.0, 75.0])
    assert run(["network", "show", str(path)]) == 0
    printed = capsys.readouterr()
    active, asymmetric, references = printed.err.splitlines()
    assert "active: 3.24 times the power" in active
    assert "(5.11 dB)" in active
    assert "by 141 % of its norm" in asymmetric
    assert "different references in ohm, 50 (1 ports), 75 (1 ports)" in references
    assert printed.out.startswith("file")


def test_show_tells_a_conjugated_file(capsys, tmp_path):
    path = network_file(tmp_path / "a.npz", np.conj(LINE), np.conj(LINE))
    shown = answer_of(capsys, "network", "show", path)
    assert shown["time_convention"] == "e^{-jwt}, by the sign of its delay"
    told = answer_of(capsys, "network", "show", path, "--not-conjugated")
    assert told["time_convention"].endswith(", though e^{+jwt} is stated")
    assert "give `--conjugated`" in refusal_of(
        capsys, "network", "show", path, "--frequency-hz", "28e9"
    )
    answer_of(capsys, "network", "show", path, "--frequency-hz", "28e9", "--conjugated")


def test_show_refuses_a_frequency_outside_the_data(capsys, tmp_path):
    path = network_file(tmp_path / "a.npz", LINE, LINE)
    said = refusal_of(capsys, "network", "show", path, "--frequency-hz", "25e9")
    assert "5 frequencies from 2.6e+10 to 3e+10 Hz, but is 2.5e+10 Hz" in said


def test_show_of_a_network_that_lets_nothing_through(capsys, tmp_path):
    """All matched and isolated: zeros are no warnings, and no delay."""
    path = network_file(tmp_path / "a.npz", 0 * LINE, 0 * LINE)
    answer = answer_of(capsys, "network", "show", path, "--frequency-hz", "28e9")
    assert (answer["largest_gain"], answer["reciprocity_error"]) == (0, 0)
    assert answer["delay_seconds"] is None
