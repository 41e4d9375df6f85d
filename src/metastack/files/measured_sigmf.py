"""Measured pilots as a SigMF recording with an annotation a slot.

The response of a slot is the mean of its annotated samples, the wave being at the centre of the
band; their scatter is the noise, white within a slot. Channels are antennas, of one user. An
annotation holds `metastack:phases_deg`, `metastack:phases_rad` or `metastack:codes`, all atoms
layer after layer, or `metastack:state`: one of `repeated`, `all_off`, `empty`, `through`, or
`other` for what is none of ours. `metastack:layers`, and `metastack:bits` of codes, stand among the
global fields, the frequency in the captures.

Source: Signal Metadata Format Specification, version 1.2, 2024.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Complex

from ..calibration.references import Measurement, Readings, Reference
from ..errors import InputError, require
from .frequency_choice import check_rising
from .pilot_phases import FORMS, phases_in
from .wording import at_file, naming, opening, read_text, shown

SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sigmf")
_STATES = {"slot": None, **{each.value: each for each in Reference}}
_OTHER = "other"


class _Shot(NamedTuple):
    """One annotation: when, what, with which phases, the mean of its samples and its variance."""

    time: float
    state: Reference | None
    phases: Mapping[str, Sequence[float]]
    mean: Complex[np.ndarray, " channels"]
    variance: float


def read_measured_sigmf(path: Path) -> Measurement:
    """Slots and references of a recording.

    Raises:
        InputError: the recording cannot be read, or an annotation is of samples or phases that
            there are not.
    """
    _check_notes(path)
    recording = _opened(path)
    with naming(path):
        frequency_hz = _frequency(recording)
        shots = [
            _shot(recording, annotation, number)
            for number, annotation in enumerate(recording.get_annotations())
            if annotation.get("metastack:state") != _OTHER
        ]
        slots = [shot for shot in shots if shot.state is None]
        require(
            bool(slots),
            "The recording must have an annotation with `metastack:phases_deg` for each slot, but "
            "has none.",
        )
        phases_rad = phases_in(_phase_arrays(slots, recording))
        references = {
            state: _readings([shot for shot in shots if shot.state is state])
            for state in Reference
            if any(shot.state is state for shot in shots)
        }
        variance = float(np.mean([shot.variance for shot in slots]))
        frequencies_hz = np.array([frequency_hz])
        return Measurement(phases_rad, _readings(slots), frequencies_hz, references, variance)


def _check_notes(path: Path) -> None:
    """Look at what sigmf would leave open if it cannot read it."""
    with opening(path):
        path.open("rb").close()
    if path.suffix.lower() == ".sigmf":
        return
    notes = path.with_suffix(".sigmf-meta")
    text = read_text(notes)
    try:
        json.loads(text)
    except ValueError as error:
        raise at_file(f"The file must be JSON, but is not: {error}", notes) from error


def _opened(path: Path) -> Any:
    try:
        from sigmf.sigmffile import fromfile
    except ImportError as error:
        raise InputError("SigMF recordings need sigmf; install metastack[rf].") from error
    try:
        recording: Any = fromfile(str(path))
        recording.validate()
    except Exception as error:  # sigmf raises nearly anything on a damaged recording
        message = f"The file must be a whole SigMF recording, but cannot be read: {error}"
        raise at_file(message, path) from error
    return recording


def _frequency(recording: Any) -> float:
    captures = recording.get_captures()
    found = [capture.get("core:frequency") for capture in captures]
    require(
        bool(found) and isinstance(found[0], int | float) and len(set(found)) == 1,
        f"Captures must all have one `core:frequency`, but have {shown(found)}.",
    )
    check_rising(np.array(found[:1], float))
    return float(found[0])


def _shot(recording: Any, annotation: Mapping[str, Any], number: int) -> _Shot:
    with naming(f"annotation {number}"):
        phases = {
            form: annotation[f"metastack:{form}"]
            for form in FORMS
            if f"metastack:{form}" in annotation
        }
        state = annotation.get("metastack:state", "slot")
        if not isinstance(state, str) or state not in _STATES:
            raise InputError(
                f"`metastack:state` must be one of {', '.join([*_STATES, _OTHER])}, but is "
                f"{shown(state)}."
            )
        for form, values in phases.items():
            require(isinstance(values, list), f"`metastack:{form}` must be a list, but is not.")
        require(
            _STATES[state] is not None or len(phases) == 1,
            "A slot must have phases in one of `metastack:phases_deg`, `metastack:phases_rad` and "
            f"`metastack:codes`, but has {len(phases) or 'none'} (`metastack:state` says what is "
            "no slot).",
        )
        start, samples = _samples(recording, annotation)
        # The variance of the mean of so many.
        variance = float(np.mean(np.var(samples, axis=0, ddof=1))) / len(samples)
        return _Shot(float(start), _STATES[state], phases, samples.mean(axis=0), variance)


def _samples(
    recording: Any, annotation: Mapping[str, Any]
) -> tuple[int, Complex[np.ndarray, "samples channels"]]:
    """Where the annotated samples start, and the samples."""
    start: Any = annotation.get("core:sample_start")
    count: Any = annotation.get("core:sample_count")
    total = int(recording.sample_count)
    is_whole = isinstance(start, int) and isinstance(count, int)
    if not (is_whole and start >= 0 and count > 1 and start + count <= total):
        raise InputError(
            f"An annotation must be of at least 2 of the {total} samples, but starts at {start} "
            f"and counts {count}."
        )
    samples = np.asarray(recording.read_samples(start, count), complex).reshape(count, -1)
    require(bool(np.isfinite(samples).all()), "Samples must be finite, but are not.")
    return start, samples


def _phase_arrays(slots: Sequence[_Shot], recording: Any) -> dict[str, np.ndarray]:
    (form,) = slots[0].phases
    lengths = [len(slot.phases[form]) if form in slot.phases else 0 for slot in slots]
    wrong = next((k for k, length in enumerate(lengths) if length != lengths[0]), None)
    require(
        wrong is None,
        f"All slots must have `metastack:{form}` of {lengths[0]} atoms, but slot {wrong} has "
        f"{lengths[wrong or 0] or 'none'}.",
    )
    try:
        values = np.array([slot.phases[form] for slot in slots], float)
    except (TypeError, ValueError) as error:
        raise InputError(f"`metastack:{form}` must be numbers, but are not.") from error
    notes = recording.get_global_info()
    numbers = {
        name: notes[f"metastack:{name}"]
        for name in ("layers", "bits")
        if f"metastack:{name}" in notes
    }
    return {form: values, **{name: np.asarray(value) for name, value in numbers.items()}}


def _readings(shots: Sequence[_Shot]) -> Readings:
    """Times in samples; a mean is of one user and one frequency."""
    times = np.array([shot.time for shot in shots])
    return Readings(times, np.stack([shot.mean for shot in shots])[:, :, None, None])
