"""An end-to-end response, measured or computed elsewhere, as a matrix receivers x inputs."""

from pathlib import Path

from jaxtyping import Complex
from numpy import isfinite, ndarray

from ..errors import require
from .matrix_file import read_matrix
from .wording import naming


def read_response(
    path: Path | str, variable: str | None = None
) -> Complex[ndarray, "receivers inputs"]:
    """The response in a .mat, .npz or .npy file, or that of a design file (.nc).

    `variable` names the matrix where a file holds several. The sign convention is the file's:
    measured S-parameters are to be conjugated (CONTRIBUTING, Sign).

    Raises:
        InputError: the file cannot be read, holds no matrix or several, or is not finite.
    """
    if Path(path).suffix.lower() != ".nc":
        return read_matrix(path, variable)
    from .design_file import read_design

    response = read_design(path).response
    with naming(path):
        require(
            bool(isfinite(response).all()), "`response` must be finite, but has NaN or infinity."
        )
    return response
