"""Pilots and plans in netCDF files of our own."""

from pathlib import Path
from typing import Any

import numpy as np

from ..calibration.illumination import Illumination
from .complex_arrays import decode_complex, encode_complex
from .netcdf import attribute, load_netcdf, netcdf_errors, save_netcdf
from .pilot_arrays import Array
from .pilot_illumination import IlluminationNames, named, names_of
from .pilot_record import PilotRecord
from .probe_arrays import ProbeArrays
from .wording import naming

_ORDER = "slots in time, layers as the wave meets them, atoms x fastest"


def read_netcdf(path: Path, kind: str) -> tuple[dict[str, Array], Illumination]:
    """The arrays of a file, and how the stack was lit.

    Raises:
        InputError: the file cannot be read or is of another kind.
    """
    dataset = load_netcdf(path, kind=kind)
    with netcdf_errors(path), naming(path):
        arrays = {str(name): np.asarray(value) for name, value in dataset.attrs.items()}
        arrays |= {str(name): each.values for name, each in dataset.data_vars.items()}
        if "received" in dataset:
            arrays["received"] = decode_complex(dataset["received"])
        names = IlluminationNames(
            str(attribute(dataset, "illumination")),
            dataset.attrs.get("waves"),
            arrays.get("coordinates"),
        )
        return arrays, named(names)


def write_netcdf(record: PilotRecord, path: Path, kind: str) -> None:
    """Write a record whose illumination is known.

    Raises:
        InputError: an illumination that files do not know; the file cannot be written.
    """
    assert record.illumination is not None  # whoever has pilots or a plan to write knows it
    illumination, waves, coordinates = names_of(record.illumination)
    about = {"units": "rad", "long_name": f"phase shown; {_ORDER}"}
    variables: dict[str, Any] = {
        "phases_rad": (("slot", "layer", "atom"), record.phases_rad, about)
    }
    attributes: dict[str, Any] = {"illumination": illumination, **record.numbers()}
    if waves is not None:
        meaning = {"long_name": "users: positions in metres, or direction cosines x and y"}
        variables["coordinates"] = (("user", "coordinate"), coordinates, meaning)
        attributes["waves"] = waves
    if record.frequencies_hz is not None:
        variables["frequencies_hz"] = (("frequency",), record.frequencies_hz, {"units": "Hz"})
    if record.received is not None:
        axes = ("slot", "antenna", "user", "frequency")[: record.received.ndim]
        variables["received"] = encode_complex(
            axes, record.received, units="1", long_name="response"
        )
    if record.energies is not None:
        meaning = {"units": "1", "long_name": "energy of a response, noise included"}
        variables["energies"] = (("slot", "antenna", "user"), record.energies, meaning)
    if record.probes is not None:
        variables |= _of_probes(record.probes)
    save_netcdf(path, kind=kind, variables=variables, attributes=attributes)


def _of_probes(probes: ProbeArrays) -> dict[str, Any]:
    dark = {"units": "1", "long_name": "mean reading of noise alone, which is taken off"}
    about: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
        "probe_readings": (("slot", "probe", "user"), {"units": "1", "long_name": "power read"}),
        "probe_layers": (("probe",), {"long_name": "layer that the probe stands behind, from 1"}),
        "probe_positions_m": (("probe", "axis"), {"units": "m", "long_name": "x, y, z of stack"}),
        "probe_noise": (("probe",), dark),
    }
    arrays = probes.arrays()
    return {name: (axes, arrays[name], notes) for name, (axes, notes) in about.items()}
