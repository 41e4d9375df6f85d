"""A measured table of dispersing atoms as a CSV file.

Its columns are setting_deg, frequency_hz, amplitude and phase_deg, a line for every setting at
every frequency.
"""

from pathlib import Path

import numpy as np

from ..dispersion import MeasuredDispersion
from ..errors import require
from .atom_table import columns_in
from .wording import naming, read_text

COLUMNS = ("setting_deg", "frequency_hz", "amplitude", "phase_deg")


def read_dispersion(path: Path, *, centre_hz: float | None = None) -> MeasuredDispersion:
    """Measured dispersion from a CSV file with a header line; lines in any order.

    `centre_hz`: the stack's frequency; if not told, the middle of the table. Phases are in time
    e^{-jωt}: they grow with frequency.

    Raises:
        InputError: the file cannot be read, a column or a combination of setting and frequency is
            missing or twice there, or the table cannot be that of an atom.
    """
    text = read_text(path)
    with naming(path):
        setting_deg, frequency_hz, amplitude, phase_deg = columns_in(text, COLUMNS)
        settings, row = np.unique(setting_deg, return_inverse=True)
        frequencies, column = np.unique(frequency_hz, return_inverse=True)
        count = np.zeros((len(settings), len(frequencies)), int)
        np.add.at(count, (row, column), 1)
        require(
            bool((count == 1).all()),
            "A table of dispersion must have one line for every setting at every frequency, but "
            f"{int((count == 0).sum())} are missing and {int((count > 1).sum())} are there more "
            "than once.",
        )
        table = np.zeros(count.shape, complex)
        table[row, column] = amplitude * np.exp(1j * np.radians(phase_deg))
        middle = float(frequencies[0] + frequencies[-1]) / 2 if len(frequencies) else 0.0
        return MeasuredDispersion.from_table(frequencies, table, centre_hz=centre_hz or middle)
