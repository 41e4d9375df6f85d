"""Whatever is done to a measured file, it is read or refused in one line: never anything else."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from metastack.errors import InputError
from metastack.files import read_measurement, read_network_sweep

pytest.importorskip("skrf")
pytest.importorskip("sigmf")

MEASURED = Path(__file__).parents[2] / "examples" / "measured"
TOUCHSTONE = MEASURED / "touchstone" / "003.s2p"
PIECES = [
    "",
    "nan",
    "-1",
    "1e999",
    "#",
    "!",
    "[",
    ",",
    "\n",
    "\0",
    "é",
    "0",
    " ",
    '"',
    "{",
    "9" * 50,
]

often = settings(deadline=None, derandomize=True, max_examples=60)
cuts = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4
)


def damaged(text, changes):
    """A text in which pieces are replaced."""
    for where, length, piece in changes:
        start = int(where * len(text))
        text = text[:start] + piece + text[start + length :]
    return text


def read_or_refused(read, path):
    message = "read"
    try:
        read(path)
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) == 1
    assert message.isprintable()


@often
@given(changes=cuts)
def test_damaged_touchstone_is_read_or_refused(changes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.s2p"
        path.write_text(damaged(TOUCHSTONE.read_text(), changes))
        read_or_refused(read_network_sweep, path)


@often
@given(changes=cuts)
def test_a_damaged_table_is_read_or_refused(changes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        shutil.copy(TOUCHSTONE, path)
        header, row = (
            (MEASURED / "touchstone" / "configurations.csv").read_text().splitlines()[2::4][:2]
        )
        table = f"# users = 1\n# antennas = 2\n{header}\n{row.replace(row[:7], '003.s2p')}\n"
        (path / "configurations.csv").write_text(damaged(table, changes))
        read_or_refused(read_measurement, path)


@often
@given(changes=cuts)
def test_a_damaged_recording_is_read_or_refused(changes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sigmf-meta"
        shutil.copy(MEASURED / "bench.sigmf-data", folder)
        path.write_text(damaged((MEASURED / "bench.sigmf-meta").read_text(), changes))
        read_or_refused(read_measurement, path)


@often
@given(where=st.floats(0, 1), byte=st.integers(0, 255), length=st.floats(0.5, 1))
def test_a_damaged_hdf5_file_is_read_or_refused(where, byte, length):
    content = bytearray((MEASURED / "bench.h5").read_bytes())
    content[int(where * (len(content) - 1))] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.h5"
        path.write_bytes(content[: int(length * len(content)) if length < 0.75 else None])
        read_or_refused(read_measurement, path)
