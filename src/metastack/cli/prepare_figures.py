"""Pictures of `codebook build` and `learn`: what was prepared, tried on stacks it does not know."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..calibration import PilotPlan, Pilots
    from ..calibration.strategies import Codebook, LinearMap, Training
    from ..imperfections import ErrorLaw
    from ..stack import Stack

_STACKS_SEARCHED, _STACKS_MAPPED = 40, 200
_LINEAR_SNRS_DB = (0, 5, 10, 15, 20, 25, 30, 35, 40)
_TIMES_TRIED = 6
# So that no stack of a picture is one that was learned from with the same seed.
_FRESH = 2**31


def draw_search_depth(
    book: "Codebook",
    given: "tuple[Stack, PilotPlan, ErrorLaw]",
    snrs_db: "Sequence[float]",
    seed: int,
    path: Path,
) -> None:
    """Search for some stacks, at each of these ratios, as deep as noise lets."""
    from jax.random import fold_in, key

    from ..report import search_depth_figure
    from ..study import SearchDepth, study_search_depth
    from .doa import save_figure
    from .progress import CountProgress

    depths = study_search_depth(
        book,
        *given,
        snrs_db=snrs_db,
        stacks=_STACKS_SEARCHED,
        key=fold_in(key(seed), _FRESH),
    )
    done = list[SearchDepth]()
    with CountProgress("SNRs searched", len(snrs_db)) as progress:
        for depth in depths:
            done.append(depth)
            progress.advance(1)
    save_figure(search_depth_figure(done, book.most_candidates), path)


def draw_linear(
    learned: "LinearMap", given: "tuple[Stack, PilotPlan, ErrorLaw]", seed: int, path: Path
) -> None:
    """What the map states of itself, and how near it comes."""
    from jax.random import fold_in, key

    from ..report import accuracy_figure
    from ..study import study_linear
    from .doa import save_figure

    fresh = fold_in(key(seed), _FRESH)
    accuracy = study_linear(
        learned, *given, snrs_db=_LINEAR_SNRS_DB, stacks=_STACKS_MAPPED, key=fresh
    )
    save_figure(accuracy_figure(accuracy), path)


def draw_training(
    trained: "Training",
    given: "tuple[Stack, PilotPlan, ErrorLaw]",
    snr_range_db: tuple[float, float],
    seed: int,
    path: Path,
) -> None:
    """How training went, and how near the network comes where it was trained."""
    import numpy as np
    from jax.random import fold_in, key

    from ..report import training_figure
    from ..study import study_network
    from .doa import save_figure

    snrs_db = np.linspace(*snr_range_db, _TIMES_TRIED).tolist()
    fresh = fold_in(key(seed), _FRESH)
    accuracy = study_network(
        trained.network, *given, snrs_db=snrs_db, stacks=_STACKS_MAPPED, key=fresh
    )
    save_figure(training_figure(trained, accuracy), path)


def draw_tuning(tuned: "Training", pilots: "Sequence[Pilots]", path: Path) -> None:
    """How tuning went, and what the best answers would leave."""
    from ..report import tuning_figure
    from .doa import save_figure

    save_figure(tuning_figure(tuned, pilots[0].received.size, len(pilots)), path)
