"""`metastack simulate pilots` as a user types it."""

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration.illumination import (
    FromInputPorts,
    OntoFirstLayer,
    OntoInputLayer,
    PlaneWaves,
    SphericalWaves,
)
from metastack.calibration.pilots import PilotPlan, reference_power
from metastack.cli.main import run
from metastack.files import StackDescription

FEW = ("--slots", "4")


@pytest.fixture(scope="module")
def stack():
    return ms.make_uniform_stack(
        ports=2, atoms_per_side=4, layers=3, thickness_wavelengths=4, spacing_wavelengths=0.5
    )


@pytest.fixture(scope="module")
def stack_file(stack, tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.toml"
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), path)
    return path


@pytest.fixture
def simulated(capsys, stack_file):
    """Pilots that the command wrote."""

    def simulate(path, *options):
        answer_of(capsys, "simulate", "pilots", stack_file, "-o", path, *options)
        return ms.read_pilots(path).pilots

    return simulate


def at(*positions_m):
    return SphericalWaves(np.array(positions_m, float))


def towards(*cosines):
    return PlaneWaves(np.array(cosines, float))


def test_pilots_from_the_input_ports_are_the_responses(capsys, tmp_path, stack, stack_file):
    """Without users every input port is fed by itself: slot by slot the response of the stack,
    which is computed along another way; 1e-12 is double precision after four hops."""
    out = tmp_path / "pilots.nc"
    answer = answer_of(capsys, "simulate", "pilots", stack_file, "-o", out, *FEW)
    stored = ms.read_pilots(out)
    pilots = stored.pilots
    assert isinstance(pilots.plan.illumination, FromInputPorts)
    expected = np.asarray(ms.response(stack, pilots.plan.phases_rad))
    np.testing.assert_allclose(pilots.received, expected, rtol=0, atol=1e-12 * abs(expected).max())
    assert pilots.noise_variance == 0
    assert (answer["slots"], answer["antennas"], answer["users"]) == (4, 4, 4)
    assert stored.frequency_hz == float(stack.frequency_hz)
    assert stored.wave_speed_m_per_s == float(stack.wave_speed_m_per_s)
    assert stored.warnings == []


@pytest.mark.parametrize(
    ("options", "illumination"),
    [
        (("--near", "0,30,2"), OntoInputLayer(at((0, 1, -(3**0.5))))),
        (
            ("--near=-30,0,2", "--near", "0,0,1", "--past-input"),
            OntoFirstLayer(at((-1, 0, -(3**0.5)), (0, 0, -1))),
        ),
        (("--far", "30,90"), OntoInputLayer(towards((0, 0.5)))),
        (
            ("--far", "0,0", "--far", "30,0", "--past-input"),
            OntoFirstLayer(towards((0, 0), (0.5, 0))),
        ),
    ],
)
def test_users_light_what_the_options_say(tmp_path, options, illumination, simulated):
    """Degrees and metres arrive as positions before the stack or as direction cosines."""
    lit = simulated(tmp_path / "pilots.nc", *FEW, *options).plan.illumination
    assert type(lit) is type(illumination)
    assert type(lit.waves) is type(illumination.waves)
    np.testing.assert_allclose(lit.waves.coordinates, illumination.waves.coordinates, atol=1e-14)


def test_noise_is_as_strong_as_the_snr_says(tmp_path, stack, simulated):
    """With and without noise from the same seed the phases are the same. The power of 1600 complex
    Gaussian numbers is within 5 deviations, 12.5 %, of its mean."""
    options = ("--slots", "100", "--seed", "5", "--gain-db", "-20", "--gain-phase-deg", "90")
    noisy = simulated(tmp_path / "noisy.nc", *options, "--snr-db", "10")
    clean = simulated(tmp_path / "clean.nc", *options)
    np.testing.assert_array_equal(noisy.plan.phases_rad, clean.plan.phases_rad)
    variance = 0.01 * reference_power(stack, FromInputPorts()) / 10
    assert noisy.noise_variance == pytest.approx(variance, rel=1e-9)
    noise = noisy.received - clean.received
    assert np.mean(abs(noise) ** 2) == pytest.approx(variance, rel=0.125)


def test_the_gain_multiplies_everything(tmp_path, simulated):
    """-20 dB at 90° is .1j; rounding alone differs."""
    unit = simulated(tmp_path / "unit.nc", *FEW)
    gained = simulated(tmp_path / "gained.nc", *FEW, "--gain-db", "-20", "--gain-phase-deg", "90")
    np.testing.assert_allclose(gained.received, 0.1j * unit.received, rtol=1e-12, atol=1e-300)


def test_the_same_seed_gives_the_same_pilots(tmp_path, simulated):
    runs = [
        simulated(tmp_path / f"{k}.nc", *FEW, "--snr-db", "20", "--seed", seed)
        for k, seed in enumerate("112")
    ]
    np.testing.assert_array_equal(runs[0].received, runs[1].received)
    assert (runs[0].received != runs[2].received).all()
    assert (runs[0].plan.phases_rad != runs[2].plan.phases_rad).any()


def test_phases_of_few_bits_are_multiples_of_the_step(tmp_path, simulated):
    plan = simulated(tmp_path / "pilots.nc", *FEW, "--bits", "2").plan
    np.testing.assert_array_equal(np.unique(plan.phases_rad), np.arange(4) * np.pi / 2)


def test_every_format_holds_the_same(capsys, tmp_path, simulated):
    expected = simulated(tmp_path / "pilots.nc", *FEW, "--near", "10,0,3")
    for name in ("pilots.npz", "pilots.mat", "pilots"):
        read = simulated(tmp_path / name, *FEW, "--near", "10,0,3")
        np.testing.assert_array_equal(read.received, expected.received)
        facts = answer_of(capsys, "show", tmp_path / name)
        assert facts == answer_of(capsys, "show", tmp_path / "pilots.nc")
        assert answer_of(capsys, "check", tmp_path / name)["verdict"] == "usable"


def test_show_tells_what_was_sent_and_received(capsys, tmp_path, simulated):
    out = tmp_path / "pilots.nc"
    pilots = simulated(out, *FEW, "--near", "10,0,3", "--snr-db", "20")
    facts = answer_of(capsys, "show", out)
    assert facts["kind"] == "pilots"
    assert [facts[name] for name in ("slots", "layers", "atoms_a_layer")] == [4, 3, 16]
    assert [facts[name] for name in ("antennas", "users")] == [4, 1]
    assert [facts[name] for name in ("illumination", "waves")] == ["onto_input_layer", "spherical"]
    assert facts["noise_variance"] == pilots.noise_variance
    assert facts["mean_power"] == pytest.approx(np.mean(abs(pilots.received) ** 2), rel=1e-12)
    assert facts["warnings"] == []
    assert run(["show", str(out)]) == 0


def test_show_of_a_file_that_does_not_say_how_it_was_lit(capsys, tmp_path):
    out = tmp_path / "bench.npz"
    received = np.full((3, 1, 1), 1 + 1j)
    np.savez(out, received=received, phases_deg=np.full((3, 2, 5), 90.0))
    facts = answer_of(capsys, "show", out)
    assert facts["illumination"] is None
    (constant, repeated) = facts["warnings"]
    assert constant.startswith("10 of 10 atoms never change")
    assert repeated.startswith("2 of 3 slots show the same phases")


# --- plans


@pytest.fixture
def plan_file(tmp_path, stack):
    phases = np.random.default_rng(1).uniform(0, 6, (3, *stack.phases_shape))
    ms.write_plan(
        PilotPlan(phases, OntoInputLayer(towards((0.1, 0.2)))),
        tmp_path / "plan.nc",
        frequency_hz=float(stack.frequency_hz),
    )
    return tmp_path / "plan.nc"


def test_a_plan_is_carried_out(capsys, tmp_path, plan_file, simulated):
    plan = ms.read_plan(plan_file).plan
    pilots = simulated(tmp_path / "pilots.nc", "--plan", plan_file)
    np.testing.assert_array_equal(pilots.plan.phases_rad, plan.phases_rad)
    lit = pilots.plan.illumination
    assert isinstance(lit, OntoInputLayer)
    np.testing.assert_array_equal(lit.waves.coordinates, [[0.1, 0.2]])
    assert answer_of(capsys, "show", plan_file)["kind"] == "pilot plan"
    other = simulated(tmp_path / "pilots.nc", "--plan", plan_file, "--near", "0,0,5")
    assert isinstance(other.plan.illumination.waves, SphericalWaves)


def test_a_plan_that_repeats_itself_is_warned_of(capsys, tmp_path, stack, stack_file):
    plan = PilotPlan(np.ones((2, *stack.phases_shape)), FromInputPorts())
    ms.write_plan(plan, tmp_path / "plan.nc")
    options = ("--plan", tmp_path / "plan.nc", "-o", tmp_path / "pilots.nc")
    assert run(["simulate", "pilots", str(stack_file), *map(str, options)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(line.startswith("metastack: warning: ") for line in said)


@pytest.mark.parametrize(
    ("shape", "about", "message"),
    [
        ((2, 6, 16), {}, "slots x 3 layers x 16 atoms, as the stack, but have shape (2, 6, 16)"),
        ((2, 3, 16), {"frequency_hz": 28e9}, "must be the stack's, 6e+10, but is 2.8e+10"),
    ],
)
def test_a_plan_of_another_stack_is_refused(capsys, tmp_path, shape, about, message, stack_file):
    phases = np.random.default_rng(1).uniform(0, 6, shape)
    ms.write_plan(PilotPlan(phases, FromInputPorts()), tmp_path / "plan.nc", **about)
    options = ("--plan", tmp_path / "plan.nc", "-o", tmp_path / "pilots.nc")
    assert message in refusal_of(capsys, "simulate", "pilots", stack_file, *options)
    assert not (tmp_path / "pilots.nc").exists()


# --- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--near", "1,2,3", "--far", "1,2"], "either `--near` or `--far`, not both"),
        (["--past-input"], "`--past-input` must go with users"),
        (["--near", "1,2"], "`--near` must be 3 numbers separated by commas, but is '1,2'"),
        (["--near", "1,2,nan"], "`--near` must be 3 numbers"),
        (["--near", "1,2,-3"], "`distance_m` of a user must be positive"),
        (["--near", "100,0,3"], "must be in front of the stack"),
        (["--far", "x,y"], "`--far` must be 2 numbers separated by commas, but is 'x,y'"),
        (["--far", "90,0"], "`theta` of a wave must be from 0 to 90°"),
        (["--snr-db", "1e9"], "`snr_db` must be within ±300"),
        (["--snr-db", "nan"], "`snr_db` must be within ±300"),
        (["--gain-db", "1e9"], "`--gain-db` must be from -300 to 300 dB"),
        (["--gain-phase-deg", "inf"], "`--gain-phase-deg` must be finite"),
        (["--slots", "0"], "--slots"),
        (["--bits", "17"], "--bits"),
        (["--plan", "plan.nc", "--slots", "3"], "either `--plan`, or `--slots` and `--bits`"),
        (["--plan", "nothing.nc"], "`nothing.nc` must be a file, but does not exist"),
    ],
)
def test_impossible_options_are_refused(capsys, tmp_path, options, message, stack_file):
    out = tmp_path / "pilots.nc"
    assert message in refusal_of(capsys, "simulate", "pilots", stack_file, "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pilots.csv", "must end in .nc or .npz or .mat"),
        ("nowhere/pilots.nc", "folder must exist"),
        ("nowhere/pilots", "folder must exist"),
        ("", "must be a new folder, or one of pilots, but holds thesis, thesis.tex"),
        ("thesis", "must be a folder, but is a file"),
    ],
)
def test_the_output_is_checked_before_anything_is_read(capsys, tmp_path, name, message):
    for file in ("thesis.tex", "thesis"):
        (tmp_path / file).write_text("years of work")
    out = tmp_path / name
    assert message in refusal_of(capsys, "simulate", "pilots", "no_stack.toml", "-o", out)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_ports_may_have_gains_of_their_own(tmp_path, simulated):
    """The same gain in every slot for each antenna and input port, spread as stated: of 16 complex
    normal numbers within a factor of two."""
    plain = simulated(tmp_path / "plain.nc", *FEW).received
    unequal = simulated(tmp_path / "unequal.nc", *FEW, "--port-gain-deviation", ".1").received
    gain = unequal / plain
    np.testing.assert_allclose(gain, np.broadcast_to(gain[:1], gain.shape), rtol=1e-9)
    assert 0.05 < np.sqrt(np.mean(np.abs(gain[0] - 1) ** 2)) < 0.2
