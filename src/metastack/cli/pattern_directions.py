"""`metastack system directions`: where a wave comes from, by few antennas and many patterns."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .estimate_options import AS_RATIO, Signal, slot_counts
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..study.pattern_directions import DirectionPoint


@option_groups
def directions(
    stack: StackPath,
    slots: Annotated[
        str, typer.Option(help="Random patterns shown, or several numbers of them.")
    ] = "8,16,32",
    signal: Signal = AS_RATIO,
    trials: Annotated[int, typer.Option(min=2, help="Directions to draw, within 60°.")] = 500,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw errors over SNR (.png, .svg, .pdf).")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Read a direction from few antennas and many phase patterns, beside its bound.

    Maximum likelihood from fields: antennas keep the phase from pattern to pattern, and the wave's
    amplitude stays. The aperture is the first programmable layer. Ctrl-C prints what is there.
    """
    import jax

    from ..files import read_stack
    from ..study.pattern_directions import study_pattern_directions
    from .progress import CountProgress

    require_writable(figure, ".png", ".svg", ".pdf")
    description = read_stack(stack)
    snrs = signal.levels_db(float(description.stack.wavelength_m))
    counts = slot_counts(slots, description.stack)
    points: list[DirectionPoint] = []
    stopped = False
    with CountProgress("pattern counts", len(counts)) as progress:
        try:
            for count in counts:
                points += study_pattern_directions(
                    description.stack, count, snrs, trials=trials, key=jax.random.key(seed),
                    seed=seed,
                )  # fmt: skip
                progress.advance(1)
        except KeyboardInterrupt:
            if not points:
                raise
            stopped = True
    answer: dict[str, Any] = {
        "stack": description.name,
        "antennas": description.stack.receiver_array.size,
        "aperture": description.stack.layer_array.size,
        "trials": trials,
    }
    if figure is not None:
        from ..report import pattern_directions_figure
        from .doa import save_figure

        save_figure(pattern_directions_figure(points), figure)
        answer["figure"] = str(figure)
    emit(answer | {"errors": [_row(point) for point in points]}, as_json=json)
    if stopped:
        raise KeyboardInterrupt


def _row(point: "DirectionPoint") -> dict[str, Any]:
    import numpy as np

    low, error, high, bound = 10 * np.log10(
        [point.error.low, point.error.value, point.error.high, point.bound]
    )
    return {
        "slots": point.slots,
        "snr_db": point.snr_db,
        "error_db": float(error),
        "error_from_db": float(low),
        "error_to_db": float(high),
        "bound_db": float(bound),
    }
