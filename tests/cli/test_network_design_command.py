"""`metastack network design` as a user types it."""

from pathlib import Path

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.multiport import Device, MatchedAtoms

NOMINAL = Path(__file__).parents[1] / "data" / "mom" / "device_nominal_network.npz"
OF_NOMINAL = ("--reference-ohm", "50", "--feeds", "4", "--layers", "4", "--atoms", "9")


def test_phases_of_the_whole_network_are_written_and_beat_those_of_its_product(capsys, tmp_path):
    """10 dB are asked for; the file's phases do in the device what the file says."""
    output, figure = tmp_path / "phases.npz", tmp_path / "starts.png"
    answer = answer_of(
        capsys, "network", "design", NOMINAL, *OF_NOMINAL, "--starts", "2",
        "-o", output, "--figure", figure,
    )  # fmt: skip
    product, _, whole = answer["models"]
    assert whole["nmse_db"] < product["least_nmse_of_all_starts_db"] - 10
    assert product["nmse_by_itself_db"] < -100
    assert figure.stat().st_size > 10_000
    written = np.load(output, allow_pickle=False)
    assert written["time_sign"] == -1
    network = ms.read_network(NOMINAL, reference_ohm=50.0)
    device = Device.of(network, feeds=4, layers=4, atoms=9)
    response = np.asarray(device.response(MatchedAtoms.of_phases(written["phases_rad"])))
    np.testing.assert_allclose(written["response"], response, atol=1e-12)
    nmse_db = float(ms.decibels(ms.nmse(response, written["target"])))
    assert nmse_db < -100
    assert written["nmse_db"] == pytest.approx(nmse_db, abs=0.1)


def test_a_target_of_a_file_and_a_loss_can_be_prescribed(capsys, tmp_path):
    target = tmp_path / "target.npy"
    np.save(target, np.eye(4) + 0j)
    answer = answer_of(
        capsys, "network", "design", NOMINAL, *OF_NOMINAL, "--starts", "1", "--target", target,
        "--insertion-loss-db", "35", "-o", tmp_path / "phases.npz",
    )  # fmt: skip
    whole = answer["models"][-1]
    assert whole["nmse_db"] < -50
    assert whole["insertion_loss_db"] == pytest.approx(35, abs=0.1)


def test_without_a_target_ports_must_be_a_square_grid(capsys, tmp_path):
    """Three feeds leave five receivers."""
    ports = ("--reference-ohm", "50", "--feeds", "3", "--layers", "4", "--atoms", "9")
    message = refusal_of(
        capsys, "network", "design", NOMINAL, *ports, "-o", tmp_path / "phases.npz"
    )
    assert "there are 3 feeds and 5 receivers" in message
