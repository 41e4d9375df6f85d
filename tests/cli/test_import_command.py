"""`metastack import` as a user types it, on the examples and on what may be wrong with them.

The examples hold what `examples/make_measured.py` made; what is read of them is compared with the
files themselves, and refusals must leave nothing behind.
"""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration import FromInputPorts, OntoFirstLayer, WidebandPilots
from metastack.cli.main import run

pytest.importorskip("skrf")
pytest.importorskip("sigmf")

EXAMPLES = Path(__file__).parents[2] / "examples"
STACK = EXAMPLES / "bench.toml"
MEASURED = EXAMPLES / "measured"
TOUCHSTONE, HDF5, SIGMF = (MEASURED / n for n in ("touchstone", "bench.h5", "bench.sigmf-meta"))
CENTRE = ("--frequency-hz", "28e9")


@pytest.fixture
def folder(tmp_path):
    """The Touchstone example, to be damaged."""
    return Path(shutil.copytree(TOUCHSTONE, tmp_path / "touchstone"))


@pytest.fixture
def recording(tmp_path):
    """The SigMF example, to be damaged: its notes as JSON, and a way to write them back."""
    for suffix in (".sigmf-meta", ".sigmf-data"):
        shutil.copy(SIGMF.with_suffix(suffix), tmp_path)
    return tmp_path / SIGMF.name


@pytest.fixture
def arrays():
    """The HDF5 example as arrays."""
    with h5py.File(HDF5) as file:
        return {name: file[name][()] for name in file}


def refused(capsys, tmp_path, source, *options):
    """The one line of a refusal that wrote nothing."""
    before = sorted(tmp_path.rglob("*"))
    said = refusal_of(capsys, "import", source, "-o", tmp_path / "pilots.nc", *options)
    assert sorted(tmp_path.rglob("*")) == before
    return said


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# --- what is understood


@pytest.mark.parametrize("source", [TOUCHSTONE, HDF5, SIGMF])
def test_import_says_what_it_understood(capsys, tmp_path, source):
    out = tmp_path / "pilots.nc"
    answer = answer_of(capsys, "import", source, "-o", out, *CENTRE)
    sizes = ("slots", "layers", "atoms_a_layer", "antennas", "users", "repeated_readings")
    assert [answer[key] for key in sizes] == [48, 3, 16, 1, 1, 9]
    assert answer["frequencies_hz"] == [28e9]
    assert answer["time_convention"].startswith("e^{+jwt}, conjugated")
    # The script's: a gain that falls by 1 dB while its phase goes out by 10°; noise is at 40 dB.
    assert answer["drift_db"] == pytest.approx(1, abs=0.2)
    assert answer["drift_deg"] == pytest.approx(10, abs=1)
    stored = ms.read_pilots(out)
    assert stored.frequency_hz == 28e9
    assert isinstance(stored.pilots.plan.illumination, FromInputPorts)
    assert stored.pilots.noise_variance == answer["noise_variance"]
    assert answer_of(capsys, "show", out)["kind"] == "pilots"


def test_import_names_the_references_and_what_they_changed(capsys, tmp_path):
    answer = answer_of(capsys, "import", TOUCHSTONE, "-o", tmp_path / "p.nc", *CENTRE)
    assert answer["references"] == ["repeated", "all_off", "through"]
    assert answer["leakage_from"] == "all_off"
    # The script's: a leak of .15 on slots of .3 (rms), and cables of .3, before the gain falls.
    expected_db = 10 * np.log10(0.15**2 / (0.15**2 + 0.3**2))
    assert answer["leakage_against_slots_db"] == pytest.approx(expected_db, abs=0.5)
    assert answer["through_most_db"] == pytest.approx(20 * np.log10(0.3), abs=0.05)


def test_import_then_calibrate(capsys, tmp_path):
    """The whole way; the truth is the script's. (Of the examples this one knows its noise, which
    spares the search for what may explain the residual.)"""
    pilots, found = tmp_path / "pilots.nc", tmp_path / "calibrated.toml"
    answer_of(capsys, "import", SIGMF, "-o", pilots, "--stack", STACK)
    answer = answer_of(
        capsys, "calibrate", STACK, pilots, "-o", found, "--dy-wavelengths", ".05",
        "--truth", MEASURED / "built.toml",
    )  # fmt: skip
    assert answer["improvement_db"] > 25


def test_a_stack_gives_the_frequency_and_is_checked(capsys, tmp_path):
    answer = answer_of(capsys, "import", HDF5, "-o", tmp_path / "p.nc", "--stack", STACK)
    assert answer["frequencies_hz"] == [28e9]
    other = refused(capsys, tmp_path / "..", HDF5, "--stack", EXAMPLES / "stack_2x2.toml")
    assert "from 2.78e+10 to 2.82e+10 Hz, but is 6e+10 Hz" in other
    layers = refused(capsys, tmp_path / "..", HDF5, "--stack", EXAMPLES / "stack_2x2.toml", *CENTRE)
    assert "slots x 7 layers x 121 atoms" in layers


def test_several_frequencies_make_a_band(capsys, tmp_path):
    """One is between those measured: interpolated."""
    out, wanted = tmp_path / "pilots.nc", (27.85e9, 28e9, 28.2e9)
    options = [option for f in wanted for option in ("--frequency-hz", str(f))]
    answer_of(capsys, "import", HDF5, "-o", out, *options, "--stack", STACK)
    stored = ms.read_wideband_pilots(out)
    assert isinstance(stored.pilots, WidebandPilots)
    np.testing.assert_array_equal(stored.pilots.frequencies_hz, wanted)
    answer_of(capsys, "import", HDF5, "-o", tmp_path / "one.nc", *CENTRE)
    one = ms.read_pilots(tmp_path / "one.nc").pilots.received
    np.testing.assert_array_equal(stored.pilots.received[..., 1], one)


def test_users_may_light_the_first_layer(capsys, tmp_path):
    out = tmp_path / "pilots.nc"
    answer_of(capsys, "import", SIGMF, "-o", out, "--near", "10,0,3", "--past-input")
    assert isinstance(ms.read_pilots(out).pilots.plan.illumination, OntoFirstLayer)


def test_arrays_are_the_same_in_every_format(capsys, tmp_path, arrays):
    """The folder of text, too, as an output."""
    np.savez(tmp_path / "bench.npz", **arrays)
    scipy.io.savemat(tmp_path / "bench.mat", arrays)
    answer_of(capsys, "import", HDF5, "-o", tmp_path / "h5.nc", *CENTRE)
    expected = ms.read_pilots(tmp_path / "h5.nc").pilots
    for name in ("bench.npz", "bench.mat"):
        answer_of(capsys, "import", tmp_path / name, "-o", tmp_path / "pilots", *CENTRE)
        pilots = ms.read_pilots(tmp_path / "pilots").pilots
        np.testing.assert_array_equal(pilots.received, expected.received)
        np.testing.assert_array_equal(pilots.plan.phases_rad, expected.plan.phases_rad)


def test_many_ports_are_told_apart(capsys, tmp_path):
    """Ports 3 and 1 are users, 4 is the antenna: S43 and S41 of time e^{+jwt}, conjugated."""
    S = np.arange(1, 17).reshape(4, 4) * (0.01 + 0.002j)
    rows = [" ".join(f"{v.real!r} {v.imag!r}" for v in row) for row in S.tolist()]
    (tmp_path / "a.s4p").write_text("# Hz S RI R 50\n28e9 " + "\n".join(rows) + "\n")
    table = "# users = 3 1\n# antennas = 4\nfile,deg_1_0,deg_1_1\na.s4p,0,90\n"
    (tmp_path / "configurations.csv").write_text(table)
    answer_of(capsys, "import", tmp_path, "-o", tmp_path / "p.nc")
    read = ms.read_pilots(tmp_path / "p.nc").pilots
    np.testing.assert_allclose(read.received, np.conj(S[3, [2, 0]])[None, None], rtol=1e-15)
    np.testing.assert_array_equal(read.plan.phases_rad, [[[0, np.pi / 2]]])


def test_the_table_itself_may_be_named(capsys, tmp_path):
    table = TOUCHSTONE / "configurations.csv"
    assert answer_of(capsys, "import", table, "-o", tmp_path / "p.nc", *CENTRE)["slots"] == 48


def test_times_in_the_table_count(capsys, tmp_path, folder):
    """The same numbers in another order of lines, with the times of the first: the same pilots."""
    table = folder / "configurations.csv"
    users, antennas, header, *rows = table.read_text().splitlines()
    timed = [f"{row},{k}" for k, row in enumerate(rows)]
    order = np.random.default_rng(1).permutation(len(rows))
    table.write_text("\n".join([users, antennas, f"{header},time_s", *(timed[k] for k in order)]))
    answer_of(capsys, "import", folder, "-o", tmp_path / "a.nc", *CENTRE)
    answer_of(capsys, "import", TOUCHSTONE, "-o", tmp_path / "b.nc", *CENTRE)
    a, b = (ms.read_pilots(tmp_path / name).pilots.received for name in ("a.nc", "b.nc"))
    np.testing.assert_allclose(np.sort_complex(a.ravel()), np.sort_complex(b.ravel()), rtol=1e-12)


def test_files_that_no_line_names_are_warned_of(capsys, tmp_path, folder):
    shutil.copy(folder / "000.s2p", folder / "stray.s2p")
    assert run(["import", str(folder), "-o", str(tmp_path / "p.nc"), *CENTRE]) == 0
    assert (
        "1 Touchstone files are not in the table, the first is stray.s2p" in capsys.readouterr().err
    )


# --- conventions


def conjugated(arrays):
    return {name: np.conj(array) for name, array in arrays.items()}


def test_a_conjugated_source_is_told_by_its_delay(capsys, tmp_path, arrays):
    np.savez(tmp_path / "bench.npz", **conjugated(arrays))
    said = refused(capsys, tmp_path, tmp_path / "bench.npz", *CENTRE)
    assert "must fall with frequency" in said
    assert "give `--conjugated`" in said
    answer = answer_of(
        capsys, "import", tmp_path / "bench.npz", "-o", tmp_path / "a.nc", *CENTRE, "--conjugated"
    )
    assert answer["time_convention"] == "e^{-jwt}, by the sign of its delay"
    answer_of(capsys, "import", HDF5, "-o", tmp_path / "b.nc", *CENTRE)
    a, b = (ms.read_pilots(tmp_path / name).pilots.received for name in ("a.nc", "b.nc"))
    np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"s21": np.conj, "empty": np.conj, "through": np.conj}, "--conjugated"),
        ({"codes": lambda codes: (4 - codes) % 4}, "--negate-phases"),
    ],
)
def test_a_stack_tells_the_convention_of_one_frequency(capsys, tmp_path, arrays, change, option):
    """One frequency has no delay, but the stack explains one convention only."""
    one = {
        name: array[..., 2] if name in ("s21", "empty", "through") else array
        for name, array in arrays.items()
    }
    one["frequencies_hz"] = arrays["frequencies_hz"][2:3]
    changed = {
        name: change[name](array) if name in change else array for name, array in one.items()
    }
    np.savez(tmp_path / "bench.npz", **changed)
    said = refused(capsys, tmp_path, tmp_path / "bench.npz", "--stack", STACK)
    assert f"toggle `{option}` (" in said
    answer_of(
        capsys, "import", tmp_path / "bench.npz", "-o", tmp_path / "p.nc", "--stack", STACK, option
    )


# --- what is wrong: folders


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("file,", "path,", "must have a column `file`"),
        (
            "deg_1_0,",
            "deg_1_99,",
            "of 3 layers of 100 atoms, counted from layer 1 and atom 0, but has no `deg_1_0`",
        ),
        ("deg_1_1,", "deg_1_0,", "once each"),
        ("deg_1_0,", "code_1_0,", "either in degrees, `deg_1_0`, …, or as codes"),
        ("deg_1_0,", f"deg_{'9' * 5000}_0,", "Columns must be `file`, `state`, `time_s`"),
        ("deg_1_0,", "deg_1_999999,", "of 3 layers of 1000000 atoms"),
        ("deg_1_0,", "phase,", "Columns must be `file`, `state`, `time_s` and phases"),
        (",all_off,", ",dark,", "`state` must be one of slot, repeated, all_off, empty, through, "),
        ("003.s2p,slot,", "003.s2p,slot,,", "There must be 50 values, as in the header, but"),
        ("# antennas = 2", "# antennas = 1", "different ports from 1 to 2, but are 1, 1"),
        ("# antennas = 2", "# antennas = 3", "different ports from 1 to 2, but are 1, 3"),
        ("003.s2p", "nothing.s2p", "nothing.s2p` must be a file, but does not exist (line 7)"),
        ("003.s2p", "../003.s2p", "must be a Touchstone file (.sNp) in the folder, but is '../003"),
        ("003.s2p", "003.txt", "must be a Touchstone file (.sNp) in the folder"),
    ],
)
def test_a_table_that_cannot_be_is_refused(capsys, tmp_path, folder, old, new, said):
    edited(folder / "configurations.csv", old, new)
    assert said in refused(capsys, tmp_path, folder, *CENTRE)


def test_a_missing_phase_is_refused(capsys, tmp_path, folder):
    table = folder / "configurations.csv"
    lines = table.read_text().splitlines()
    cells = lines[6].split(",")
    for value, said in (("", "is missing"), ("nan", "must be a finite number"), ("x", "is 'x'")):
        lines[6] = ",".join([*cells[:4], value, *cells[5:]])
        table.write_text("\n".join(lines))
        message = refused(capsys, tmp_path, folder, *CENTRE)
        assert "`deg_1_2` must be a" in message
        assert said in message
        assert "(line 7) (" in message


def test_radians_in_the_table_are_noticed(capsys, tmp_path, folder):
    table = folder / "configurations.csv"
    head, rows = table.read_text().splitlines()[:3], table.read_text().splitlines()[3:]
    small = [
        ",".join(
            [
                *row.split(",")[:2],
                *(c and f"{k / 100 + 0.01 * n}" for k, c in enumerate(row.split(",")[2:])),
            ]
        )
        for n, row in enumerate(rows)
    ]
    table.write_text("\n".join([*head, *small]))
    assert "look like radians" in refused(capsys, tmp_path, folder, *CENTRE)


def test_codes_need_their_bits(capsys, tmp_path, folder):
    table = folder / "configurations.csv"
    table.write_text(table.read_text().replace("deg_", "code_"))
    assert "`codes` must come with `bits`" in refused(capsys, tmp_path, folder, *CENTRE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# Hz S RI R 50\n28e9 0 0 1 0 1 0 0 0\n",
            "`003.s2p` must have the frequencies of `000.s2",
        ),
        ("# Hz S RI R 75\n", "`003.s2p` must have the reference impedances of `000.s2p`"),
        ("# Hz S RI R 50\n28e9 0 0\n", "its name says 2 ports, but holds 1"),
        ("# Hz S RI R 50\n28e9 0 0 nan 0 1 0 0 0\n", "Scattering must be finite"),
        ("\x00\xff", "003.s2p"),
    ],
)
def test_files_that_do_not_fit_are_refused(capsys, tmp_path, folder, text, said):
    old = (folder / "003.s2p").read_text()
    is_header = text.count("\n") == 1 and text.startswith("#")
    new = old.replace("# Hz S RI R 50\n", text) if is_header else text
    (folder / "003.s2p").write_text(new, encoding="latin-1")
    message = refused(capsys, tmp_path, folder, *CENTRE)
    assert said in message
    assert "line 7" in message


def test_a_folder_without_a_table_is_refused(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    said = refused(capsys, tmp_path, tmp_path / "empty")
    assert "must hold `configurations.csv`, but does not" in said


def test_frequencies_must_be_chosen_within_the_data(capsys, tmp_path):
    said = refused(capsys, tmp_path, TOUCHSTONE)
    assert "from the file's 3 frequencies from 2.79e+10 to 2.81e+10 Hz, but none is" in said
    said = refused(capsys, tmp_path, TOUCHSTONE, "--frequency-hz", "29e9")
    assert "to 2.81e+10 Hz, but is 2.9e+10 Hz" in said


# --- arrays


def without(name):
    return lambda arrays: arrays.pop(name)


def changed(name, change):
    return lambda arrays: arrays.update({name: change(arrays[name])})


def with_nan(array):
    array[8, 1] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("s21"), "must hold `s21`, but holds `bits`"),
        (without("codes"), "exactly one of `phases_rad`, `phases_deg`, `codes`, but holds"),
        (without("bits"), "`codes` must come with `bits`"),
        (without("frequencies_hz"), "exactly one of `frequencies_hz` and `frequency_hz`"),
        (changed("codes", lambda a: a[:-1]), "Phases must be of the 57 slots of `s21`, but are of"),
        (changed("codes", lambda a: a + 1), "`codes` must be from 0 to 3 of 2 bits"),
        (changed("s21", np.abs), "`s21` must be complex, but is float32"),
        (
            changed("s21", with_nan),
            "Slots must be finite, but 1 values are not; the first is number 6",
        ),
        (
            changed("s21", lambda a: a[:, :4]),
            "slots x antennas x users x 5 frequencies, but has sh",
        ),
        (changed("empty", lambda a: a[:4]), "`empty` must be antennas x users x 5 frequencies"),
        (changed("empty", lambda a: np.tile(a, (2, 1))), "as the slots, (1, 1, 5), but is (2, 1"),
        (changed("empty", lambda a: a * np.nan), "Reference `empty` must be finite"),
        (changed("empty", lambda a: 100 * a), "`empty` must be weaker than what slots receive"),
        (changed("through", lambda a: 0 * a), "`through` must have something at every port"),
        (changed("repeated", lambda a: a + 1), "`repeated` must leave slots that are pilots"),
        (changed("repeated", lambda a: a[1:]), "`repeated` must be a finite number for each of th"),
        (changed("frequencies_hz", lambda a: a[::-1]), "Frequencies must rise"),
        (changed("frequencies_hz", lambda a: 0 * a), "Frequencies must be positive"),
    ],
)
def test_arrays_that_cannot_be_are_refused(capsys, tmp_path, arrays, change, said):
    change(arrays)
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    message = refused(capsys, tmp_path, tmp_path / "bad.h5", *CENTRE)
    assert said in message
    assert message.endswith("bad.h5).\n")


def test_complex_pairs_of_other_programs_are_read(capsys, tmp_path, arrays):
    """Fields real and imag, as MATLAB and Julia write."""
    pair = np.dtype([("real", "<f4"), ("imag", "<f4")])
    with h5py.File(tmp_path / "pairs.h5", "w") as file:
        file.attrs["bits"] = arrays.pop("bits")
        file.attrs["note"] = "from the bench"
        file["linked"] = h5py.ExternalLink("/etc/hostname", "/")
        for name, array in arrays.items():
            file[name] = array.view(pair) if np.iscomplexobj(array) else array
    answer_of(capsys, "import", tmp_path / "pairs.h5", "-o", tmp_path / "a.nc", *CENTRE)
    answer_of(capsys, "import", HDF5, "-o", tmp_path / "b.nc", *CENTRE)
    a, b = (ms.read_pilots(tmp_path / name).pilots.received for name in ("a.nc", "b.nc"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["bad.h5", "bad.npz", "bad.mat", "bad.sigmf-meta", "bad.sigmf"])
def test_damaged_files_are_refused(capsys, tmp_path, name):
    (tmp_path / name).write_bytes(HDF5.read_bytes()[:300])
    assert name in refused(capsys, tmp_path, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "must be a file or a folder, but does not exist"),
        ("nothing.h5", "must be a file or a folder, but does not exist"),
        ("a.csv", "must be a folder of Touchstone files with `configurations.csv`, or end in .h5"),
    ],
)
def test_other_sources_are_refused(capsys, tmp_path, name, said):
    (tmp_path / "a.csv").write_text("1,2")
    assert said in refused(capsys, tmp_path, tmp_path / name)


# --- recordings


def annotation(number, **change):
    """Change an annotation: keys with their namespace after one underscore, None to remove."""

    def apply(notes):
        for name, value in change.items():
            key = name.replace("_", ":", 1)
            notes["annotations"][number].pop(key, None)
            notes["annotations"][number] |= {} if value is None else {key: value}

    return apply


def everything(section, **change):
    def apply(notes):
        for name, value in change.items():
            parts = notes[section] if isinstance(notes[section], list) else [notes[section]]
            for part in parts:
                part.pop(name.replace("_", ":", 1), None)
                part |= {} if value is None else {name.replace("_", ":", 1): value}

    return apply


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (annotation(5, metastack_codes=None), "but has none (`metastack:state` says what is no sl"),
        (annotation(5, metastack_codes=[1, 2]), "`metastack:codes` of 48 atoms, but slot 3 has 2"),
        (
            annotation(5, metastack_codes=["a"] * 48),
            "`metastack:codes` must be numbers, but are not",
        ),
        (annotation(5, metastack_codes=[9] * 48), "`codes` must be from 0 to 3 of 2 bits, but one"),
        (annotation(5, metastack_codes=7), "`metastack:codes` must be a list, but is not (annotat"),
        (annotation(5, metastack_state=["slot"]), "must be one of slot, repeated, all_off, empty,"),
        (annotation(5, metastack_state="dark"), "must be one of slot, repeated, all_off, empty, "),
        (
            annotation(5, core_sample_count=99999),
            "must be a whole SigMF recording, but cannot be read",
        ),
        (annotation(5, core_sample_count=1), "of at least 2 of the 928 samples"),
        (everything("captures", core_frequency=None), "must all have one `core:frequency`, but ha"),
        (everything("global", metastack_bits=None), "`codes` must come with `bits`"),
        (everything("global", metastack_layers=None), "with `layers` beside"),
        (everything("annotations", metastack_state="other"), "for each slot, but has none"),
        (everything("global", core_datatype=None), "must be a whole SigMF recording, but cannot"),
        (everything("global", core_datatype="cf99_le"), "must be a whole SigMF recording"),
    ],
)
def test_recordings_that_cannot_be_are_refused(capsys, tmp_path, recording, change, said):
    notes = json.loads(recording.read_text())
    change(notes)
    recording.write_text(json.dumps(notes))
    message = refused(capsys, tmp_path, recording)
    assert said in message
    assert message.endswith("bench.sigmf-meta).\n")


def test_samples_that_are_not_those_described_are_refused(capsys, tmp_path, recording):
    """The checksum in the notes is another's."""
    data = recording.with_suffix(".sigmf-data")
    data.write_bytes(data.read_bytes()[::-1])
    assert "must be a whole SigMF recording" in refused(capsys, tmp_path, recording)
