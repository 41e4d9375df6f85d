"""The DOA paper's own results, as its authors published them: J. An, MIT licence, `jsac2024/`.

Folders are named by the figures of the journal: the journal's Fig. k + 1 is the paper text's, and
our, Fig. k.
"""

from pathlib import Path

import numpy as np
from scipy.io import loadmat


def published_folder() -> Path:
    """Where the published results are."""
    return Path(__file__).parent / "jsac2024"


def published_file(name: str) -> Path:
    """One of the published files, say "Fig_8a/DFT_4.mat"."""
    return published_folder() / name


def published_array(name: str) -> np.ndarray:
    """The array in a published file, say "Fig_5a/NMSE_75.mat"; a single row as a vector."""
    content = loadmat(published_file(name))
    found = next(value for key, value in content.items() if not key.startswith("_"))
    return found[0] if found.shape[0] == 1 else found
