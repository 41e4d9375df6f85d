"""`metastack network wires` and `metastack calibrate network --wires` as a user types them.

Two layers of 2x2 wires with a small screen each, between feeds and receivers, by the method of
moments; as built, its bodies stand elsewhere, and everything is solved again.
"""

import re

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack import memory
from metastack.files.wires_file import read_wires, write_wires
from metastack.multiport import Device, MatchedAtoms, PortNetwork, in_our_time, solve_wires

HZ, WAVELENGTH_M = 28e9, 299_792_458 / 28e9
PORTS = ("--feeds", "4", "--layers", "2", "--atoms", "4")
DEPTHS = (0.0, 0.5, 0.9, 1.4, 1.8, 2.3)
TEXT = """
[ports]
positions = {file = "p.npz"}
[elements]
direction = [0, 0, 1]
length_wavelengths = 0.46
radius_wavelengths = 0.001
segments = 6
[screen]
size_wavelengths = 1.2
lines = [5, 5]
[tolerance]
axial_wavelengths = 0.02
vertical_wavelengths = 0.05
[screen_tolerance]
rotation_deg = 2.0
"""
# Of both layers axial and vertical, and of their screens the rotation, over expected deviations.
VALUES = np.array([1.2, -0.8, 0.9, -0.5, 1.5, -1.1])


def positions():
    side = np.array([-0.25, 0.25])
    grid = np.array([[x, 0.0, z] for z in side for x in side])
    return np.concatenate([grid + np.array([0.0, depth, 0.0]) for depth in DEPTHS])


def network_of(bodies):
    return PortNetwork.from_impedance(solve_wires(bodies).impedance_ohm, 50.0, HZ)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The folder of a described device and its network."""
    from metastack.files.wires_description import read_wires_description
    from metastack.multiport import wired_device

    folder = tmp_path_factory.mktemp("bench")
    np.savez(folder / "p.npz", port_position_m=positions() * WAVELENGTH_M)
    (folder / "w.toml").write_text(TEXT)
    wiring = read_wires_description(folder / "w.toml").wiring
    still = wired_device(wiring, positions(), feeds=4, layers=2, atoms=4)
    ms.write_network(network_of(still.bodies), folder / "d.npz")
    return folder


@pytest.fixture(scope="module")
def prepared(bench):
    """What the command writes."""
    from metastack.cli.main import run

    assert run([*map(str, wires_line(bench)), "--figure", str(bench / "w.png")]) == 0
    return bench / "w.npz"


def wires_line(folder, out="w.npz", description="w.toml", designed="d.npz"):
    files = folder / description, folder / designed
    return ("network", "wires", *files, *PORTS, "-o", folder / out)


def write_pilots(prepared, path):
    """24 configurations of the device as built, of 40 dB, in time e^{+jωt}."""
    built = network_of(read_wires(prepared).wires.moved(VALUES))
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, (24, 2, 4))
    device = Device.of(built, feeds=4, layers=2, atoms=4)
    y = np.asarray(device.response(MatchedAtoms.of_phases(phases)))
    parts = rng.normal(scale=np.sqrt(np.mean(np.abs(y) ** 2) * 1e-4 / 2), size=(2, *y.shape))
    noisy = in_our_time(y + parts[0] + 1j * parts[1])
    np.savez(path, response=noisy, phases_rad=-phases, frequency_hz=HZ)


def test_layers_are_found_where_they_were_built(capsys, tmp_path, bench, prepared):
    """Every motion within 4 of its deviations, which are far below what was expected; held-out
    errors as large as their deviations say, and within 3 dB of their own noise of -40 dB."""
    write_pilots(prepared, tmp_path / "pilots.npz")
    report = tmp_path / "r.html"
    line = ("calibrate", "network", bench / "d.npz", tmp_path / "pilots.npz", *PORTS)
    more = ("--snr-db", "40", "--hold-out", "12", "--wires", prepared, "--report", report)
    found = answer_of(capsys, *line, *more, "-o", tmp_path / "b.npz")
    assert found["configurations"] == 12
    expected = [VALUES[at] * row["expected_deviation"] for at, row in enumerate(found["motions"])]
    for row, truth in zip(found["motions"], expected, strict=True):
        assert abs(row["value"] - truth) < 4 * row["deviation"], row
        assert row["deviation"] < 0.25 * row["expected_deviation"], row
    assert found["held_out_nmse_db"] < -37
    assert found["held_out_nmse_as_designed_db"] > -20
    assert 0.7 < found["error_over_deviation"] < 1.3
    page = report.read_text()
    assert re.search(r"Layer 2 screen rotation</th><td>-1\.\d+ ° ± 0\.\d+ ", page)


def test_what_is_prepared_is_read_again(capsys, tmp_path, bench, prepared):
    """To the rounding of single precision; and written again it is the same file."""
    stored = read_wires(prepared)
    names = [each.name for each in stored.motions]
    of_layer = ("axial", "vertical", "screen rotation")
    assert names == [f"layer {layer} {motion}" for layer in (1, 2) for motion in of_layer]
    write_wires(stored, tmp_path / "again.npz")
    again = read_wires(tmp_path / "again.npz")
    for values in (np.zeros(6), VALUES):
        np.testing.assert_array_equal(
            again.wires.impedance_ohm(values), stored.wires.impedance_ohm(values)
        )
    assert (bench / "w.png").stat().st_size > 10_000


def test_single_precision_is_less_than_a_hundred_thousandth_of_a_change(prepared, bench):
    """Against wires that were never written."""
    from metastack.files.wires_description import read_wires_description
    from metastack.multiport import wired_device

    wiring = read_wires_description(bench / "w.toml").wiring
    exact = wired_device(wiring, positions(), feeds=4, layers=2, atoms=4).prepared(HZ).wires
    stored, still = read_wires(prepared).wires, np.zeros(6)
    for values in (VALUES, 0.1 * VALUES):
        here, change = exact.impedance_ohm(values), exact.impedance_ohm(values) - exact.at_rest
        error = stored.impedance_ohm(values) - here
        assert np.linalg.norm(error) < 1e-5 * np.linalg.norm(change)
    np.testing.assert_allclose(stored.impedance_ohm(still), exact.at_rest, rtol=1e-9)


def test_the_wires_resemble_their_own_network(capsys, bench, tmp_path):
    """To rounding, where the network is that of the very wires; positions may be a table."""
    table = "\n".join(",".join(f"{x!r}" for x in p) for p in (positions() * WAVELENGTH_M).tolist())
    (bench / "p.csv").write_text(f"# metres\nx_m,y_m,z_m\n{table}\n")
    (bench / "c.toml").write_text(TEXT.replace("p.npz", "p.csv"))
    found = answer_of(capsys, *wires_line(bench, "c.npz", "c.toml"))
    assert found["mismatch"] < 1e-6
    assert (found["segments"], found["unknown_currents"]) == (24 * 6 + 80, 24 * 5 + 2 * 55)
    assert found["motions"][1] == {
        "motion": "layer 1 vertical",
        "expected_deviation": pytest.approx(0.05 / 3**0.5),
        "unit": "λ",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("segments = 6", "segments = 7", "`elements.segments`"),
        ("radius_wavelengths = 0.001", "", "`elements.radius_wavelengths` is missing"),
        ("radius_wavelengths", "radius_wavelength", "did you mean `radius_wavelengths`"),
        ("length_wavelengths = 0.46", "length_wavelengths = nan", "must be finite, but is nan"),
        ("length_wavelengths = 0.46", "length_wavelengths = -1", "must be positive, but is -1"),
        ("length_wavelengths = 0.46", "length_wavelengths = 0.5", "those of ports 0 and 2 touch"),
        ("[0, 0, 1]", "[0, 0]", "`elements.direction` must have at least 3"),
        ("[0, 0, 1]", "[0, 0, 0]", "`elements.direction` must not be zero"),
        ("[0, 0, 1]", "[0, 1, 1]", "must be across the axis from feeds to receivers, (0, 1, 0)"),
        ("lines = [5, 5]", "lines = [5, 1]", "`screen.lines[1]` must be at least 2, but is 1"),
        ("axial_wavelengths = 0.02", "axial_wavelengths = 2", "must be at most 0.25, but is 2"),
        ("rotation_deg = 2.0", "rotation_deg = -2.0", "must be at least 0, but is -2"),
        ("[tolerance]", "[tolerances]", "did you mean `tolerance`"),
        ("p.npz", "q.npz", "q.npz` must be a file, but does not exist"),
        ('"p.npz"', '"p.npz", name = "z"', "`z` must be in the file, but there are"),
    ],
)
def test_descriptions_that_cannot_be_are_refused_in_a_line(capsys, bench, old, new, message):
    (bench / "bad.toml").write_text(TEXT.replace(old, new))
    said = refusal_of(capsys, *wires_line(bench, "bad.npz", "bad.toml"))
    assert message in said
    assert "bad.toml" in said or "q.npz" in said or "p.npz" in said
    assert not (bench / "bad.npz").exists()


def without_depth(places):
    return places * np.array([1, 0, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], "must be of the network's 24 ports, but are of 23"),
        (lambda p: p[:, :2], "ports x 3 in metres"),
        (lambda p: p * np.nan, "must be finite positions"),
        (without_depth, "`positions` of receivers must not be those of feeds"),
        (lambda p: p[[*range(8), *range(12, 16), *range(8, 12), *range(16, 24)]], "order of ports"),
        (lambda p: p + 1e-4 * (np.arange(24) == 5)[:, None], "layer 1's first side must be in a"),
    ],
)
def test_positions_of_another_device_are_refused_in_a_line(capsys, bench, change, message):
    np.savez(bench / "bad_p.npz", port_position_m=change(positions() * WAVELENGTH_M))
    (bench / "bad.toml").write_text(TEXT.replace("p.npz", "bad_p.npz"))
    assert message in refusal_of(capsys, *wires_line(bench, "bad.npz", "bad.toml"))


def test_wires_that_do_not_fit_in_memory_are_refused_before_they_are_solved(
    capsys, bench, monkeypatch
):
    monkeypatch.setattr(memory.os, "sysconf", lambda _name: 1000)
    said = refusal_of(capsys, *wires_line(bench, "bad.npz"))
    assert "must fit in memory (0.0 GB), but 230 currents need about" in said


def test_nothing_that_moves_is_refused(capsys, bench):
    still = TEXT.replace("0.02", "0").replace("0.05", "0").replace("2.0", "0")
    (bench / "bad.toml").write_text(still)
    said = refusal_of(capsys, *wires_line(bench, "bad.npz", "bad.toml"))
    assert "`tolerance` must let something move" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"frequency_hz": 27e9}, "at the network's frequency, 2.8e+10 Hz, but are at"),
        (lambda a: {"metastack_wires": None}, "`metastack network wires` wrote, but is not"),
        (lambda a: {"dipoles": a["dipoles"][:-1]}, "`dipoles` must be finite and of shape"),
        (lambda a: {"changes": None}, "is damaged"),
        (lambda a: {"motion_degree": a["motion_degree"] + 9}, "is damaged"),
        (lambda a: {"segments": a["segments"] + 10_000}, "is damaged"),
    ],
)
def test_wires_of_another_device_are_refused_in_a_line(
    capsys, tmp_path, bench, prepared, change, message
):
    write_pilots(prepared, tmp_path / "pilots.npz")
    arrays = dict(np.load(prepared))
    changed = {name: each for name, each in (arrays | change(arrays)).items() if each is not None}
    np.savez(tmp_path / "w.npz", **changed)
    line = ("calibrate", "network", bench / "d.npz", tmp_path / "pilots.npz", *PORTS)
    said = refusal_of(capsys, *line, "--wires", tmp_path / "w.npz", "-o", tmp_path / "b.npz")
    assert message in said
    assert "w.npz" in said
