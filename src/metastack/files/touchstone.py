"""Touchstone files, through scikit-rf, with what it takes on trust checked first.

S_ij is the wave out of port i for one into port j; two-port files list S21 before S12, which
scikit-rf knows. Version 1 states the number of ports only in the file's name, .sNp: the numbers
given for each frequency must agree with it. Only scattering is read: version 1 normalises the other
parameters in ways that programs do not agree on.

Source: Touchstone File Format Specification, version 2.1, 2024.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from .frequency_choice import check_rising
from .network_sweep import NetworkSweep
from .wording import at_file, naming, one_line, opening

_VERSION_2 = re.compile(r"^\s*\[version\]\s*2", re.IGNORECASE | re.MULTILINE)
_OPTIONS = re.compile(r"^\s*#", re.MULTILINE)
# The byte-order mark of UTF-8, which some editors write, as Latin-1 reads it.
_MARK = "\u00ef\u00bb\u00bf"
_NAME = re.compile(r"\.s(\d+)p", re.IGNORECASE)
_SAME_REFERENCE = 1e-9


def is_touchstone(path: Path) -> bool:
    """Whether a path ends as Touchstone files do."""
    return bool(_NAME.fullmatch(path.suffix)) or path.suffix.lower() == ".ts"


def read_touchstone(path: Path | str) -> NetworkSweep:
    """The network of a .sNp (or .ts) file.

    Raises:
        InputError: the file cannot be read, is not of as many ports as it says, holds something
            else than scattering, or references that are complex or vary.
    """
    path = Path(path)
    with opening(path):
        text = path.read_bytes().decode("latin-1").removeprefix(_MARK)
    with naming(path):
        if not _VERSION_2.search(text):
            _check_ports(text, path)
        require(_OPTIONS.search(text), "The file must have a line like `# GHz S RI R 50`.")
        parsed = _parsed(path)
        require(
            parsed.parameter == "s",
            f"The file must hold scattering parameters, but holds {parsed.parameter.upper()}: save "
            "it as S.",
        )
        frequencies_hz = np.asarray(parsed.f, float)
        check_rising(frequencies_hz)
        S = np.asarray(parsed.s, complex)
        _check_finite(S, frequencies_hz)
        named = _NAME.fullmatch(path.suffix)
        require(
            named is None or int(named[1]) == S.shape[1],
            f"The file must have as many ports as its name says, but says {S.shape[1]} inside.",
        )
        names = tuple(map(str, parsed.port_names or ()))
        return NetworkSweep(frequencies_hz, S, _references(np.asarray(parsed.z0, complex)), names)


def _parsed(path: Path) -> Any:
    try:
        from skrf.io.touchstone import Touchstone
    except ImportError as error:
        raise InputError("Touchstone files need scikit-rf; install metastack[rf].") from error
    try:
        return Touchstone(path)
    except Exception as error:  # scikit-rf raises nearly anything on a damaged file
        message = f"The file must be a whole Touchstone file, but cannot be read: {error}"
        raise at_file(message, path) from error


def _check_ports(text: str, path: Path) -> None:
    """Refuse a file of version 1 whose numbers are not those of as many ports as its name says."""
    match = _NAME.fullmatch(path.suffix)
    if match is None:
        raise InputError(
            f"The file's name must end in .s1p, .s2p, …, but is {one_line(path.name)}."
        )
    ports = int(match[1])
    for number, numbers in _blocks(text, ports):
        pairs = (numbers - 1) / 2
        like = f", as many as {round(pairs**0.5)} ports have" if pairs**0.5 % 1 == 0 else ""
        require(
            numbers == 1 + 2 * ports**2,
            f"The file must hold {ports**2} complex numbers a frequency, because its name says "
            f"{ports} ports, but holds {pairs:g}{like} (line {number}).",
        )


def _blocks(text: str, ports: int) -> list[tuple[int, int]]:
    """Line and size of every frequency's numbers: only their first line has an odd number."""
    blocks, last = list[tuple[int, int]](), -np.inf
    for number, line in enumerate(text.splitlines(), 1):
        numbers = line.partition("!")[0].split()
        if not numbers or numbers[0].startswith(("#", "[")):
            continue
        if len(numbers) % 2:
            frequency = _number(numbers[0], number)
            if ports == 2 and frequency <= last and len(numbers) == 5:
                break  # noise parameters, which start over at a lower frequency
            # scikit-rf takes all that follows for noise parameters, however long its rows.
            require(
                ports != 2 or frequency > last,
                f"Frequencies must rise, but {numbers[0]} comes after {last:.9g} (line {number}): "
                "sort the rows.",
            )
            blocks.append((number, 0))
            last = frequency
        require(bool(blocks), f"Numbers must begin with a frequency, but do not (line {number}).")
        start, size = blocks[-1]
        blocks[-1] = start, size + len(numbers)
    return blocks


def _number(text: str, line: int) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"A frequency must be a number, but is {text!r} (line {line}).") from error


def _check_finite(
    S: Complex[np.ndarray, "frequencies ports ports"],
    frequencies_hz: Float[np.ndarray, " frequencies"],
) -> None:
    bad = np.argwhere(~np.isfinite(S))
    if len(bad):
        f, to, out = bad[0]
        raise InputError(
            f"Scattering must be finite, but {len(bad)} values are not; the first is "
            f"S{to + 1},{out + 1} at {frequencies_hz[f]:.9g} Hz."
        )


def _references(z0: Complex[np.ndarray, "frequencies ports"]) -> Float[np.ndarray, " ports"]:
    first = z0[0]
    require(
        bool(np.all(np.abs(z0 - first) <= _SAME_REFERENCE * np.abs(first))),
        "Reference impedances must not vary with frequency, but do: renormalise them to one.",
    )
    odd = first[~((first.imag == 0) & (first.real > 0) & np.isfinite(first.real))]
    require(
        not odd.size,
        f"Reference impedances must be real and positive, but one is {odd[0] if odd.size else 0:g} "
        "ohm: renormalise it.",
    )
    return first.real.copy()
