"""What there is to say of each kind of file."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import (
    FileKind,
    StackDescription,
    identify,
    read_codes,
    read_design,
    read_direction_design,
    read_direction_provenance,
    read_input_codes,
    read_pilot_record,
    read_provenance,
    read_recording,
    read_response,
    read_stack,
)
from ..files.classifier_file import read_classifier, read_classifier_provenance
from ..files.dataset_file import load_dataset
from ..files.netcdf import stored_kind
from ..stack import Stack
from .design import design_answer
from .design_doa import direction_design_answer

if TYPE_CHECKING:
    import xarray as xr

    from ..files.pilot_record import PilotRecord


def file_facts(path: Path) -> dict[str, Any]:
    """Read a file of any kind, which checks it, and say what is in it.

    Raises:
        InputError: the file is none of ours or is broken.
    """
    kind = identify(path)
    return {"kind": kind.value, **_FACTS[kind](path)}


def stack_facts(stack: Stack) -> dict[str, Any]:
    """The sizes of a stack, in wavelengths where they are lengths."""
    wavelength_m = float(stack.wavelength_m)
    gaps = np.asarray(stack.gaps_m) / wavelength_m
    poses = [float(np.abs(dof).max()) for dof in vars(stack.poses).values()]
    return {
        "frequency_hz": float(stack.frequency_hz),
        "wavelength_m": wavelength_m,
        "inputs": _grid(stack, "input_array"),
        "layers": stack.layers,
        "atoms_a_layer": _grid(stack, "layer_array"),
        "receivers": _grid(stack, "receiver_array"),
        "atom_spacing_wavelengths": float(stack.layer_array.spacing_x_m) / wavelength_m,
        "gaps_wavelengths": [float(gap) for gap in gaps],
        "as_designed": not any(poses),
        "atoms": type(stack.atoms).__name__,
        "model": type(stack.model).__name__,
    }


def _grid(stack: Stack, name: str) -> str:
    array = getattr(stack, name)
    return f"{array.columns} x {array.rows}"


def _stack(path: Path) -> dict[str, Any]:
    description: StackDescription = read_stack(path)
    return {"name": description.name, **stack_facts(description.stack)}


def _design(path: Path) -> dict[str, Any]:
    design = read_design(path)
    made = {f"made_by_{key}": value for key, value in asdict(read_provenance(path)).items()}
    return {**design_answer(design), **stack_facts(design.stack), **made}


def _direction_design(path: Path) -> dict[str, Any]:
    design = read_direction_design(path)
    made_by = asdict(read_direction_provenance(path))
    made = {f"made_by_{key}": value for key, value in made_by.items()}
    return {**direction_design_answer(design), **stack_facts(design.stack), **made}


def _classifier(path: Path) -> dict[str, Any]:
    classifier, source = read_classifier(path)
    made_by = asdict(read_classifier_provenance(path))
    return {
        **asdict(source),
        "encoding": type(classifier.encoding).__name__,
        "detectors": type(classifier.detectors).__name__,
        "epochs": len(classifier.losses),
        "loss": float(classifier.losses[-1]),
        "seconds": classifier.seconds,
        "outcome": classifier.outcome.value,
        "seed": classifier.seed,
        **stack_facts(classifier.stack),
        **{f"made_by_{key}": value for key, value in made_by.items()},
    }


def _recording(path: Path) -> dict[str, Any]:
    recording = read_recording(path)
    snapshots, probes = recording.energies.shape
    holds = "energies" if recording.received is None else "complex fields"
    return {"holds": holds, "snapshots": snapshots, "probes": probes, **recording.about()}


def _pilots(path: Path) -> dict[str, Any]:
    record = read_pilot_record(path, FileKind.PILOTS)
    assert record.received is not None
    _, antennas, users = record.received.shape[:3]
    frequencies = record.frequencies_hz
    band = {} if frequencies is None else {"frequencies_hz": frequencies.tolist()}
    return {
        **_pilot_facts(record),
        "antennas": antennas,
        "users": users,
        **band,
        **({} if record.probes is None else {"probes": len(record.probes.layers)}),
        "mean_power": float(np.mean(np.abs(record.received) ** 2)),
        "noise_variance": record.noise_variance,
    }


def _energy_pilots(path: Path) -> dict[str, Any]:
    record = read_pilot_record(path, FileKind.ENERGY_PILOTS)
    assert record.energies is not None
    _, antennas, users = record.energies.shape
    return {
        **_pilot_facts(record),
        "antennas": antennas,
        "users": users,
        "mean_energy": float(np.mean(record.energies)),
        "noise_variance": record.noise_variance,
    }


def _pilot_plan(path: Path) -> dict[str, Any]:
    return _pilot_facts(read_pilot_record(path, FileKind.PILOT_PLAN))


def _pilot_facts(record: "PilotRecord") -> dict[str, Any]:
    from ..files.pilot_illumination import names_of

    slots, layers, atoms = record.phases_rad.shape
    lit = {"illumination": None}
    if record.illumination is not None:
        names = names_of(record.illumination)._asdict().items()
        lit = {name: value for name, value in names if name != "coordinates" and value is not None}
    sizes = {"slots": slots, "layers": layers, "atoms_a_layer": atoms}
    about = {"frequency_hz": record.frequency_hz, "warnings": record.warnings}
    return {**sizes, **lit, **about}


def _matrix(path: Path) -> dict[str, Any]:
    response = read_response(path)
    receivers, inputs = response.shape
    singular = np.linalg.svd(response, compute_uv=False)
    return {
        "receivers": receivers,
        "inputs": inputs,
        "largest_singular_value": float(singular[0]),
        "smallest_singular_value": float(singular[-1]),
    }


def _codes(path: Path) -> dict[str, Any]:
    layers, atoms = read_codes(path).shape
    return {"layers": layers, "atoms_a_layer": atoms}


def _input_codes(path: Path) -> dict[str, Any]:
    snapshots, inputs = read_input_codes(path).shape
    return {"snapshots": snapshots, "inputs": inputs}


def _table(path: Path) -> dict[str, Any]:
    from ..files.atom_table import read_atom_table

    atoms = read_atom_table(path)
    return {
        "settings": len(atoms.setting_rad),
        "smallest_amplitude": float(np.min(atoms.amplitude)),
        "largest_amplitude": float(np.max(atoms.amplitude)),
    }


def _dispersion(path: Path) -> dict[str, Any]:
    from ..files import read_dispersion

    measured = read_dispersion(path)
    least, *_, most = map(float, measured.frequencies_hz)
    return {
        "settings": len(measured.shown_rad),
        "frequencies": len(measured.frequencies_hz),
        "least_hz": least,
        "most_hz": most,
    }


def _sweep(path: Path) -> dict[str, Any]:
    from ..study.sweeps import read_sweep
    from .sweep_run import sweep_of

    asked = sweep_of(read_sweep(path))
    axes = [f"{axis.name} ({len(axis.values)})" for axis in asked.description.points.axes]
    return {
        "name": asked.description.name,
        "command": " ".join(asked.command.words),
        "points": asked.points,
        "axes": " x ".join(axes) or "chosen by a search",
    }


def _results(path: Path) -> dict[str, Any]:
    data = load_dataset(path, kind=str(stored_kind(path)))
    told = {key: value for key, value in data.attrs.items() if key in ("study", "command")}
    return {**told, "results": result_rows(data)}


def result_rows(data: "xr.Dataset") -> list[dict[str, Any]]:
    """Each result of a sweep or a study: what it is over, its least and greatest value."""
    return [_result_row(str(name), value) for name, value in data.data_vars.items()]


def _result_row(name: str, value: "xr.DataArray") -> dict[str, Any]:
    known = value.dtype.kind in "biuf" and bool(value.notnull().any())
    return {
        "result": name,
        "over": ", ".join(map(str, value.dims)) or "nothing",
        "least": float(value.min()) if known else float("nan"),
        "greatest": float(value.max()) if known else float("nan"),
    }


_FACTS: Mapping[FileKind, Callable[[Path], dict[str, Any]]] = {
    FileKind.STACK: _stack,
    FileKind.DESIGN: _design,
    FileKind.DIRECTION_DESIGN: _direction_design,
    FileKind.CLASSIFIER: _classifier,
    FileKind.RECORDING: _recording,
    FileKind.PILOTS: _pilots,
    FileKind.ENERGY_PILOTS: _energy_pilots,
    FileKind.PILOT_PLAN: _pilot_plan,
    FileKind.MATRIX: _matrix,
    FileKind.CODES: _codes,
    FileKind.INPUT_CODES: _input_codes,
    FileKind.ATOM_TABLE: _table,
    FileKind.DISPERSION_TABLE: _dispersion,
    FileKind.SWEEP: _sweep,
    FileKind.SWEEP_RESULTS: _results,
    FileKind.STUDY_RESULTS: _results,
}
