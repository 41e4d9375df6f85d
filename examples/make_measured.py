"""Make the measured examples: what a bench might write of one built stack, in every format.

    python examples/make_measured.py [FOLDER]

The stack is `bench.toml` with layers up to 5 % of a wavelength off, `built.toml` in the folder.
On the bench, y = g(t) (l + c h) + noise: g drifts, l leaks past the stack, c are the cables. All is
in time e^{+jωt}, as instruments write it; the same call makes the same files.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import h5py
import jax
import numpy as np

import metastack as ms
from metastack.calibration import FromInputPorts, random_plan, wideband_noiseless
from metastack.files import StackDescription

HERE = Path(__file__).parent
SLOTS, BITS, EVERY, SNR_DB = 48, 2, 6, 40.0
CENTRE_HZ = 28e9
BAND_HZ = CENTRE_HZ + 1e8 * np.arange(-2, 3)
STATES = ("slot", "repeated", "all_off", "empty", "through")
SAMPLES = 16


class Shot(NamedTuple):
    """One thing measured: what, the codes shown (layers x atoms), the response over frequency."""

    state: str
    codes: np.ndarray
    response: np.ndarray


def nominal_stack():
    return ms.read_stack(HERE / "bench.toml").stack


def built_stack():
    """The truth: vertical displacements within 5 % of a wavelength."""
    nominal = nominal_stack()
    tolerances = ms.Imperfections(ms.Pose(dy_m=0.05 * nominal.wavelength_m))
    return ms.built(nominal, tolerances, jax.random.key(1))


def clean_responses(plan, frequencies_hz):
    """What the stack itself does, slots x frequencies, in time e^{+jωt}."""
    return np.conj(wideband_noiseless(built_stack(), plan, frequencies_hz)[:, 0, 0])


def plan_of(seed):
    return random_plan(nominal_stack(), SLOTS, FromInputPorts(), seed=seed, bits=BITS)


def codes_of(plan):
    return np.rint(plan.phases_rad * 2**BITS / (2 * np.pi)).astype(int)


def bench(seed, frequencies_hz, references):
    """Shots in order, without noise: references, then slots with a strong state every sixth."""
    plan = plan_of(seed)
    h, codes = clean_responses(plan, frequencies_hz), codes_of(plan)
    rms = np.sqrt(np.mean(abs(h) ** 2))
    cables = 0.3 * np.exp(-2j * np.pi * frequencies_hz * 2e-9)
    leak = 0.15 * rms * np.exp(-2j * np.pi * frequencies_hz * 0.5e-9)
    states = {"all_off": leak, "empty": leak, "through": cables}
    nothing = np.zeros_like(codes[0])
    shots = [Shot(name, nothing, states[name]) for name in references]
    strong = int(np.argmax(abs(h[:, 0])))
    repeated = Shot("repeated", codes[strong], leak + cables * h[strong])
    for slot in range(SLOTS):
        shots += [repeated] if slot % EVERY == 0 else []
        shots += [Shot("slot", codes[slot], leak + cables * h[slot])]
    return _drifted([*shots, repeated])


def _drifted(shots):
    """With a gain that falls by 1 dB while its phase goes out by 10° and comes back."""
    t = np.linspace(0, 1, len(shots))
    gain = 10 ** (-t / 20) * np.exp(1j * np.radians(10) * np.sin(np.pi * t))
    return [shot._replace(response=g * shot.response) for shot, g in zip(shots, gain, strict=True)]


def noise(shots, seed, samples=1):
    """Noise of single samples, 40 dB below the slots' mean power once they are averaged."""
    power = np.mean([abs(shot.response) ** 2 for shot in shots if shot.state == "slot"])
    shape = (len(shots), samples, len(shots[0].response), 2)
    unit = np.random.default_rng([seed, 1]).normal(size=shape) @ [1, 1j]
    return np.sqrt(samples * power * 10 ** (-SNR_DB / 10) / 2) * unit


def noisy(shots, seed):
    """Shots as an analyser reads them."""
    added = noise(shots, seed)[:, 0]
    return [s._replace(response=s.response + n) for s, n in zip(shots, added, strict=True)]


def write_touchstone(folder):
    """A two-port file for everything measured, and the table that says what was shown."""
    folder.mkdir(parents=True, exist_ok=True)
    frequencies_hz = BAND_HZ[1:4]
    shots = noisy(bench(1, frequencies_hz, ("all_off", "through")), 1)
    layers, atoms = shots[0].codes.shape
    columns = [f"deg_{layer}_{atom}" for layer in range(1, layers + 1) for atom in range(atoms)]
    table = ["# users = 1", "# antennas = 2", ",".join(["file", "state", *columns])]
    for number, shot in enumerate(shots):
        name = f"{number:03d}.s2p"
        degrees = (shot.codes.ravel() * 360 // 2**BITS).tolist()
        shown = [str(each) for each in degrees] if shot.state in STATES[:2] else [""] * len(columns)
        table += [",".join([name, shot.state, *shown])]
        lines = [_two_port(f, s) for f, s in zip(frequencies_hz, shot.response, strict=True)]
        (folder / name).write_text("\n".join(["# Hz S RI R 50", *lines]) + "\n")
    (folder / "configurations.csv").write_text("\n".join(table) + "\n")


def _two_port(frequency_hz, s21):
    """A line f S11 S21 S12 S22 of a reciprocal, well matched two-port."""
    forward = f"{s21.real:.6g} {s21.imag:.6g}"
    return f"{frequency_hz:.10g} .01 0 {forward} {forward} .01 0"


def write_hdf5(path):
    """Codes, five frequencies, the references empty and through."""
    shots = noisy(bench(2, BAND_HZ, ("empty", "through")), 2)
    measured = [shot for shot in shots if shot.state in STATES[:2]]
    with h5py.File(path, "w") as file:
        file["codes"] = np.array([shot.codes for shot in measured], np.uint8)
        file["bits"] = BITS
        file["frequencies_hz"] = BAND_HZ
        file["s21"] = np.array([shot.response for shot in measured], np.complex64)
        file["repeated"] = np.array([shot.state == "repeated" for shot in measured], np.uint8)
        for shot in shots[:2]:
            file[shot.state] = shot.response.astype(np.complex64)


def write_sigmf(path):
    """One channel at the centre; every slot lasts for sixteen samples and their noise."""
    from sigmf import SigMFFile

    shots = bench(3, BAND_HZ[2:3], ("all_off",))
    samples = np.array([shot.response for shot in shots]) + noise(shots, 3, SAMPLES)[:, :, 0]
    path.with_suffix(".sigmf-data").write_bytes(samples.astype("<c8").tobytes())
    layers = len(shots[0].codes)
    extension = {"name": "metastack", "version": "1.0.0", "optional": True}
    about = {
        "core:datatype": "cf32_le",
        "core:sample_rate": 1e6,
        "core:description": "Pilots of a simulated bench",
        "core:extensions": [extension],
        "metastack:layers": layers,
        "metastack:bits": BITS,
    }
    recording = SigMFFile(data_file=path.with_suffix(".sigmf-data"), global_info=about)
    recording.add_capture(0, {"core:frequency": CENTRE_HZ})
    for number, shot in enumerate(shots):
        shown = {"metastack:codes": shot.codes.ravel().tolist()} if shot.state in STATES[:2] else {}
        note = {"metastack:state": shot.state, **shown}
        recording.add_annotation(number * SAMPLES, SAMPLES, note)
    path.with_suffix(".sigmf-meta").unlink(missing_ok=True)
    recording.tofile(path.with_suffix(".sigmf-meta"), pretty=False)


def make(folder):
    """Write everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    description = ms.read_stack(HERE / "bench.toml")
    built = StackDescription(built_stack(), description.target, "Bench, as built")
    ms.write_stack(built, folder / "built.toml")
    write_touchstone(folder / "touchstone")
    write_hdf5(folder / "bench.h5")
    write_sigmf(folder / "bench.sigmf-meta")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "measured")
