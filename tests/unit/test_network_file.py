"""Measured networks: Touchstone, .npz and .mat, into our time; what is wrong is said in a line.

The oracle is a matched line, S21 = e^{-jωτ} in time e^{+jωt}, and files written here by hand.
"""

import numpy as np
import pytest
import scipy.io

from metastack.errors import InputError
from metastack.files.frequency_choice import at_frequencies
from metastack.files.network_file import (
    network_warnings,
    read_network,
    read_network_sweep,
    write_network,
)
from metastack.files.time_convention import TimeConvention, turning
from metastack.multiport import PortNetwork

skrf = pytest.importorskip("skrf")

DELAY_S = 50e-12
BAND_HZ = np.linspace(26e9, 30e9, 5)


def line_of(frequencies_hz, delay_s=DELAY_S, loss=0.9):
    """A matched line; 4 GHz make 72° of 50 ps, 1 GHz 18°."""
    S = np.zeros((len(frequencies_hz), 2, 2), complex)
    S[:, 0, 1] = S[:, 1, 0] = loss * np.exp(-2j * np.pi * frequencies_hz * delay_s)
    return S


def touchstone(path, frequencies_hz, S, option="# Hz S RI R 50", head=""):
    """A file of version 1 as the specification wants it: two-ports list S21 before S12."""
    lines = [head, option]
    for f, matrix in zip(frequencies_hz, S, strict=True):
        rows = matrix.T.reshape(1, -1) if len(matrix) == 2 else matrix
        texts = [" ".join(f"{v.real!r} {v.imag!r}" for v in row.tolist()) for row in rows]
        lines += [f"{float(f)!r} {texts[0]}", *texts[1:]]
    path.write_text("\n".join(lines) + "\n")
    return path


def random_networks(ports, frequencies=1, seed=1):
    """Reciprocal and passive: the largest singular value is .9."""
    S = np.random.default_rng(seed).normal(size=(frequencies, ports, ports, 2)) @ [1, 1j]
    S = S + np.swapaxes(S, 1, 2)
    return 0.9 * S / np.linalg.norm(S, 2, axis=(1, 2))[:, None, None]


def refused(function, *arguments, **named):
    with pytest.raises(InputError) as caught:
        function(*arguments, **named)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# --- what is right


@pytest.mark.parametrize("ports", [1, 2, 3, 5])
def test_touchstone_is_read_and_conjugated(tmp_path, ports):
    """Numbers were written with all their digits: equal, and the conjugate of what stood there."""
    S = random_networks(ports)
    path = touchstone(tmp_path / f"a.s{ports}p", [28e9], S)
    network = read_network(path)
    np.testing.assert_array_equal(network.scattering, np.conj(S[0]))
    assert (network.frequency_hz, network.reference_ohm) == (28e9, 50)


def test_two_ports_list_what_goes_forward_first(tmp_path):
    """An isolator: S21 = .5 stands second in the line and goes from port 1 to port 2."""
    path = tmp_path / "isolator.s2p"
    path.write_text("# GHz S MA R 50\n28 0 0 .5 90 0 0 0 0\n")
    network = read_network(path, most_asymmetry=np.inf)
    np.testing.assert_allclose(network.scattering, [[0, 0], [-0.5j, 0]], atol=1e-16)


def test_decibels_and_units_are_read(tmp_path):
    path = tmp_path / "a.s1p"
    path.write_text("! by hand\n# MHz S DB R 75\n28000 -20 90\n")
    network = read_network(path)
    np.testing.assert_allclose(network.scattering, [[-0.1j]], atol=1e-16)
    assert (network.frequency_hz, network.reference_ohm) == (28e9, 75)


def test_marks_and_tabs_of_editors_are_read(tmp_path):
    """A byte-order mark, Windows' line ends, tabs, comments behind numbers."""
    path = tmp_path / "a.s1p"
    path.write_bytes("\ufeff! µm\r\n# GHz S RI R 50\r\n28\t.1\t.2 ! here\r\n".encode())
    np.testing.assert_array_equal(read_network(path).scattering, [[0.1 - 0.2j]])


def test_version_two_is_read(tmp_path):
    """A lower triangle, a reference for every port: 50 ohm on both."""
    path = tmp_path / "a.ts"
    path.write_text(
        "[Version] 2.0\n# GHz S RI R 50\n[Number of Ports] 2\n[Two-Port Data Order] 12_21\n"
        "[Number of Frequencies] 1\n[Reference] 50 50\n[Matrix Format] Lower\n[Network Data]\n"
        "28 .1 0\n.2 .3 0 .4\n[End]\n"
    )
    np.testing.assert_array_equal(
        read_network(path).scattering, [[0.1, 0.2 - 0.3j], [0.2 - 0.3j, -0.4j]]
    )


def test_noise_parameters_are_no_network(tmp_path):
    path = touchstone(tmp_path / "amplifier.s2p", BAND_HZ, line_of(BAND_HZ))
    path.write_text(path.read_text() + "26e9 1 .5 30 .2\n28e9 1 .5 30 .2\n")
    assert len(read_network_sweep(path).frequencies_hz) == 5


def test_ports_are_put_in_order_by_number_and_name(tmp_path):
    S = random_networks(3)
    head = "! Port[1] = feed\n! Port[2] = left\n! Port[3] = right"
    path = touchstone(tmp_path / "a.s3p", [28e9], S, head=head)
    expected = np.conj(S[0])[np.ix_([2, 0], [2, 0])]
    for order in ([3, 1], ["right", "feed"], ["right", 1]):
        np.testing.assert_array_equal(read_network(path, order=order).scattering, expected)
    assert read_network_sweep(path).port_names == ("feed", "left", "right")


def test_mixed_references_are_renormalised_as_scikit_rf_does(tmp_path):
    """The oracle is scikit-rf, power waves; 1e-12 is double precision."""
    S, z0 = random_networks(3), [50.0, 75.0, 100.0]
    path = touchstone(tmp_path / "a.s3p", [28e9], S, option="# Hz S RI R 50 75 100")
    for reference in (50.0, 30.0):
        other = skrf.Network(s=S, f=[28e9], f_unit="Hz", z0=z0)
        other.renormalize(reference)
        network = read_network(path, reference_ohm=reference)
        np.testing.assert_allclose(network.scattering, np.conj(other.s[0]), rtol=0, atol=1e-12)
    assert read_network(path).reference_ohm == 50
    (warning,) = network_warnings(read_network_sweep(path))
    assert "different references in ohm, 50 (1 ports), 75 (1 ports), 100 (1 ports)" in warning


def test_a_delay_is_interpolated_exactly():
    """Once the mean delay is out, a line is constant: only rounding is left."""
    wanted = np.array([27.3e9, 29.9e9])
    flat = line_of(BAND_HZ).reshape(5, -1)
    expected = line_of(wanted).reshape(2, -1)
    np.testing.assert_allclose(at_frequencies(flat, BAND_HZ, list(wanted)), expected, atol=1e-12)


def test_two_delays_are_interpolated_by_a_spline():
    """Ripple of a standing wave, 30° a step about the mean: the cubic's error is (π/6)⁴/384 · .3,
    near the ends four times that, -65 dB; linear interpolation would leave -30 dB."""
    f = np.linspace(26e9, 30e9, 41)

    def measured(at):
        return line_of(at) * (1 + 0.3 * np.exp(-2j * np.pi * at * 0.83e-9))[:, None, None]

    wanted = f[:-1] + 0.5 * np.diff(f)
    found = at_frequencies(measured(f).reshape(41, -1), f, list(wanted))
    error = found - measured(wanted).reshape(40, -1)
    assert np.linalg.norm(error) < 10 ** (-65 / 20) * np.linalg.norm(found)


def test_delays_that_turn_too_far_are_not_interpolated():
    """144° from one frequency to the next may be -216°: half of it is no answer. 108° is, since
    without its delay a line is constant."""
    expected = line_of(np.array([27.5e9]), 300e-12).reshape(1, -1)
    found = at_frequencies(line_of(BAND_HZ, 300e-12).reshape(5, -1), BAND_HZ, [27.5e9])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    far = line_of(BAND_HZ, 400e-12).reshape(5, -1)
    assert "differ by 144° of delay" in refused(at_frequencies, far, BAND_HZ, [27.5e9])


def test_a_frequency_that_was_measured_is_not_interpolated(tmp_path):
    S = random_networks(2, frequencies=5)  # unrelated from one to the next
    path = touchstone(tmp_path / "a.s2p", BAND_HZ, S)
    np.testing.assert_array_equal(read_network(path, frequency_hz=28e9).scattering, np.conj(S[2]))


@pytest.mark.parametrize("step_s", [DELAY_S, -DELAY_S])
def test_the_delay_tells_the_convention(step_s):
    """18° from frequency to frequency are 50 ps; what rises is in time e^{-jωt}."""
    turns = turning(BAND_HZ, line_of(BAND_HZ, step_s).reshape(5, -1))
    assert turns.delay_s == pytest.approx(step_s, rel=1e-9)
    assert turns.convention is TimeConvention(1 if step_s > 0 else -1)


def test_noise_and_coarse_steps_tell_no_convention():
    """Random phases are not coherent; 162° may as well be -198°; what stands still is neither."""
    noise = np.random.default_rng(1).normal(size=(50, 4, 2)) @ [1, 1j]
    assert turning(np.linspace(1e9, 2e9, 50), noise).convention is None
    assert turning(BAND_HZ, line_of(BAND_HZ, 450e-12).reshape(5, -1)).convention is None
    assert turning(BAND_HZ, line_of(BAND_HZ, 0.0).reshape(5, -1)).convention is None
    assert turning(BAND_HZ[:1], line_of(BAND_HZ[:1]).reshape(1, -1)) is None


def test_what_is_written_reads_back_exactly(tmp_path):
    S = random_networks(4)[0]
    write_network(PortNetwork.measured(S, 75.0, 28e9), tmp_path / "network.npz")
    network = read_network(tmp_path / "network.npz")
    np.testing.assert_array_equal(network.scattering, S)
    assert (network.reference_ohm, network.frequency_hz) == (75, 28e9)


def test_written_files_are_in_the_convention_of_others(tmp_path):
    """The capacitor of 50 ohm has S = -j in time e^{+jωt}, and +j here."""
    write_network(PortNetwork.measured(np.array([[1j]]), 50.0, 28e9), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as file:
        assert file["scattering"] == -1j


def test_impedances_are_turned_to_scattering(tmp_path):
    """Z = -j50 ohm, a capacitor: S = (Z - 50)/(Z + 50) = -j there, j here, to rounding."""
    np.savez(tmp_path / "z.npz", Z_ohm=[[-50j]], frequency_hz=28e9)
    network = read_network(tmp_path / "z.npz", reference_ohm=50)
    np.testing.assert_allclose(network.scattering, [[1j]], atol=1e-15)


def test_matlab_counts_frequencies_last(tmp_path):
    S = line_of(BAND_HZ)
    arrays = {"frequency_hz": BAND_HZ, "z0": 50}
    scipy.io.savemat(tmp_path / "a.mat", {"S": np.moveaxis(S, 0, -1), **arrays})
    np.savez(tmp_path / "a.npz", S=S, **arrays)
    for name in ("a.mat", "a.npz"):
        network = read_network(tmp_path / name, frequency_hz=29e9)
        np.testing.assert_array_equal(network.scattering, np.conj(S[3]))


def test_a_stated_convention_is_believed(tmp_path):
    """The conjugate of what analysers write, said by an argument or by the file."""
    S = np.conj(line_of(BAND_HZ))
    path = touchstone(tmp_path / "a.s2p", BAND_HZ, S)
    network = read_network(path, frequency_hz=28e9, convention=TimeConvention.OURS)
    np.testing.assert_array_equal(network.scattering, S[2])
    np.savez(tmp_path / "a.npz", S=S, frequency_hz=BAND_HZ, reference_ohm=50, time_sign=-1)
    read = read_network(tmp_path / "a.npz", frequency_hz=28e9)
    np.testing.assert_array_equal(read.scattering, S[2])


# --- what is wrong

LINE = {"S": line_of(BAND_HZ), "frequency_hz": BAND_HZ, "reference_ohm": 50}


def with_nan():
    S = line_of(BAND_HZ)
    S[2, 0, 1] = np.nan
    return {"S": S}


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({}, {}, "from the file's 5 frequencies from 2.6e+10 to 3e+10 Hz, but none is"),
        ({}, {"frequency_hz": 31e9}, "within the file's 5 frequencies from 2.6e+10 to 3e+10 Hz"),
        ({}, {"frequency_hz": 28e9, "ports": 3}, "must have 3 ports, but has 2"),
        ({}, {"frequency_hz": 28e9, "order": [1, 3]}, "of ports 1 to 2, but names 3"),
        ({}, {"frequency_hz": 28e9, "order": [1, 1]}, "ports once each, but is 1, 1"),
        ({}, {"frequency_hz": 28e9, "order": ["a"]}, "of ports 1 to 2, but names a"),
        ({}, {"frequency_hz": 28e9, "reference_ohm": -5.0}, "must be positive, but is -5"),
        ({"S": 1.2 * line_of(BAND_HZ)}, {"frequency_hz": 28e9}, "is active: 1.166 times the power"),
        (
            {"S": line_of(BAND_HZ) * [[1, 1], [0.5, 1]]},
            {"frequency_hz": 28e9},
            "not reciprocal: S differs from its transpose by 63.2 % of its norm",
        ),
        (
            {"S": random_networks(8, 5)},
            {"frequency_hz": 27.5e9},
            "2.7e+10 and 2.8e+10 Hz are too different",
        ),
        (
            {"S": np.conj(line_of(BAND_HZ))},
            {"frequency_hz": 28e9},
            "rises by 18° from one frequency to the next, a delay of -0.05 ns: give `--conjugated`",
        ),
        (with_nan(), {}, "`S` must be finite, but has 1 values that are not; the first is of freq"),
        ({"frequency_hz": BAND_HZ[::-1]}, {}, "must rise, but 3e+10 Hz is followed by 2.9e+10 Hz"),
        ({"frequency_hz": BAND_HZ - 27e9}, {}, "Frequencies must be positive, but one is"),
        ({"frequency_hz": BAND_HZ[1:]}, {}, "ports, of 4 frequencies, but has shape (5, 2, 2)"),
        ({"frequency_hz": None}, {}, "exactly one of `frequency_hz`, `frequencies_hz`, but holds"),
        ({"S": line_of(BAND_HZ)[:, :1]}, {}, "frequencies x ports x ports, of 5 frequencies, but"),
        ({"S": None}, {}, "exactly one of `scattering`, `S`, `impedance_ohm`, `Z_ohm`, but holds"),
        ({"reference_ohm": None}, {}, "must hold `reference_ohm`, but does not"),
        ({"reference_ohm": 50j}, {}, "`reference_ohm` must be real, but is complex128"),
        (
            {"reference_ohm": [50, 50, 50]},
            {},
            "or one for each of the 2 ports, but is [50, 50, 50]",
        ),
        ({"S": None, "Z": -50 * np.eye(2), "frequency_hz": 1e9}, {}, "an eigenvalue of -50 ohm"),
        ({"time_sign": 2}, {}, "`time_sign` must be 1 or -1"),
        (
            {"S": None, "Z": line_of(BAND_HZ), "reference_ohm": [50, 75]},
            {},
            "go with one reference",
        ),
    ],
)
def test_arrays_that_cannot_be_a_network_are_refused_in_a_line(tmp_path, change, options, said):
    arrays = {name: value for name, value in {**LINE, **change}.items() if value is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    message = refused(read_network, tmp_path / "bad.npz", **options)
    assert said in message
    assert message.endswith("bad.npz).")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.s2p", "# GHz S RI R 50\n28 0 0\n29 0 0\n", "holds 1, as many as 1 ports have (line 2)"),
        (
            "a.s1p",
            "# GHz S RI R 50\n28 0 0 1 0 1 0 0 0\n",
            "its name says 1 ports, but holds 4, as",
        ),
        ("a.s3p", "# GHz S RI R 50\n28 0 0 1 0 1 0 0 0\n", "must hold 9 complex numbers a frequen"),
        ("a.s2p", "# GHz S RI R 50\n28 0 0 1 0 1 0 0\n", "Numbers must begin with a frequency"),
        ("a.s2p", "# GHz S RI R 50\n28 0 0 1 0 1 0\n", "but holds 3 (line 2)"),
        ("a.s1p", "# GHz S RI R 50\nabc 0 0\n", "must be a number, but is 'abc' (line 2)"),
        ("a.s1p", "# GHz S RI R 50\n28 0 x\n", "must be a whole Touchstone file, but cannot be"),
        ("a.s1p", "# GHz S RI R 50\n", "The file must hold a frequency, but holds none"),
        ("a.s1p", "# GHz S RI R 50\n28 nan 0\n", "but 1 values are not; the first is S1,1 at 2.8e"),
        ("a.s1p", "# GHz Z RI R 50\n28 1 0\n", "must hold scattering parameters, but holds Z"),
        ("a.s1p", "# GHz S RI R 50\n28 0 0\n27 0 0\n", "must rise, but 2.8e+10 Hz is followed"),
        ("a.s1p", "# GHz S RI R 0\n28 0 0\n", "must be real and positive, but one is 0"),
        ("a.s1p", "# GHz S RI R 50+1j\n28 0 0\n", "must be real and positive, but one is 50+1j"),
        ("a.s1p", "# furlongs S RI R 50\n28 0 0\n", "must be a whole Touchstone file"),
        ("a.s1p", "", "must have a line like `# GHz S RI R 50`"),
        ("a.s1p", "28 0 0\n", "must have a line like `# GHz S RI R 50`"),
        (
            "a.s2p",
            "! [Version] 2.0\n# GHz S RI R 50\n28 0 0\n",
            "its name says 2 ports, but holds 1",
        ),
        (
            "a.s3p",
            "[Version] 2.0\n# GHz S RI R 50\n[Number of Ports] 1\n[Network Data]\n28 0 0\n[End]\n",
            "as many ports as its name says, but says 1 inside",
        ),
        (
            "a.ts",
            "[Version] 2.0\n#\n[Number of Ports] 2\n[Reference] 50\n",
            "whole Touchstone file",
        ),
    ],
)
def test_touchstone_that_cannot_be_is_refused_in_a_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    message = refused(read_network, tmp_path / name)
    assert said in message
    assert message.endswith(f"{name}).")


def test_files_that_are_none_are_refused(tmp_path):
    assert "does not exist" in refused(read_network, tmp_path / "none.s2p")
    assert "must end in .sNp, .npz or .mat" in refused(read_network, tmp_path / "a.csv")
    network = PortNetwork.measured(np.eye(2, dtype=complex), 50.0, 1e9)
    assert "must end in .npz" in refused(write_network, network, tmp_path / "a.s2p")
    assert not list(tmp_path.iterdir())


def test_frequencies_that_fall_are_refused(tmp_path):
    """Not taken for noise parameters, which have five numbers a row: rows would get lost."""
    path = tmp_path / "falling.s2p"
    rows = [f"{29 - at} 0 0 .9 0 .9 0 0 0" for at in range(3)]
    path.write_text("\n".join(["# GHz S RI R 50", *rows, ""]))
    with pytest.raises(InputError, match="Frequencies must rise, but 28 comes after 29"):
        read_network(path, frequency_hz=28e9)
