"""`metastack calibrate network` as a user types it.

Two layers of 2x2 half-wave wires between feeds and receivers; as built, the second layer is off by
3 % of a wavelength. Pilots are in time e^{+jωt}, as field solvers give them.
"""

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration import FromInputPorts, PilotPlan, Pilots
from metastack.cli.main import run
from metastack.multiport import (
    Device,
    MatchedAtoms,
    PortNetwork,
    ThinWires,
    impedance_matrix,
    in_our_time,
)

PORTS = ("--feeds", "4", "--layers", "2", "--atoms", "4")
SNR_DB = 40.0


def network(moved):
    up, side = np.array([0.0, 0.0, 1.0]), np.array([-0.25, 0.25])
    grid = np.array([[x, 0.0, z] for z in side for x in side])
    planes = [grid + np.array([0.0, depth, 0.0]) for depth in (0.0, 0.6, 0.9, 1.5, 1.8, 2.4)]
    planes[3:5] = [plane + moved * up for plane in planes[3:5]]
    wires = ThinWires.checked(np.concatenate(planes), np.tile(up, (24, 1)), 0.46, 1e-3)
    return PortNetwork.from_impedance(np.asarray(impedance_matrix(wires, 1.0)), 50.0, 28e9)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The designed network, and 28 noisy pilots of the built device; their arrays."""
    folder = tmp_path_factory.mktemp("bench")
    ms.write_network(network(0.0), folder / "designed.npz")
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, (28, 2, 4))
    built = Device.of(network(0.03), feeds=4, layers=2, atoms=4)
    y = np.asarray(built.response(MatchedAtoms.of_phases(phases)))
    scale = np.sqrt(np.mean(np.abs(y) ** 2) * 10 ** (-SNR_DB / 10) / 2)
    parts = rng.normal(scale=scale, size=(2, *y.shape))
    arrays = {
        "phases_rad": -phases,
        "response": in_our_time(y + parts[0] + 1j * parts[1]),
        "frequency_hz": 28e9,
    }
    np.savez(folder / "pilots.npz", **arrays)
    return folder, arrays


def line(folder, out, *more, pilots=None, designed=None):
    files = designed or folder / "designed.npz", pilots or folder / "pilots.npz"
    return ("calibrate", "network", *files, *PORTS, "-o", out, *more)


def test_what_is_written_predicts_held_out_responses_and_is_read_again(capsys, tmp_path, bench):
    """Errors are as large as their deviations say; what was written, read as the designed network,
    explains the same pilots as well as it did."""
    out, told = tmp_path / "built.npz", ("--snr-db", "40")
    pictures = {"--report": tmp_path / "r.html", "--figure": tmp_path / "f.png"}
    options = [each for pair in pictures.items() for each in pair]
    found = answer_of(capsys, *line(bench[0], out, *told, *options))
    assert (found["configurations"], found["held_out"]) == (23, 5)
    assert found["held_out_nmse_db"] < found["held_out_nmse_as_designed_db"] - 10
    assert found["held_out_nmse_after_gain_db"] <= found["held_out_nmse_db"]
    assert found["noise_is_known"] == "as told"
    assert 0.7 < found["error_over_deviation"] < 1.3
    assert 3 <= len(found["steps"]) <= 8
    assert all(path.stat().st_size > 10_000 for path in pictures.values())
    again = answer_of(capsys, *line(bench[0], tmp_path / "2.npz", *told, designed=out))
    as_designed = again["held_out_nmse_as_designed_db"]
    assert as_designed == pytest.approx(found["held_out_nmse_db"], abs=1e-6)


def test_configurations_that_were_shown_again_tell_the_noise(capsys, tmp_path, bench):
    """Twelve pairs of 16 responses: the variance is right to 3 of its standard errors, 7 % each;
    a pair is held out together."""
    folder, arrays = bench
    clean, rng = arrays["response"][:12], np.random.default_rng(1)
    noise = rng.normal(scale=1e-5, size=(2, 2, *clean.shape)) @ np.eye(4)
    twice = np.concatenate([clean + noise[k, 0] + 1j * noise[k, 1] for k in (0, 1)])
    np.savez(
        tmp_path / "p.npz", response=twice, phases_rad=np.tile(arrays["phases_rad"][:12], (2, 1, 1))
    )
    found = answer_of(capsys, *line(folder, tmp_path / "b.npz", pilots=tmp_path / "p.npz"))
    assert found["noise_is_known"] == "from configurations that were shown again"
    assert found["noise_variance"] == pytest.approx(2e-10, rel=3 / 192**0.5)
    assert (found["configurations"], found["held_out"]) == (14, 10)


def test_noise_that_nobody_tells_is_chosen_by_prediction(capsys, tmp_path, bench):
    """23 configurations of 16 responses for 300 elements: within 3 dB of the truth."""
    folder, arrays = bench
    found = answer_of(capsys, *line(folder, tmp_path / "b.npz"))
    assert found["noise_is_known"] == "with it some pilots make the others most probable"
    power = np.mean(np.abs(arrays["response"]) ** 2)
    off_db = 10 * np.log10(found["noise_variance"] / power) + SNR_DB
    assert abs(off_db) < 3


def test_ctrl_c_keeps_the_calibration_that_was_finished(tmp_path, bench, monkeypatch):
    """Where the noise is not known, there are several; the exit code is that of the shell."""
    from metastack.calibration.networks import judged

    def interrupted(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(judged, "noise_that_predicts", interrupted)
    out = tmp_path / "built.npz"
    assert run(list(map(str, line(bench[0], out)))) == 130
    assert ms.read_network(out).ports == 24


def test_every_format_of_pilots_is_read_alike(tmp_path, bench):
    import scipy.io

    h5py = pytest.importorskip("h5py")
    arrays = bench[1]
    scipy.io.savemat(tmp_path / "p.mat", arrays)
    with h5py.File(tmp_path / "p.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    plan = PilotPlan(-arrays["phases_rad"], FromInputPorts())
    ours = Pilots.measured(plan, in_our_time(arrays["response"]))
    for name in ("p.nc", "q.npz"):
        ms.write_pilots(ours, tmp_path / name, frequency_hz=28e9)
    as_ours = {
        "phases_rad": -arrays["phases_rad"],
        "response": np.conj(arrays["response"]),
        "time_sign": -1,
    }
    np.savez(tmp_path / "r.npz", **as_ours, frequency_hz=28e9)
    for name in ("p.mat", "p.h5", "p.nc", "q.npz", "r.npz"):
        stored = ms.read_network_pilots(tmp_path / name)
        assert stored.frequency_hz == 28e9, name
        np.testing.assert_array_equal(stored.pilots.received, ours.received, err_msg=name)
        np.testing.assert_array_equal(stored.pilots.plan.phases_rad, plan.phases_rad, err_msg=name)


def without_slot(phases):
    return np.where(np.arange(len(phases))[:, None, None] == 3, np.nan, phases)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"response": None}, "must hold `response`, slots x receivers x feeds, or"),
        (lambda a: {"phases_rad": None}, "exactly one of `phases_rad`"),
        (lambda a: {"response": np.abs(a["response"])}, "`response` must be complex"),
        (lambda a: {"response": a["response"][:, :3]}, "of 4 receivers and 4 feeds, as the"),
        (lambda a: {"response": a["response"] * np.nan}, "`response` must be finite, but has 448"),
        (lambda a: {"phases_rad": without_slot(a["phases_rad"])}, "the first is of slot 3"),
        (lambda a: {"phases_rad": a["phases_rad"][:20]}, "28 slots of `response`, but are of 20"),
        (lambda a: {"phases_rad": a["phases_rad"][:, :, :3]}, "of 2 layers of 4 atoms, as the"),
        (lambda a: {"phases_rad": np.degrees(a["phases_rad"])}, "look like degrees"),
        (lambda a: {"frequency_hz": 30e9}, "must be the network's, 2.8e+10, but is 3e+10"),
        (lambda a: {"response": np.conj(a["response"])}, "toggle --conjugate, or"),
        (lambda a: {"phases_rad": -a["phases_rad"]}, "toggle --negate-phases, or"),
        (
            lambda a: {"time_sign": -1},
            "toggle --conjugate --negate-phases (or --network-conjugated",
        ),
        (lambda a: {"time_sign": 2}, "`time_sign` must be 1 or -1"),
        (lambda a: {"noise_variance": -1.0}, "`noise_variance` must be finite and not negative"),
    ],
)
def test_pilots_that_cannot_be_are_refused_in_a_line(capsys, tmp_path, bench, change, message):
    folder, arrays = bench
    changed = {name: each for name, each in (arrays | change(arrays)).items() if each is not None}
    np.savez(tmp_path / "p.npz", **changed)
    said = refusal_of(capsys, *line(folder, tmp_path / "b.npz", pilots=tmp_path / "p.npz"))
    assert message in said
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--layers", "3"), "must have more than 28 ports, but the network has 24"),
        (("--atoms", "3"), "of 2 layers of 3 atoms, as the network, but are of 2 of 4"),
        (("--hold-out", "27"), "28 different ones, from 1 to all but 2 must be held out"),
        (("--snr-db", "30", "--noise-variance", "1"), "Only one of `--noise-variance` and"),
        (("--snr-db", "nan"), "`--snr-db` must be within ±300, but is nan"),
        (("--frequency-hz", "26e9"), "within the file's one frequency, 2.8e+10 Hz"),
        (("--figure", "f.gif"), "must end in .png or .pdf or .svg"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_line(capsys, tmp_path, bench, more, message):
    assert message in refusal_of(capsys, *line(bench[0], tmp_path / "b.npz", *more))


def test_an_impedance_takes_its_reference_from_the_pilots(capsys, tmp_path, bench):
    """As of NEC: the network's file has impedances alone, the pilots say to which reference."""
    from metastack.multiport import impedance_from_scattering

    folder, arrays = bench
    Z = np.asarray(impedance_from_scattering(network(0.0).scattering, 50.0))
    np.savez(tmp_path / "z.npz", Z_ohm=in_our_time(Z), frequency_hz=28e9)
    np.savez(tmp_path / "p.npz", **arrays, reference_impedance_ohm=50.0)
    given = {"designed": tmp_path / "z.npz", "pilots": folder / "pilots.npz"}
    assert "`--reference-ohm`" in refusal_of(capsys, *line(folder, tmp_path / "b.npz", **given))
    given["pilots"] = tmp_path / "p.npz"
    found = answer_of(capsys, *line(folder, tmp_path / "b.npz", "--snr-db", "40", **given))
    assert found["held_out_nmse_db"] < found["held_out_nmse_as_designed_db"] - 10


def test_feeds_and_receivers_that_are_interchanged_are_said(tmp_path, bench, capsys):
    """As many of both, so that shapes cannot tell."""
    folder, arrays = bench
    turned = folder / "turned.npz"
    np.savez(turned, **{**arrays, "response": np.swapaxes(arrays["response"], 1, 2)})
    refused = refusal_of(capsys, *line(folder, tmp_path / "built.npz", pilots=turned))
    assert "interchange them" in refused
