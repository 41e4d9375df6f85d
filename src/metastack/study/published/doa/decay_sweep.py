"""The error after so many iterations over the decay: what Fig. 4b and 5b have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....report.style import BLUE
from ...units import Results, Unit
from ..statistics import bootstrap_interval
from .descents import descents, our_designs


@dataclass(frozen=True)
class Decays:
    """What is run: so many starts of every decay on a grid, and of our own method.

    The grid ends at 1, where the learning rate never falls.
    """

    first_decay: float
    decay_step: float = 0.01
    iterations: int = 100
    starts: int = 21
    our_starts: int = 5
    seed: int = 0


def decays_of(parameters: Decays) -> list[float]:
    """The grid of decays."""
    steps = round((1 - parameters.first_decay) / parameters.decay_step)
    return [round(float(d), 9) for d in np.linspace(parameters.first_decay, 1, steps + 1)]


def units(stack: Mapping[str, Any], parameters: Decays) -> list[Unit]:
    """One descent for each decay, then ours."""
    p = parameters
    common = {"stack": stack, "iterations": p.iterations, "seed": p.seed}
    by_decay = [Unit(descents, {**common, "decay": d, "starts": p.starts}) for d in decays_of(p)]
    return [*by_decay, Unit(our_designs, {**common, "starts": p.our_starts})]


def gather(parameters: Decays, results: Sequence[Results]) -> xr.Dataset:
    """NMSE in dB after the last iteration, over decays and starts; that of our method."""
    *by_decay, ours = results
    data = xr.Dataset(
        {
            "nmse_db": (("decay", "start"), [r["history_db"][:, -1] for r in by_decay]),
            "our_nmse_db": ("our_start", ours["history_db"][:, -1]),
        },
        coords={"decay": decays_of(parameters)},
        attrs={"iterations": parameters.iterations},
    )
    for variable in data.values():
        variable.attrs["units"] = "dB"
    return data


def best_decay(
    over_starts: Callable[..., Float[np.ndarray, " decays"]], data: xr.Dataset
) -> tuple[float, float, float]:
    """The decay of the lowest error in dB, and where 95 % of such experiments have it.

    `over_starts` is how the starts of one decay are seen, np.mean or np.max for instance.
    """
    decays = data.decay.values

    def best(nmse_db: Float[np.ndarray, "decays starts"]) -> float:
        return float(decays[over_starts(nmse_db, axis=-1).argmin()])

    return best(data.nmse_db.values), *bootstrap_interval(best, data.nmse_db.values)


def rate_limit_db(decay: np.ndarray | float, iterations: int) -> Float[np.ndarray, "*decays"]:
    """How far the last step can be from the solution: its length squared, in dB.

    The learning rate begins at 1 and is decay^n after n iterations, whatever the stack.
    """
    return np.asarray(20 * iterations * np.log10(decay))


def draw_starts(axes: Axes, data: xr.Dataset) -> None:
    """Mean and range of our starts."""
    runs = data.nmse_db
    axes.fill_between(
        data.decay,
        runs.min("start"),
        runs.max("start"),
        color=BLUE,
        alpha=0.2,
        lw=0,
        label="range, our starts",
    )
    axes.plot(data.decay, runs.mean("start"), color=BLUE, label="mean, our starts")


def finish(figure: Figure, axes: Axes, data: xr.Dataset, lowest_db: float | None = None) -> None:
    """Our method, which has no decay, as a line; names of the axes, and the legend.

    Nothing below `lowest_db` is shown; how far ours goes is said.
    """
    ours_db = float(data.our_nmse_db.median())
    if lowest_db is None or ours_db > lowest_db:
        axes.axhline(ours_db, color="black", label="ours, Levenberg-Marquardt")
    else:
        axes.plot([], [], color="black", label=f"ours, at {ours_db:.0f} dB")
    axes.set_ylim(bottom=lowest_db)
    axes.set_xlim(float(data.decay[0]), float(data.decay[-1]))
    axes.set_xlabel("decay of the learning rate, an iteration")
    axes.set_ylabel(f"NMSE after {data.attrs['iterations']} iterations (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
