"""Laws of readers of complex fields in Monte Carlo runs: bounds, and the order of Fig. 9."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

from metastack.doa import (
    ConstantModulusSource,
    DirectionModel,
    EffectiveSnr,
    Experiment,
    PeakReader,
    Protocol,
    Reader,
    SteadySource,
    digital_beamforming,
    matched_steering,
    matched_steering_fading,
    monte_carlo,
    stack_experiment,
)
from metastack.doa.angles import wrapped_rad
from metastack.doa.coherent_readers import DigitalReader, FadingMatchedReader, MatchedReader
from metastack.doa.source import complex_normal
from metastack.errors import InputError
from metastack.precision import float64
from metastack.targets import dft_2d

FIGURE_9 = [Protocol(2, 2, 4, 4), Protocol(4, 4, 4, 4)]
SNRS_DB = (10, 20, 30)
SINGLE, DOUBLE = jnp.dtype(jnp.complex64), jnp.dtype(jnp.complex128)
MATCHED = [(MatchedReader, matched_steering), (FadingMatchedReader, matched_steering_fading)]


class ArrayUnderProtocol(Reader):
    """A digital array that does what the stack does: in snapshot t, the DFT of a ramped aperture.

    The DFT is unitary, so that what counts as noise of the elements is noise of its outputs.
    """

    peak: PeakReader
    weights: np.ndarray

    @classmethod
    def of(cls, protocol):
        ramps = np.exp(1j * protocol.input_phases_rad)[:, None, :]
        unitary = dft_2d(protocol.columns, protocol.rows) / np.sqrt(protocol.elements)
        return cls(PeakReader.of(protocol), unitary * ramps)

    def __call__(self, received):
        return self.peak(jnp.einsum("tpe,bte->btp", self.weights, received))


def in_decibels(ratio):
    return 10 * np.log10(ratio)


def array_errors(protocol, reader, snr_db, *, columns, rows, snapshots):
    """Mean squared errors of a digital array whose receivers have noise of 1/SNR each."""
    model = DirectionModel.of_array(columns, rows, snapshots=snapshots)
    experiment = Experiment(model, EffectiveSnr(snr_db).variance)
    return monte_carlo(experiment, reader, trials=40_000, seed=5, dtype=SINGLE)


@cache
def stack_mse(protocol, snr_db):
    """The paper's reader behind the exact DFT."""
    response = dft_2d(protocol.columns, protocol.rows)
    experiment = stack_experiment(response, protocol, EffectiveSnr(snr_db))
    reader = PeakReader.of(protocol)
    return monte_carlo(experiment, reader, trials=40_000, seed=5, dtype=SINGLE)


@cache
def small_array_mse(protocol, snr_db):
    """As many elements and snapshots as the stack, on its grid."""
    columns, rows = protocol.columns, protocol.rows
    bins_y, bins_x = protocol.grid_shape
    reader = DigitalReader.of(columns, rows, bins_x=bins_x, bins_y=bins_y)
    size = {"columns": columns, "rows": rows, "snapshots": protocol.snapshots}
    return array_errors(protocol, reader, snr_db, **size)


@cache
def large_array_mse(protocol, snr_db):
    """One snapshot of an array whose own DFT has the stack's grid."""
    rows, columns = protocol.grid_shape
    reader = DigitalReader.of(columns, rows, bins_x=columns, bins_y=rows)
    return array_errors(protocol, reader, snr_db, columns=columns, rows=rows, snapshots=1)


@pytest.mark.parametrize(("reader", "estimate"), MATCHED)
def test_matched_readers_read_as_matched_steering_does(reader, estimate):
    """The NumPy-level function is the reference; rounding of a peak of pure noise, 1e-10.

    Weights and fields are random: no symmetry that could hide an order of axes.
    """
    generator = np.random.default_rng(0)
    model = DirectionModel(complex_normal(generator, (2, 4, 6)), 3, 2)
    received = complex_normal(generator, (50, 2, 4))
    with float64():
        read = np.asarray(reader.of(model)(jnp.asarray(received)))
    np.testing.assert_allclose(wrapped_rad(read - estimate(received, model)), 0, atol=1e-10)


@pytest.mark.parametrize("shape", [(2, 2, 8, 8), (3, 2, 5, 9), (4, 3, 4, 3), (1, 4, 1, 16)])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_the_digital_reader_reads_as_digital_beamforming_does(shape, dtype):
    """The NumPy-level function, an FFT in double precision, is the reference.

    Bins are the same ones: noise has no ties, and 1e-6 of rounding decides none of 300 runs.
    Angles of bins round at 4e-16, in single precision at 3e-7.
    """
    columns, rows, bins_x, bins_y = shape
    received = complex_normal(np.random.default_rng(1), (300, 3, columns * rows)).astype(dtype)
    with float64():
        read = DigitalReader.of(columns, rows, bins_x=bins_x, bins_y=bins_y)(jnp.asarray(received))
    expected = digital_beamforming(received, columns, rows, bins_x=bins_x, bins_y=bins_y)
    np.testing.assert_allclose(read, expected, atol=4 * np.finfo(dtype).eps)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "source", "dtype"),
    [
        (MatchedReader, SteadySource(), SINGLE),
        (MatchedReader, SteadySource(), DOUBLE),
        (FadingMatchedReader, ConstantModulusSource(), DOUBLE),
    ],
)
def test_matched_readers_are_on_the_coherent_bound_of_a_dft(reader, source, dtype):
    """Cramér-Rao bound of an array, 6 / (T SNR N_x N_y (N_x² - 1)), SNR times N of the DFT.

    A DFT is unitary but for its gain N and the ramps are pure phases, so that the bound is the
    array's in every direction and every snapshot tells the same. At 20 dB the estimator has left
    its threshold, and deviates from efficiency by 1 / (T N SNR) < 1e-3. The interval of 99.99 %
    holds, for a fixed seed, but for a chance of 1e-4.
    """
    protocol, snr_db = Protocol(3, 2, 3, 3), 20
    experiment = stack_experiment(dft_2d(3, 2), protocol, EffectiveSnr(snr_db), source=source)
    run = monte_carlo(
        experiment,
        reader.of(experiment.model),
        trials=4000,
        seed=2,
        dtype=dtype,
        confidence=0.9999,
    )
    gain = 10 ** (snr_db / 10) * protocol.elements
    sides = np.array([protocol.columns, protocol.rows])
    bound = 6 / (protocol.snapshots * gain * protocol.elements * (sides**2 - 1))
    assert np.all(run.low_rad2 < bound)
    assert np.all(bound < run.high_rad2)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", FIGURE_9)
@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_a_large_array_in_one_snapshot_is_below_the_stack(protocol, snr_db):
    """Fig. 9: 'a lower bound for the SIM-based scheme', at every SNR.

    Batches are of the same size, so that all runs share their directions and the difference of
    the means has a deviation far below that of each: no tolerance is needed. The small array,
    which pools as much energy but has a wider beam, lies between them.
    """
    stack, small, large = (
        errors(protocol, snr_db).mse_rad2.mean()
        for errors in (stack_mse, small_array_mse, large_array_mse)
    )
    assert large < small < stack


def test_the_large_array_is_below_by_more_than_chance():
    """2x2 elements, 16 snapshots: the intervals of 99 % do not even touch."""
    for snr_db in SNRS_DB:
        large, stack = (mse(FIGURE_9[0], snr_db) for mse in (large_array_mse, stack_mse))
        assert np.all(large.high_rad2 < stack.low_rad2)


def test_the_gaps_narrow_with_the_snr():
    """Fig. 9: 'the gap gradually narrows as the effective SNR increases', to the common floor.

    All three end where the grid rounds: within .2 dB of each other at 30 dB.
    """
    for reference in (small_array_mse, large_array_mse):
        gaps_db = [
            in_decibels(
                stack_mse(FIGURE_9[0], snr_db).mse_rad2 / reference(FIGURE_9[0], snr_db).mse_rad2
            )
            for snr_db in SNRS_DB
        ]
        assert np.all(np.diff(gaps_db, axis=0) < 0)
        assert np.all(gaps_db[-1] < 0.2)


@pytest.mark.parametrize("protocol", [Protocol(2, 2, 2, 2), Protocol(4, 4, 4, 4)])
def test_array_and_stack_agree_where_snapshots_are_as_many_as_elements(protocol):
    """Fig. 9: 'performs similarly well'. With T = N both have the same noise in every bin.

    What is left is that the array's bins share their noise, by which neighbours are told apart
    better: .45 and .56 dB were found by a NumPy simulation at 10 dB, below .06 dB from 20 dB on.
    """
    for snr_db, at_most_db in ((10, 0.8), (20, 0.1), (30, 0.1)):
        runs = stack_mse(protocol, snr_db), small_array_mse(protocol, snr_db)
        gap_db = in_decibels(runs[0].mse_rad2 / runs[1].mse_rad2)
        assert np.all(np.abs(gap_db) < at_most_db)


@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_an_array_under_the_stacks_protocol_is_the_stack(snr_db):
    """Noise behind the DFT, as the effective SNR counts it, is noise 1/N as strong before it.

    The DFT's gain is N and the ramps are unitary, so that both readings have the same law: the
    intervals of 99.99 % of two independent runs overlap.
    """
    protocol = FIGURE_9[0]
    variance = EffectiveSnr(snr_db).variance / protocol.elements
    array = DirectionModel.of_array(protocol.columns, protocol.rows, snapshots=protocol.snapshots)
    response = dft_2d(protocol.columns, protocol.rows)
    stack = stack_experiment(response, protocol, EffectiveSnr(snr_db))
    options = {"trials": 20_000, "dtype": SINGLE, "confidence": 0.9999}
    one = monte_carlo(
        Experiment(array, variance), ArrayUnderProtocol.of(protocol), seed=3, **options
    )
    other = monte_carlo(stack, PeakReader.of(protocol), seed=4, **options)
    assert np.all(one.low_rad2 < other.high_rad2)
    assert np.all(other.low_rad2 < one.high_rad2)


def test_a_grid_coarser_than_the_array_is_refused():
    """The error names the argument, the rule and the value."""
    with pytest.raises(InputError, match=r"`bins_y` must be at least the 3 elements .* is 2"):
        DigitalReader.of(2, 3, bins_x=2, bins_y=2)


@pytest.mark.parametrize(("reader", "snapshots"), [(MatchedReader, 1), (FadingMatchedReader, 3)])
def test_readings_that_tell_no_direction_are_refused(reader, snapshots):
    """One reading while the source keeps its amplitude."""
    weights = complex_normal(np.random.default_rng(0), (snapshots, 1, 4))
    with pytest.raises(InputError, match="at least 2 independent readings"):
        reader.of(DirectionModel(weights, 2, 2))
