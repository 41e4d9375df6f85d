"""One line of the table, and how its numbers are written."""

from dataclasses import astuple, dataclass, replace

import numpy as np

from .timing import Comparison

HEADER = ("what", "ours", "baseline", "ratio", "reach", "reached")


@dataclass(frozen=True)
class Row:
    """What was compared, both sides, and what the project wants to reach."""

    what: str
    ours: str
    baseline: str = ""
    ratio: str = ""
    reach: str = ""
    reached: str = ""

    def cells(self) -> tuple[str, ...]:
        return astuple(self)


def speed_row(what: str, comparison: Comparison, at_least: float | None = None) -> Row:
    """Medians of both sides, their ratio with the quartiles of the pairs."""
    low, high = comparison.quartiles
    return Row(
        what,
        seconds(float(np.median(comparison.ours_s))),
        seconds(float(np.median(comparison.baseline_s))),
        f"{comparison.ratio:.3g} ({low:.3g}-{high:.3g})",
        f"≥ {at_least:g}" if at_least else "",
        yes(comparison.ratio >= at_least) if at_least else "",
    )


def rate_row(what: str, comparison: Comparison, of: str, at_least: float | None = None) -> Row:
    """The same as rates, where each run was the time of one of many things done together."""
    row = speed_row(what, comparison, at_least)
    ours, baseline = (1 / np.median(s) for s in (comparison.ours_s, comparison.baseline_s))
    return replace(row, ours=per_second(ours), baseline=f"{per_second(baseline)} ({of})")


def limit_row(what: str, value: float, limit: float, unit: str) -> Row:
    """A number that should stay below a limit."""
    return Row(what, f"{value:.3g} {unit}", reach=f"< {limit:g} {unit}", reached=yes(value < limit))


def count_row(what: str, reached: int, of: int) -> Row:
    """How many of the starts succeeded, where all should."""
    return Row(what, f"{reached}/{of}", reach=f"{of}/{of}", reached=yes(reached == of))


def yes(reached: bool) -> str:
    return "yes" if reached else "NO"


def seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def per_second(rate: float) -> str:
    return f"{rate:.3g}/s".replace("e+0", "e")
