"""SigMF recordings as pilots: means of annotated samples, their scatter, channels, archives."""

import sys

import numpy as np
import pytest

from metastack.calibration.references import Reference
from metastack.errors import InputError
from metastack.files import import_pilots, read_measurement, read_network
from metastack.files.measured_sigmf import read_measured_sigmf

sigmf = pytest.importorskip("sigmf")

SLOTS, SAMPLES, CHANNELS, GAP = 30, 200, 2, 7
RNG = np.random.default_rng(1)
MEANS = RNG.normal(size=(SLOTS, CHANNELS, 2)) @ [1, 1j]
NOISE = RNG.normal(scale=0.1, size=(SLOTS, SAMPLES, CHANNELS, 2)) @ [1, 1j]
DEGREES = RNG.integers(0, 360, (SLOTS, 2, 3)).astype(float)


def recording(folder, values, datatype="cf64_le", **notes):
    """Slots with a gap before each in which something else is received."""
    gaps = np.full((SLOTS, GAP, CHANNELS), 5 + 5j)
    samples = np.concatenate([gaps, values], axis=1).reshape(-1, CHANNELS)
    data = folder / "bench.sigmf-data"
    samples.view(np.float64).astype("<f8").tofile(data)
    about = {
        "core:datatype": datatype,
        "core:sample_rate": 1e6,
        "core:num_channels": CHANNELS,
        "core:extensions": [{"name": "metastack", "version": "1.0.0", "optional": True}],
        "metastack:layers": 2,
    }
    made = sigmf.SigMFFile(data_file=data, global_info={**about, **notes})
    made.add_capture(0, {"core:frequency": 2.4e9})
    for slot in range(SLOTS):
        start = slot * (GAP + SAMPLES) + GAP
        shown = {"metastack:phases_deg": DEGREES[slot].ravel().tolist()}
        made.add_annotation(start, SAMPLES, shown)
    made.add_annotation(0, GAP, {"metastack:state": "other"})
    made.add_annotation(0, GAP, {"metastack:state": "all_off"})
    made.tofile(folder / "bench.sigmf-meta")
    return made


def test_a_response_is_the_mean_of_its_samples(tmp_path):
    """Every channel an antenna; nothing from between the slots. sigmf hands over samples in single
    precision: 1e-7."""
    values = MEANS[:, None] + NOISE
    recording(tmp_path, values)
    measurement = read_measurement(tmp_path / "bench.sigmf-meta")
    np.testing.assert_allclose(
        measurement.slots.received[:, :, 0, 0], values.mean(axis=1), rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(measurement.phases_rad, np.radians(DEGREES), rtol=1e-15)
    assert measurement.references.keys() == {Reference.ALL_OFF}
    np.testing.assert_allclose(measurement.references[Reference.ALL_OFF].received, 5 + 5j)


def test_the_noise_is_that_of_a_mean(tmp_path):
    """The variance of a sample, .02, over 200; 12000 samples tell it to 1 %, 5 will do."""
    recording(tmp_path, MEANS[:, None] + NOISE)
    variance = read_measurement(tmp_path / "bench.sigmf-meta").noise_variance
    assert variance == pytest.approx(0.02 / SAMPLES, rel=0.05)


def test_archives_and_data_files_are_the_same_recording(tmp_path):
    made = recording(tmp_path, MEANS[:, None] + NOISE)
    made.tofile(tmp_path / "packed", toarchive=True)
    expected = read_measured_sigmf(tmp_path / "bench.sigmf-meta").slots.received
    for name in ("packed.sigmf", "bench.sigmf-data"):
        received = read_measured_sigmf(tmp_path / name).slots.received
        np.testing.assert_array_equal(received, expected)


def test_samples_that_are_not_finite_are_refused(tmp_path):
    """Annotations count in time, from 0: two of no slot come before slot 4."""
    values = MEANS[:, None] + NOISE
    values[4, 3, 1] = np.nan
    recording(tmp_path, values)
    with pytest.raises(InputError, match=r"Samples must be finite, but are not \(annotation 6\)"):
        read_measurement(tmp_path / "bench.sigmf-meta")


@pytest.mark.parametrize(
    ("module", "function", "name"),
    [
        ("sigmf.sigmffile", import_pilots, "bench.sigmf-meta"),
        ("skrf.io.touchstone", read_network, "a.s1p"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, module, function, name):
    recording(tmp_path, MEANS[:, None] + NOISE)
    (tmp_path / "a.s1p").write_text("# GHz S RI R 50\n28 0 0\n")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"install metastack\[rf\]"):
        function(tmp_path / name)
