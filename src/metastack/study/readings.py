"""What competes in a study of accuracy: devices, and the ways of reading each.

A device stands in noise at an SNR of either meaning; a reading makes a reader for it.

Source: DOA paper, Figs. 8 and 9; maximum likelihood and designs for information are ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Float

from ..doa import (
    DigitalReader,
    DirectionModel,
    Directions,
    Experiment,
    FadingMatchedReader,
    FadingPower,
    GaussianSource,
    KnownNoise,
    LagReader,
    LagStart,
    LikelihoodReader,
    MatchedReader,
    MaximumLikelihood,
    NoiseLevel,
    PeakReader,
    Power,
    Protocol,
    Reader,
    Source,
    SteadyPower,
    SteadySource,
)
from ..targets import dft_2d


@dataclass(frozen=True, eq=False)
class StudiedDevice:
    """A device by its name, what its detectors see, and what an effective SNR scales it by.

    `response`, `target`: for the scale of an effective SNR. `protocol`: where its probes stand
    for the bins of a DFT; else there is no peak to read. `bins`: of an array, how many its DFT
    has along x and y.
    """

    name: str
    model: DirectionModel
    response: Complex[np.ndarray, "probes elements"]
    target: Complex[np.ndarray, "probes elements"]
    protocol: Protocol | None = None
    bins: tuple[int, int] | None = None

    def experiment(self, noise: NoiseLevel, source: Source, directions: Directions) -> Experiment:
        """The device at an SNR."""
        scale = noise.scale(self.response, self.target)
        model = DirectionModel(self.model.weights * scale, self.model.columns, self.model.rows)
        return Experiment(model, noise.variance, source, directions)


def designed_stack(
    name: str,
    response: Complex[np.ndarray, "probes elements"],
    protocol: Protocol,
    *,
    target: Complex[np.ndarray, "probes elements"] | None = None,
    is_dft: bool = True,
) -> StudiedDevice:
    """A stack that switches its input layer as the protocol says."""
    target = dft_2d(protocol.columns, protocol.rows) if target is None else target
    model = DirectionModel.of_stack(response, protocol)
    return StudiedDevice(name, model, response, target, protocol if is_dft else None)


def patterned_stack(
    name: str,
    response: Complex[np.ndarray, "probes elements"],
    input_phases_rad: Float[np.ndarray, "snapshots elements"],
    *,
    columns: int,
    rows: int,
) -> StudiedDevice:
    """A stack with designed patterns; an effective SNR scales it to the DFT."""
    model = DirectionModel.of_patterns(response, input_phases_rad, columns=columns, rows=rows)
    return StudiedDevice(name, model, response, dft_2d(columns, rows))


def digital_energies(protocol: Protocol) -> StudiedDevice:
    """The digital array without its phases: an exact DFT without loss, read by its energies."""
    lossless = dft_2d(protocol.columns, protocol.rows) / np.sqrt(protocol.elements)
    return designed_stack("digital array, energies", lossless, protocol)


def digital_fields(protocol: Protocol) -> StudiedDevice:
    """The digital array with its phases: a receiver at every element, as many snapshots.

    At an effective SNR its noise is that of a probe behind the DFT, N times an element's.
    """
    model = DirectionModel.of_array(protocol.columns, protocol.rows, snapshots=protocol.snapshots)
    lossless = dft_2d(protocol.columns, protocol.rows) / np.sqrt(protocol.elements)
    target = dft_2d(protocol.columns, protocol.rows)
    return StudiedDevice("digital array, with phase", model, lossless, target)


def published_arrays(protocol: Protocol) -> tuple[StudiedDevice, StudiedDevice]:
    """The arrays of Fig. 9: N elements and T snapshots, and N T elements in one snapshot.

    At an effective SNR their elements have the noise of the stack's probes.
    """
    columns, rows, snapshots = protocol.columns, protocol.rows, protocol.snapshots
    bins_y, bins_x = protocol.grid_shape
    dft, bins = dft_2d(columns, rows), (bins_x, bins_y)
    small = DirectionModel.of_array(columns, rows, snapshots=snapshots)
    large = DirectionModel.of_array(bins_x, bins_y)
    return (
        StudiedDevice(
            f"{columns} x {rows} array, {snapshots} snapshots", small, dft, dft, bins=bins
        ),
        StudiedDevice(f"{bins_x} x {bins_y} array, 1 snapshot", large, dft, dft, bins=bins),
    )


ReaderOf: TypeAlias = Callable[[StudiedDevice, Experiment], Reader]


def _peak(device: StudiedDevice, experiment: Experiment) -> Reader:
    del experiment
    if device.protocol is None:
        raise ValueError(f"{device.name} has no bins to read a peak from")
    return PeakReader.of(device.protocol)


def _start(device: StudiedDevice, experiment: Experiment) -> Reader:
    del device
    return LagReader(LagStart.of(experiment.model))


def _likelihood(device: StudiedDevice, experiment: Experiment) -> Reader:
    del device
    noise, power = KnownNoise(experiment.noise_variance), power_of(experiment.source)
    return LikelihoodReader(MaximumLikelihood.of(experiment.model, noise=noise, power=power))


def _matched(device: StudiedDevice, experiment: Experiment) -> Reader:
    del device
    steady = isinstance(experiment.source, SteadySource)
    return (MatchedReader if steady else FadingMatchedReader).of(experiment.model)


def _bins(device: StudiedDevice, experiment: Experiment) -> Reader:
    model = experiment.model
    if device.bins is None:
        raise ValueError(f"{device.name} has no elements of its own to transform")
    bins_x, bins_y = device.bins
    return DigitalReader.of(model.columns, model.rows, bins_x=bins_x, bins_y=bins_y)


READERS: Mapping[str, ReaderOf] = {
    "peak": _peak,
    "start": _start,
    "ml": _likelihood,
    "matched": _matched,
    "strongest bin": _bins,
}


def power_of(source: Source) -> Power:
    """What an estimator of energies has to assume of the source's power."""
    return FadingPower() if isinstance(source, GaussianSource) else SteadyPower()


def amplitude_of(source: Source) -> Power:
    """What an estimator of fields has to assume of the source's complex amplitude."""
    return SteadyPower() if isinstance(source, SteadySource) else FadingPower()
