"""The DOA paper's trained stacks, by their published responses, at its Figs. 6 and 7.

The journal's Figs. 7 and 8. Data: J. An, MIT licence, `metastack.study.published`.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from metastack.doa import (
    Protocol,
    angular_spectrum,
    energies,
    peak_estimate,
    received_field,
)
from metastack.precision import float64
from metastack.study.published import published_folder
from metastack.targets import dft_2d, nmse

DATA = published_folder()

# File and key, side, snapshots a side, true angles / π, angles of the nearest bin / π.
PUBLISHED = {
    "2x2": ("Fig_7a/DFT_2.mat", 2, 64, (-0.51394, -0.77317), (-0.515625, -0.765625)),
    "4x4": ("Fig_8a/DFT_4.mat", 4, 32, (0.41702, 0.72032), (0.421875, 0.71875)),
}


@pytest.fixture(params=list(PUBLISHED))
def published(request):
    file, side, steps, true_pi, bin_pi = PUBLISHED[request.param]
    response = loadmat(DATA / file)[Path(file).stem]
    angles = {"psi_x_rad": true_pi[0] * np.pi, "psi_y_rad": true_pi[1] * np.pi}
    return response, Protocol(side, side, steps, steps), angles, bin_pi


def test_published_stack_finds_the_bin_nearest_to_the_published_direction(published):
    """On the 128 x 128 grid every bin is a multiple of π/64, a binary fraction: exact but for
    the rounding of π, one part in 1e15."""
    response, protocol, angles, bin_pi = published
    estimate = peak_estimate(energies(received_field(response, protocol, **angles)), protocol)
    found = np.array([estimate.psi_x_rad, estimate.psi_y_rad]) / np.pi
    np.testing.assert_allclose(found, bin_pi, rtol=1e-15)


def test_published_spectrum_is_that_of_the_digital_dft(published):
    """Section VI-C: 'almost the same signal spectrum as the 2D digital DFT'.

    No tuned tolerance: the fields differ by (G - F) Υ a, in any probe by at most δ, the largest
    row sum of |G - F|; so do their peaks, and the normalised amplitudes by at most 2δ / peak.
    """
    response, protocol, angles, _ = published
    F = dft_2d(protocol.columns, protocol.rows)
    fields = [received_field(G, protocol, **angles) for G in (response, F)]
    by_stack, digital = (
        10 ** (angular_spectrum(energies(field), protocol).power_db / 20) for field in fields
    )
    bound = 2 * np.abs(response - F).sum(axis=1).max() / np.abs(fields[0]).max()
    assert bound < 0.1
    # 1e-12: the decibels' rounding, where the 2x2 stack is the DFT to the last digit.
    assert np.abs(by_stack - digital).max() <= bound + 1e-12


def test_published_responses_are_dfts_in_our_index_order():
    """The 2x2 stack reaches the floating-point floor (the paper: -200 dB and less), the 4x4
    about -31 dB with the phases behind its Fig. 7: a wrong order or sign gives 0 dB or more."""
    for file, side, limit_db in (("Fig_7a/DFT_2.mat", 2, -200), ("Fig_8a/DFT_4.mat", 4, -20)):
        response = loadmat(DATA / file)[Path(file).stem]
        with float64():
            error = float(nmse(response, dft_2d(side, side)))
        assert 10 * np.log10(error) < limit_db
