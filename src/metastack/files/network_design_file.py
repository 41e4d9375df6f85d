"""Phases for a device as a network, as an .npz: a design file of a stack holds its whole stack."""

from pathlib import Path

import numpy as np

from ..design.solution import ResponseDesign
from .atomic import replacing
from .time_convention import TimeConvention


def write_network_design(design: ResponseDesign, path: Path | str) -> None:
    """Write phases, layers x atoms, what they do, and what they were to do, in our time.

    Time goes as e^{-jωt}, as `time_sign` says: in e^{+jωt} phases are negated and matrices
    conjugated.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            phases_rad=design.phases_rad,
            response=design.response,
            target=design.target,
            nmse_db=np.asarray(design.nmse_db),
            insertion_loss_db=np.asarray(design.insertion_loss_db),
            time_sign=np.asarray(TimeConvention.OURS.value),
        )
