"""Whatever stands in a stack file, reading it gives a stack or one line that says what is wrong."""

import copy
import datetime
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given, settings, strategies as st

from metastack.errors import InputError
from metastack.files import read_stack

often = settings(deadline=None, derandomize=True, max_examples=250)

VALID = """
name = "fuzzed"
frequency_hz = 60e9
wave_speed_m_per_s = 3e8
[input]
columns = 2
rows = 1
spacing_wavelengths = 0.5
[layers]
count = 2
columns = 2
rows = 2
spacing_m = [0.002, 0.003]
rotation_deg = 3
[receivers]
columns = 1
rows = 2
spacing_wavelengths = 0.5
[gaps]
thickness_wavelengths = 9
[model]
element_area_wavelengths2 = 0.25
[atoms]
kind = "measured"
setting_rad = [0.0, 2.0, 4.0]
amplitude = [1.0, 0.5, 0.9]
unwrapped_phase_rad = [0.0, 2.1, 4.4]
[[atoms.stuck]]
layer = 1
atom = 3
amplitude = 0.0
[[poses]]
plane = 1
dx_m = 1e-4
rz_deg = 0.1
[target]
real = [[1.0, 1.0], [1.0, -1.0]]
imag = [[0.0, 0.0], [0.0, 0.0]]
"""

KEYS = [
    "name",
    "frequency_hz",
    "gaps_m",
    "gaps",
    "gaps_wavelengths",
    "input",
    "layers",
    "columns",
    "rows",
    "count",
    "spacing_m",
    "kind",
    "bits",
    "table",
    "stuck",
    "layer",
    "atom",
    "real",
    "imag",
    "poses",
    "plane",
    "dz_m",
    "dz_wavelengths",
    "rx_rad",
    "target",
    "file",
    "shift_x",
    "thickness_m",
    "element_area_m2",
    "quantised",
    "dft",
    "ideal",
]
leaves = st.one_of(
    st.sampled_from([-1, 0, 1, 2, 3, 7, 10**6, 2**70, -0.0, 0.5, 1e-320, 1e-200, 1e200, 1e308]),
    st.floats(),
    st.booleans(),
    st.sampled_from([*KEYS, "measured", "nowhere.npz", "nowhere.csv", "a\0b", "\n\u2028", ""]),
    st.just(datetime.datetime(2024, 1, 1)),
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(node: Any, path: tuple = ()) -> list[tuple]:
    """Every path into nested tables and lists, except the root."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


def change(data: st.DataObject, document: dict) -> None:
    """Replace, remove or insert something somewhere."""
    *parents, last = data.draw(st.sampled_from(places(document)))
    node = document
    for key in parents:
        node = node[key]
    action = data.draw(st.sampled_from(["replace", "remove", "insert"]))
    if action == "replace":
        node[last] = data.draw(values)
    elif action == "remove":
        del node[last]
    elif isinstance(node, dict):
        node[data.draw(st.sampled_from(KEYS) | st.text(max_size=3))] = data.draw(values)
    else:
        node.insert(last, data.draw(values))


def assert_stack_or_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.toml"
        path.write_bytes(content)
        try:
            read_stack(path)
            return
        except InputError as error:
            message = str(error)
    assert len(message.splitlines()) == 1
    assert "stack.toml" in message
    assert message.isprintable()
    assert message.endswith(".")


def test_the_file_that_is_fuzzed_is_valid(tmp_path):
    path = tmp_path / "stack.toml"
    path.write_text(VALID)
    assert read_stack(path).name == "fuzzed"


@often
@given(st.data())
def test_changed_values(data):
    document = copy.deepcopy(tomllib.loads(VALID))
    for _ in range(data.draw(st.integers(1, 3))):
        if document:
            change(data, document)
    try:
        text = tomli_w.dumps(document)
    except UnicodeEncodeError:
        return
    assert_stack_or_one_line(text.encode("utf-8", "surrogatepass"))


@often
@given(
    st.integers(0, len(VALID)),
    st.integers(0, 12),
    st.one_of(
        st.binary(max_size=6),
        st.text("0123456789.-+eE[]{}=\"'#_ \n\t,nainf", max_size=6).map(str.encode),
        st.sampled_from([b"nan", b"inf", b"-", b"[" * 3000, b"\xef\xbb\xbf", b"9" * 5000, b"'''"]),
    ),
)
def test_changed_text(start, length, insert):
    raw = VALID.encode()
    assert_stack_or_one_line(raw[:start] + insert + raw[start + length :])
