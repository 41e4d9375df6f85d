"""Files of pilots: read back exactly in every format; whatever is wrong is said in one line.

The oracle of round trips is the value before writing; no tolerance, because every format holds
float64. Foreign forms are compared with phases computed here.
"""

import shutil
import tempfile
from pathlib import Path

import equinox as eqx
import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

import metastack as ms
from metastack.calibration.illumination import (
    FromInputPorts,
    OntoFirstLayer,
    OntoInputLayer,
    PlaneWaves,
    SphericalWaves,
)
from metastack.calibration.pilots import PilotPlan, Pilots
from metastack.errors import InputError
from metastack.files import FileKind, StoredPilots, check_frequency, identify
from metastack.files.pilot_folder import replacing_folder

FORMATS = ("pilots.nc", "pilots.npz", "pilots.mat", "pilots")
PORTS = FromInputPorts()
RNG = np.random.default_rng(1)
SLOTS, LAYERS, ATOMS, ANTENNAS, USERS = 12, 2, 6, 3, 2
PHASES = RNG.uniform(0, 2 * np.pi, (SLOTS, LAYERS, ATOMS))
RECEIVED = RNG.normal(size=(SLOTS, ANTENNAS, USERS, 2)) @ [1, 1j]
CODES = RNG.integers(0, 4, PHASES.shape)

disk = settings(deadline=None, derandomize=True, max_examples=20)
finite = st.floats(-1e6, 1e6)
turns = st.floats(-4 * np.pi, 4 * np.pi)
ahead = st.floats(0.01, 100)
cosine = st.floats(-0.7, 0.7)


def refused(function, *arguments, **named):
    """The one line with which a call is refused."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **named)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@st.composite
def illuminations(draw, users):
    lit = draw(st.sampled_from([OntoFirstLayer, OntoInputLayer, None]))
    if lit is None:
        return FromInputPorts()
    if draw(st.booleans()):
        return lit(PlaneWaves(draw(hnp.arrays(float, (users, 2), elements=cosine))))
    across = draw(hnp.arrays(float, (users, 2), elements=finite))
    return lit(
        SphericalWaves(np.column_stack([across, -draw(hnp.arrays(float, users, elements=ahead))]))
    )


@st.composite
def plans(draw, users):
    shape = tuple(draw(st.integers(1, 3)) for _ in range(3))
    phases = draw(hnp.arrays(float, shape, elements=turns))
    return PilotPlan(phases, draw(illuminations(users)))


@st.composite
def pilots(draw):
    users = draw(st.integers(1, 3))
    plan = draw(plans(users))
    shape = (plan.slots, draw(st.integers(1, 3)), users)
    received = draw(hnp.arrays(complex, shape, elements=st.builds(complex, finite, finite)))
    received[0, 0, 0] = 1
    variance = draw(st.none() | st.floats(0, 1e9))
    return Pilots.measured(plan, received, variance)


about = st.fixed_dictionaries(
    {
        "frequency_hz": st.none() | st.floats(1e3, 1e13),
        "wave_speed_m_per_s": st.none() | st.floats(1, 3e8),
    }
)


def assert_same_plan(plan, other):
    np.testing.assert_array_equal(plan.phases_rad, other.phases_rad)
    assert type(plan.illumination) is type(other.illumination)
    if not isinstance(plan.illumination, FromInputPorts):
        waves, read = plan.illumination.waves, other.illumination.waves
        assert type(waves) is type(read)
        np.testing.assert_array_equal(waves.coordinates, read.coordinates)


# --- what is written reads back


@pytest.mark.parametrize("name", FORMATS)
@disk
@given(pilots=pilots(), about=about)
def test_pilots_keep_everything_in_every_format(name, pilots, about):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        ms.write_pilots(pilots, path, **about)
        assert [each.name for each in Path(folder).iterdir()] == [name]
        assert identify(path) is FileKind.PILOTS
        stored = ms.read_pilots(path)
    assert_same_plan(pilots.plan, stored.pilots.plan)
    np.testing.assert_array_equal(pilots.received, stored.pilots.received)
    assert pilots.noise_variance == stored.pilots.noise_variance
    assert about == {key: getattr(stored, key) for key in about}


@pytest.mark.parametrize("name", FORMATS)
@disk
@given(plan=plans(2), about=about)
def test_plans_keep_everything_in_every_format(name, plan, about):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        ms.write_plan(plan, path, **about)
        assert identify(path) is FileKind.PILOT_PLAN
        stored = ms.read_plan(path)
    assert_same_plan(plan, stored.plan)
    assert about == {key: getattr(stored, key) for key in about}


def test_whoever_reads_may_say_how_the_stack_was_lit(tmp_path):
    """A user's word counts more than the file's: a position may have been measured since."""
    ms.write_pilots(Pilots(PilotPlan(PHASES, PORTS), RECEIVED), tmp_path / "pilots.nc")
    waves = OntoFirstLayer(PlaneWaves(np.zeros((USERS, 2))))
    read = ms.read_pilots(tmp_path / "pilots.nc", illumination=waves)
    assert read.pilots.plan.illumination is waves


# --- foreign files


def save(path, arrays):
    """As a bench would: numbers under names."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        scipy.io.savemat(path, arrays)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
@pytest.mark.parametrize(
    ("arrays", "phases_rad"),
    [
        ({"phases_rad": PHASES}, PHASES),
        ({"phases_deg": np.degrees(PHASES)}, np.radians(np.degrees(PHASES))),
        ({"codes": CODES, "bits": 2}, CODES * np.pi / 2),
        ({"codes": CODES.astype(np.uint8), "bits": 2}, CODES * np.pi / 2),
        ({"phases_rad": PHASES.reshape(SLOTS, -1), "layers": LAYERS}, PHASES),
        ({"phases_rad": PHASES[..., 0], "layers": LAYERS}, PHASES[..., :1]),
    ],
)
def test_phases_are_read_in_every_form(tmp_path, suffix, arrays, phases_rad):
    """Radians, degrees, codes; layer by layer, in a row, or as MATLAB leaves a single atom."""
    path = save(tmp_path / f"bench{suffix}", {**arrays, "received": RECEIVED, "note": 7})
    stored = ms.read_pilots(path, illumination=PORTS)
    np.testing.assert_array_equal(stored.pilots.plan.phases_rad, phases_rad)
    np.testing.assert_array_equal(stored.pilots.received, RECEIVED)
    assert stored.pilots.noise_variance is None
    assert stored.frequency_hz is None


def test_a_single_array_is_a_matrix_whatever_its_name(tmp_path):
    np.save(tmp_path / "phases_rad.npy", PHASES[0])
    assert identify(tmp_path / "phases_rad.npy") is FileKind.MATRIX


def test_one_user_may_go_without_a_dimension(tmp_path):
    """MATLAB drops trailing dimensions of one."""
    path = save(tmp_path / "bench.mat", {"phases_rad": PHASES, "received": RECEIVED[..., 0]})
    read = ms.read_pilots(path, illumination=PORTS).pilots
    np.testing.assert_array_equal(read.received, RECEIVED[..., :1])


def test_a_folder_of_text_is_read_as_a_bench_writes_it(tmp_path):
    """Two layers of two atoms, two antennas, two users: antennas fastest, then users."""
    (tmp_path / "codes.csv").write_text("# layers = 2\n# bits = 2\na,b,c,d\n0,1,2,3\n3,2,1,0\n")
    (tmp_path / "received.csv").write_text(
        "# users = 2\n# frequency_hz = 28e9\n# noise_variance = 1e-3\n"
        "Re0, Im0, Re1, Im1, Re2, Im2, Re3, Im3\n0,1,2,3,4,5,6,7\n8,9,10,11,12,13,14,15\n"
    )
    stored = ms.read_pilots(tmp_path, illumination=PORTS)
    expected = np.array([[[0, 1], [2, 3]], [[3, 2], [1, 0]]]) * np.pi / 2
    np.testing.assert_array_equal(stored.pilots.plan.phases_rad, expected)
    first = [[0 + 1j, 4 + 5j], [2 + 3j, 6 + 7j]]
    np.testing.assert_array_equal(stored.pilots.received[0], first)
    assert stored.frequency_hz == 28e9
    assert stored.pilots.noise_variance == 1e-3


def test_a_silent_file_asks_how_the_stack_was_lit(tmp_path):
    path = save(tmp_path / "bench.npz", {"phases_rad": PHASES, "received": RECEIVED})
    message = refused(ms.read_pilots, path)
    for option in ("--near AZIMUTH_DEG,ELEVATION_DEG,METRES", "--far THETA_DEG,PHI_DEG"):
        assert option in message
    assert "--past-input" in message
    assert "`lit_plane` = 0" in message
    ports = save(path, {"phases_rad": PHASES, "received": RECEIVED, "lit_plane": 0})
    assert isinstance(ms.read_pilots(ports).pilots.plan.illumination, FromInputPorts)


GOOD = {"phases_rad": PHASES, "received": RECEIVED, "lit_plane": 0}


def changed(name, index, value):
    array = GOOD[name].copy()
    array[index] = value
    return {name: array}


def codes(change, bits=2):
    return {"phases_rad": None, "codes": CODES + change, "bits": bits}


DEGREES = {"phases_rad": np.degrees(PHASES)}
POSITIONS = np.array([[0, 0, -1.0], [1, 0, -1]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (DEGREES, "look like degrees: name them `phases_deg`"),
        ({"phases_rad": 90.0 * CODES}, "go from 0 to 270 and look like degrees"),
        ({"phases_rad": 180.0 * (CODES % 2) - 180}, "look like degrees"),
        ({"phases_rad": None, "phases_deg": PHASES}, "look like radians: name them `phases_rad`"),
        ({"received": 1e-150 * RECEIVED}, "The largest of `received` must be within 1e-100"),
        (changed("phases_rad", (3, 0, 1), np.nan), "`phases_rad` must be finite, but has 1 values"),
        (changed("phases_rad", (3, 0, 1), np.inf), "the first is of slot 3"),
        (changed("received", (5, 0, 1), np.nan), "`received` must be finite"),
        (changed("received", (5, 0, 1), np.inf), "the first is of slot 5"),
        ({"received": 0 * RECEIVED}, "`received` must hold something, but is all zero"),
        ({"received": abs(RECEIVED)}, "`received` must be complex, but is real"),
        ({"received": RECEIVED[1:]}, "a row for each of the 12 slots, but has 11"),
        ({"received": RECEIVED[..., None]}, "must be slots x antennas x users"),
        ({"received": None}, "must hold `received`, but holds `phases_rad`, `lit_plane`"),
        ({"phases_rad": None}, "`codes`, but holds `received`, `lit_plane`"),
        ({"phases_deg": PHASES}, "exactly one of `phases_rad`, `phases_deg`, `codes`, but holds"),
        ({"phases_rad": PHASES[:, 0]}, "slots x layers x atoms, or slots x all atoms with"),
        ({"phases_rad": PHASES[:, :0]}, "but has shape (12, 0, 6)"),
        ({"phases_rad": PHASES[:, 0], "layers": 4}, "4 times as many columns"),
        ({"layers": 3}, "must be of 3 layers, as `layers` says, but is of 2"),
        ({"layers": 1.5}, "`layers` must be a whole number from 1"),
        ({"phases_rad": PHASES * 1j}, "`phases_rad` must be real"),
        (codes(0.5), "`codes` must be whole numbers, but one is"),
        (codes(1), "`codes` must be from 0 to 3 of 2 bits, but one is 4"),
        (codes(-1), "`codes` must be from 0 to 3 of 2 bits, but one is -1"),
        (codes(0, bits=None), "`codes` must come with `bits`"),
        (codes(0, bits=0), "`bits` must be a whole number from 1 to 16, but is 0"),
        (codes(0, bits=17), "`bits` must be a whole number from 1 to 16, but is 17"),
        ({"noise_variance": -1.0}, "`noise_variance` must be finite and not negative"),
        ({"noise_variance": np.ones(2)}, "`noise_variance` must be one real number"),
        ({"frequency_hz": 0.0}, "`frequency_hz` must be positive and finite, but is 0"),
        ({"frequency_hz": np.nan}, "`frequency_hz` must be positive"),
        ({"wave_speed_m_per_s": -3e8}, "`wave_speed_m_per_s` must be positive"),
        ({"lit_plane": 2}, "`lit_plane` must be 0 (input layer) or 1, but is 2"),
        ({"lit_plane": 1}, "`lit_plane` 1 the file must hold one of `user_positions_m`"),
        ({"lit_plane": None, "user_positions_m": POSITIONS}, "`lit_plane` must say which plane"),
        ({"user_positions_m": POSITIONS[:1]}, "of the 1 users that light the stack, but is of 2"),
        ({"user_positions_m": -POSITIONS}, "Users must be in front of the stack"),
        ({"user_positions_m": POSITIONS[:, :2]}, "must be users x 3, but have shape (2, 2)"),
        ({"user_positions_m": POSITIONS * np.nan}, "must be finite real numbers"),
        ({"user_direction_cosines": np.ones((2, 2))}, "Direction cosines must be shorter than 1"),
        (
            {"user_positions_m": POSITIONS, "user_direction_cosines": np.zeros((2, 2))},
            "only one of `user_positions_m`, `user_direction_cosines`",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_what_cannot_be_pilots_is_refused_in_a_line(tmp_path, suffix, change, said):
    arrays = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    message = refused(ms.read_pilots, save(tmp_path / f"bad{suffix}", arrays))
    assert said in message
    assert message.endswith(f"bad{suffix}).")


def test_phases_of_a_few_turns_are_radians(tmp_path):
    """Unwrapped phases pass: uniform over six turns, they spread over less than two."""
    phases = 6 * PHASES
    path = save(tmp_path / "turns.npz", {**GOOD, "phases_rad": phases})
    np.testing.assert_array_equal(ms.read_pilots(path).pilots.plan.phases_rad, phases)


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    for name in FORMATS:
        degrees = Pilots(PilotPlan(np.degrees(PHASES), PORTS), RECEIVED)
        assert "look like degrees" in refused(ms.write_pilots, degrees, tmp_path / name)
        elsewhere = Pilots(PilotPlan(PHASES, PORTS), RECEIVED)
        assert "must be positive" in refused(
            ms.write_pilots, elsewhere, tmp_path / name, frequency_hz=-1.0
        )
    assert not list(tmp_path.iterdir())


def test_an_illumination_of_somebodys_own_is_not_written(tmp_path):
    class Mine(eqx.Module):
        waves: PlaneWaves

        def users(self, stack):
            return 1

        def first_link(self, stack):
            return np.ones((ATOMS, 1), complex)

    plan = PilotPlan(PHASES, Mine(PlaneWaves(np.zeros((1, 2)))))
    message = refused(ms.write_plan, plan, tmp_path / "plan.nc")
    assert "must be one of from_input_ports, onto_input_layer, onto_first_layer" in message


# --- folders of text

PHASES_CSV = "# layers = 1\n0,1\n1,0\n"
RECEIVED_CSV = "# lit_plane = 0\nre0,im0\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "must hold `received.csv` and one of `phases_rad.csv`"),
        ({"notes.csv": "1"}, "but holds `notes.csv`"),
        ({"phases_rad.csv": PHASES_CSV}, "must hold `received`, but holds `layers`, `phases_rad`"),
        ({"received.csv": RECEIVED_CSV}, "must hold exactly one of `phases_rad`"),
        ({"received.csv": "1,2\n3,4\n"}, "The header must be re0,im0,re1,im1"),
        ({"received.csv": "re0,im0\n1,2,3,4\n"}, "name each of the 4 columns"),
        ({"received.csv": "re0,im0,re1\n1,2,3\n"}, "name each of the 3 columns"),
        ({"received.csv": "im0,re0\n1,2\n"}, "but is 'im0,re0'"),
        ({"received.csv": "# users = 2\nre0,im0\n1,2\n"}, "1 pairs are not of 2 users"),
        ({"received.csv": "# users = 0\nre0,im0\n1,2\n"}, "`users` must be a whole number"),
        ({"received.csv": "re0,im0\n1,2\n3\n"}, "Line 1 of the numbers must have 2 values"),
        ({"received.csv": "re0,im0\n1,x\n"}, "must hold numbers, but holds 'x'"),
        ({"received.csv": "# frequency_hz = 28GHz\nre0,im0\n1,2\n"}, "but holds '28GHz'"),
        ({"received.csv": "re0,im0\n"}, "at least one line of numbers"),
        ({"received.csv": "re0,im0\n1,nan\n1,2\n", "phases_rad.csv": PHASES_CSV}, "of slot 0"),
        ({"received.csv": RECEIVED_CSV, "phases_rad.csv": "0,1\n1,0\n"}, "a line `# layers = 4`"),
        ({"received.csv": RECEIVED_CSV, "codes.csv": PHASES_CSV}, "a line `# bits = 2`"),
    ],
)
def test_text_that_is_no_pilots(tmp_path, files, said):
    folder = tmp_path / "bench"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    assert said in refused(ms.read_pilots, folder)


def test_other_places_are_refused(tmp_path):
    assert "must be a folder, but does not exist" in refused(ms.read_pilots, tmp_path / "nothing")
    assert "does not exist" in refused(ms.read_pilots, tmp_path / "nothing.nc")
    assert "must end in .nc, .npz, .mat, or in nothing" in refused(
        ms.read_pilots, tmp_path / "received.csv"
    )


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    plan = PilotPlan(PHASES, PORTS)
    (tmp_path / "thesis.tex").write_text("years")
    assert "but holds thesis.tex" in refused(ms.write_plan, plan, tmp_path)
    (tmp_path / "file").write_text("not a folder")
    assert "must be a folder, but is a file" in refused(ms.write_plan, plan, tmp_path / "file")
    assert "cannot be written" in refused(ms.write_plan, plan, tmp_path / "nowhere" / "plan")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "thesis.tex"]


def test_a_folder_of_pilots_is_replaced_whole(tmp_path):
    """Nothing of what was there stays, or the two would be read as one."""
    ms.write_pilots(Pilots(PilotPlan(PHASES, PORTS), RECEIVED), tmp_path / "pilots")
    ms.write_plan(PilotPlan(PHASES, PORTS), tmp_path / "pilots")
    assert [each.name for each in (tmp_path / "pilots").iterdir()] == ["phases_rad.csv"]
    assert [each.name for each in tmp_path.iterdir()] == ["pilots"]


def test_a_failed_write_leaves_the_old_folder(tmp_path):
    path = tmp_path / "pilots"
    ms.write_plan(PilotPlan(PHASES, PORTS), path)
    before = (path / "phases_rad.csv").read_text()

    def fail(failure):
        with replacing_folder(path, ["phases_rad.csv"]) as temporary:
            (temporary / "phases_rad.csv").write_text("half")
            raise failure

    for failure in (ValueError, KeyboardInterrupt):
        with pytest.raises(failure):
            fail(failure)
    assert (path / "phases_rad.csv").read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    """The second of two renamings fails: the first is undone."""
    path = tmp_path / "pilots"
    ms.write_plan(PilotPlan(PHASES, PORTS), path)
    rename = Path.rename

    def fails_into_place(self, target):
        if Path(target) == path.resolve() and not self.joinpath("old").exists():
            raise OSError(28, "No space left on device")
        return rename(self, target)

    (path / "codes.csv").write_text("old")
    monkeypatch.setattr(Path, "rename", fails_into_place)
    monkeypatch.setattr("metastack.files.pilots_csv.FILES", {"phases_rad.csv", "codes.csv", "old"})
    (path / "old").write_text("")
    message = refused(ms.write_plan, PilotPlan(PHASES, PORTS), path)
    assert "cannot be written: No space left on device" in message
    assert sorted(each.name for each in path.iterdir()) == ["codes.csv", "old", "phases_rad.csv"]
    assert list(tmp_path.iterdir()) == [path]


# --- damaged and foreign files


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pilots")
    waves = OntoFirstLayer(SphericalWaves(POSITIONS))
    for name in FORMATS:
        pilots = Pilots(PilotPlan(PHASES, waves), RECEIVED, 0.1)
        ms.write_pilots(pilots, folder / name, frequency_hz=28e9)
    return folder


def read_or_refused(path):
    """Pilots, or one line; never another error."""
    said = None
    try:
        ms.read_pilots(path)
    except InputError as error:
        said = str(error)
    assert said is None or len(said.splitlines()) == 1


@pytest.mark.parametrize("name", ["pilots.nc", "pilots.npz", "pilots.mat"])
def test_a_truncated_file_is_refused(written, tmp_path, name):
    """At a hundred places, from nothing to all but a byte."""
    raw = (written / name).read_bytes()
    cut = tmp_path / name
    for size in np.linspace(0, len(raw) - 1, 100).astype(int):
        cut.write_bytes(raw[:size])
        refused(ms.read_pilots, cut)


@pytest.mark.parametrize("name", ["received.csv", "phases_rad.csv"])
def test_truncated_text_is_read_or_refused(written, tmp_path, name):
    """A text may end anywhere and still be one."""
    folder = shutil.copytree(written / "pilots", tmp_path / "pilots")
    raw = (folder / name).read_bytes()
    for size in np.linspace(0, len(raw) - 1, 50).astype(int):
        (folder / name).write_bytes(raw[:size])
        read_or_refused(folder)


@pytest.mark.parametrize("name", ["pilots.nc", "pilots.npz", "pilots.mat"])
@settings(deadline=None, derandomize=True, max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(written, name, data):
    raw = bytearray((written / name).read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = written / f"damaged{Path(name).suffix}"
    path.write_bytes(bytes(raw))
    read_or_refused(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.__delitem__("received"), "must hold `received`, but holds"),
        (lambda file: file.__delitem__("phases_rad"), "must hold exactly one of `phases_rad`"),
        (lambda file: file.__delitem__("coordinates"), "spherical waves must have `coordinates`"),
        (lambda file: file.attrs.__delitem__("illumination"), "have the attribute `illumination`"),
        (lambda file: file.attrs.__delitem__("waves"), "`waves` must be one of spherical, plane"),
        (lambda file: file.attrs.__setitem__("waves", "cubic"), "but is 'cubic'"),
        (lambda file: file.attrs.__setitem__("illumination", "sun"), "but is 'sun'"),
        (lambda file: file.attrs.__setitem__("frequency_hz", "much"), "`frequency_hz` must be one"),
        (lambda file: file.attrs.__setitem__("metastack_kind", "design"), "must be a pilots of"),
    ],
)
def test_incomplete_netcdf(written, tmp_path, change, said):
    path = tmp_path / "changed.nc"
    path.write_bytes((written / "pilots.nc").read_bytes())
    with h5py.File(path, "a") as file:
        change(file)
    assert said in refused(ms.read_pilots, path)


def test_a_plan_is_no_pilots(tmp_path):
    ms.write_plan(PilotPlan(PHASES, PORTS), tmp_path / "plan.nc")
    assert "must be a pilots of metastack, but its `metastack_kind` is 'pilot plan'" in refused(
        ms.read_pilots, tmp_path / "plan.nc"
    )


class Trap:
    """Says so if anybody unpickles it."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_pickles_stay_closed(tmp_path):
    path = tmp_path / "bench.npz"
    np.savez(path, received=RECEIVED, phases_rad=np.array([Trap()], object))
    assert "cannot be read" in refused(ms.read_pilots, path)


# --- what is odd but can be used


def warnings_of(tmp_path, **change):
    return ms.read_pilots(save(tmp_path / "odd.npz", {**GOOD, **change})).warnings


def test_ordinary_pilots_raise_no_warning(tmp_path):
    assert warnings_of(tmp_path) == []


def test_saturated_receivers_are_told(tmp_path):
    """Clipping at the median of all parts leaves half of them, 72 of 144, exactly there."""
    parts = np.stack([RECEIVED.real, RECEIVED.imag])
    level = np.median(abs(parts))
    re, im = np.clip(parts, -level, level)
    (warning,) = warnings_of(tmp_path, received=re + 1j * im)
    assert warning.startswith("72 of 144 real and imaginary parts")
    assert "seems to saturate" in warning


def test_seven_equal_values_are_not_saturation(tmp_path):
    received = RECEIVED.copy()
    received.flat[:7] = 10
    assert warnings_of(tmp_path, received=received) == []
    received.flat[:8] = 10
    assert len(warnings_of(tmp_path, received=received)) == 1


def test_atoms_that_never_change_are_told(tmp_path):
    phases = PHASES.copy()
    phases[:, 1, 4:] = 0.3
    (warning,) = warnings_of(tmp_path, phases_rad=phases)
    assert warning.startswith("2 of 12 atoms never change their phase, the first is atom 4 of la")


def test_slots_that_repeat_others_are_told(tmp_path):
    (warning,) = warnings_of(tmp_path, phases_rad=PHASES[np.arange(SLOTS) % 10])
    assert warning.startswith("2 of 12 slots show the same phases as an earlier one")


# --- against a stack


def test_pilots_of_another_frequency_are_refused(stack_2x2):
    """A thousandth passes, more does not; the message has both."""
    pilots = Pilots(PilotPlan(PHASES, PORTS), RECEIVED)
    frequency_hz = float(stack_2x2.frequency_hz)
    for passing in (None, frequency_hz, 1.0009 * frequency_hz):
        check_frequency(StoredPilots(pilots, passing), stack_2x2)
    message = refused(check_frequency, StoredPilots(pilots, 28e9), stack_2x2)
    assert f"must be the stack's, {frequency_hz:.9g}, but is 2.8e+10" in message


@pytest.mark.parametrize(("axis", "name"), [(0, "slot 3"), (1, "antenna 2"), (2, "user 1")])
def test_what_received_nothing_is_warned_of(tmp_path, axis, name):
    """A cable that is off, or a slot that was lost: not an error, but not noise either."""
    received = RECEIVED.copy()
    np.moveaxis(received, axis, 0)[int(name.split()[1])] = 0
    (warning,) = warnings_of(tmp_path, received=received)
    assert name in warning
