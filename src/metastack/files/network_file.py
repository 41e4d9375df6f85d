"""Measured networks: Touchstone, and .npz and .mat files of scattering or impedance.

Arrays hold `scattering` (or `S`), with `reference_ohm`, or `impedance_ohm` (or `Z_ohm`, `Z`), and
`frequency_hz` (or `frequencies_hz`). Of several frequencies an .npz has frequencies x ports x
ports, a .mat, as MATLAB has it, ports x ports x frequencies. Time goes as e^{+jωt} unless
`time_sign` is -1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from ..multiport.network import PortNetwork, in_our_time, scattering_from_impedance
from .atomic import replacing
from .frequency_choice import check_rising
from .matrix_file import read_arrays
from .network_sweep import NetworkSweep
from .pilot_arrays import Array, Arrays, listed, number_in
from .time_convention import TimeConvention
from .touchstone import is_touchstone, read_touchstone
from .wording import naming, one_line, shown

_SCATTERING, _IMPEDANCE = ("scattering", "S", "s"), ("impedance_ohm", "Z_ohm", "Z", "z")
_REFERENCE = ("reference_ohm", "references_ohm", "reference_impedance_ohm", "z0_ohm", "z0")
_FREQUENCY = ("frequency_hz", "frequencies_hz")
_MOST_GAIN, _MOST_ASYMMETRY = 1.01, 0.01


def read_network(
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    ports: int | None = None,
    order: Sequence[int | str] | None = None,
    reference_ohm: float | None = None,
    convention: TimeConvention | None = None,
    most_gain: float = _MOST_GAIN,
    most_asymmetry: float = _MOST_ASYMMETRY,
) -> PortNetwork:
    """The network of a .sNp, .npz or .mat file at one frequency, in our time.

    `order`: the file's ports, numbers from 1 or names, in the order wanted; others are matched.
    `ports`: how many there must be then. `reference_ohm`: the reference to turn to; else the first
    port's, for all. `convention`: else e^{+jωt}, unless phases or the file say otherwise.
    `most_gain`, `most_asymmetry`: of power, and of ‖S - Sᵀ‖ / ‖S‖, before the network is refused;
    `inf` lets amplifiers and ferrites pass.

    Raises:
        InputError: the file cannot be read; another number of ports; a frequency outside the data;
            an active or non-reciprocal network; a file in another convention.
    """
    sweep = read_network_sweep(path, reference_ohm=reference_ohm)
    with naming(path):
        sweep = sweep if order is None else sweep.in_order(order)
        require(
            ports is None or sweep.ports == ports,
            f"The network must have {ports} ports, but has {sweep.ports}.",
        )
        network = sweep.at(frequency_hz, reference_ohm=reference_ohm, convention=convention)
        _check(network, most_gain, most_asymmetry)
        return network


def read_network_sweep(path: Path | str, *, reference_ohm: float | None = None) -> NetworkSweep:
    """Everything that a file says of a network, whatever its reciprocity and gain.

    `reference_ohm`: of a file of impedances that has none.

    Raises:
        InputError: the file cannot be read or holds no network.
    """
    path = Path(path)
    if is_touchstone(path):
        return read_touchstone(path)
    require(
        path.suffix.lower() in (".npz", ".mat"),
        f"`{one_line(str(path))}` must end in .sNp, .npz or .mat, but ends in "
        f"{shown(path.suffix)}.",
    )
    arrays = read_arrays(path)
    with naming(path):
        return _of_arrays(arrays, path.suffix.lower() == ".mat", reference_ohm)


def write_network(network: PortNetwork, path: Path | str) -> None:
    """Write a network as an .npz that reads back exactly, in e^{+jωt} as others expect it.

    Raises:
        InputError: another suffix; the file cannot be written.
    """
    require(
        Path(path).suffix.lower() == ".npz",
        f"`{one_line(str(path))}` must end in .npz, but ends in {shown(Path(path).suffix)}.",
    )
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            scattering=in_our_time(np.asarray(network.scattering)),
            reference_ohm=np.asarray(network.reference_ohm),
            frequency_hz=np.asarray(network.frequency_hz),
            time_sign=np.asarray(TimeConvention.ENGINEERS.value),
        )


def network_warnings(sweep: NetworkSweep) -> list[str]:
    """What is odd about a network but no reason not to look at it, a sentence each."""
    warnings = list[str]()
    if sweep.largest_gain > _MOST_GAIN:
        warnings += [_active(sweep.largest_gain)]
    if sweep.reciprocity_error > _MOST_ASYMMETRY:
        warnings += [_asymmetric(sweep.reciprocity_error)]
    if len(np.unique(sweep.references_ohm)) > 1:
        kinds = zip(*np.unique(sweep.references_ohm, return_counts=True), strict=True)
        each = ", ".join(f"{reference:g} ({many} ports)" for reference, many in kinds)
        warnings += [
            f"Ports have different references in ohm, {each}: the network is renormalised to "
            f"{sweep.references_ohm[0]:g} ohm, that of the first port, unless another is asked for."
        ]
    return warnings


def _check(network: PortNetwork, most_gain: float, most_asymmetry: float) -> None:
    gain, asymmetry = network.largest_gain, network.reciprocity_error
    if gain > most_gain:
        raise InputError(f"{_active(gain)} Or raise `most_gain` (--most-gain), {most_gain:g}.")
    if asymmetry > most_asymmetry:
        raise InputError(
            f"{_asymmetric(asymmetry)} From Python `most_asymmetry`, {most_asymmetry:g}, may be "
            "raised; calibration takes networks for reciprocal."
        )


def _active(gain: float) -> str:
    return (
        f"The network is active: {gain:.4g} times the power that goes in may come out "
        f"({10 * np.log10(gain):.3g} dB). Look at the calibration of the analyser, the reference "
        "impedance and the number format."
    )


def _asymmetric(error: float) -> str:
    return (
        f"The network is not reciprocal: S differs from its transpose by {100 * error:.3g} % of "
        "its norm. Look at the order of ports and at the calibration of the analyser."
    )


def _of_arrays(arrays: Arrays, is_matlab: bool, reference_ohm: float | None) -> NetworkSweep:
    frequencies_hz = np.asarray(_one_of(arrays, _FREQUENCY), float).ravel()
    check_rising(frequencies_hz)
    names = [name for name in (*_SCATTERING, *_IMPEDANCE) if name in arrays]
    require(
        len(names) == 1,
        f"The file must hold exactly one of {listed((*_SCATTERING[:2], *_IMPEDANCE[:2]))}, but "
        f"holds {listed(names or arrays)}.",
    )
    matrices = _matrices(names[0], np.asarray(arrays[names[0]]), len(frequencies_hz), is_matlab)
    references = _references(arrays, matrices.shape[1], reference_ohm)
    if names[0] in _IMPEDANCE:
        require(
            len(np.unique(references)) == 1,
            "Impedances must go with one reference, but the file has several.",
        )
        one_ohm = float(references[0])
        matrices = np.stack([np.asarray(scattering_from_impedance(Z, one_ohm)) for Z in matrices])
        require(
            bool(np.isfinite(matrices).all()),
            f"Impedances must not have an eigenvalue of -{one_ohm:g} ohm, which has no scattering.",
        )
    return NetworkSweep(frequencies_hz, matrices, references, stated=_stated(arrays))


def _stated(arrays: Arrays) -> TimeConvention | None:
    sign = number_in(arrays, "time_sign")
    require(sign in (None, 1, -1), f"`time_sign` must be 1 or -1, of e^{{±jwt}}, but is {sign}.")
    return None if sign is None else TimeConvention(int(sign))


def _matrices(
    name: str, array: Array, frequencies: int, is_matlab: bool
) -> Complex[np.ndarray, "frequencies ports ports"]:
    cube = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0) if is_matlab else array
    wanted = "ports x ports x frequencies" if is_matlab else "frequencies x ports x ports"
    require(
        cube.ndim == 3 and cube.shape[1] == cube.shape[2] > 0 and len(cube) == frequencies,
        f"`{name}` must be {wanted}, of {frequencies} frequencies, but has shape {array.shape}.",
    )
    bad = np.argwhere(~np.isfinite(cube))
    require(
        not len(bad),
        f"`{name}` must be finite, but has {len(bad)} values that are not; the first is of "
        f"frequency {bad[0, 0] if len(bad) else 0}.",
    )
    return np.ascontiguousarray(cube, np.complex128)


def _references(
    arrays: Arrays, ports: int, otherwise_ohm: float | None
) -> Float[np.ndarray, " ports"]:
    is_told = any(name in arrays for name in _REFERENCE)
    if not is_told and otherwise_ohm is None:
        raise InputError(
            "The file must hold `reference_ohm`, but does not: give it (`--reference-ohm`)."
        )
    given = np.asarray(_one_of(arrays, _REFERENCE) if is_told else otherwise_ohm).ravel()
    require(
        given.size in (1, ports) and given.dtype.kind in "iuf" and bool((given > 0).all()),
        f"`reference_ohm` must be one positive number, or one for each of the {ports} ports, but "
        f"is {shown(given.tolist())}.",
    )
    return np.broadcast_to(given.astype(float), (ports,)).copy()


def _one_of(arrays: Arrays, names: Sequence[str]) -> Array:
    found = [name for name in names if name in arrays]
    require(
        len(found) == 1,
        f"The file must hold exactly one of {listed(names)}, but holds {listed(found or arrays)}.",
    )
    array = np.asarray(arrays[found[0]])
    require(array.dtype.kind in "iuf", f"`{found[0]}` must be real, but is {array.dtype}.")
    return array
