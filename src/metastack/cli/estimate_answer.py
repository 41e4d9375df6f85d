"""What `metastack system estimate` prints: errors beside bounds, and what is compared with what."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .output import warn

if TYPE_CHECKING:
    from ..study.channel_estimates import EstimatePoint


def warn_of_left_out(
    points: "list[EstimatePoint]", wanted: "list[tuple[int, str]]", estimators: list[str]
) -> None:
    """Say which estimators the slots or patterns do not allow; `wanted`: slots and patterns."""
    for name in estimators:
        there = {(point.slots, point.patterns) for point in points if point.estimator == name}
        missing = [f"{slots} {kind}" for slots, kind in wanted if (slots, kind) not in there]
        if missing:
            warn(
                f"`{name}` is left out for {', '.join(missing)} patterns: they do not tell all "
                "atoms apart."
            )


def _decibels(value: float) -> float:
    from math import log10

    return 10 * log10(value)


def row(point: "EstimatePoint") -> dict[str, Any]:
    """One line of the table of estimates."""
    nmse, bound_db = point.judged.nmse, _decibels(point.bound)
    return {
        "slots": point.slots,
        "snr_db": float(point.snr_db),
        "patterns": point.patterns,
        "believed": point.believed,
        "estimator": point.estimator,
        "nmse_db": nmse.db,
        "low_db": nmse.low_db,
        "high_db": nmse.high_db,
        "expected_db": _decibels(point.expected),
        "bound_db": bound_db,
        "above_bound_db": nmse.db - bound_db,
    }


def patterns_compared(points: "list[EstimatePoint]") -> Iterator[dict[str, Any]]:
    """Every kind of patterns against the first, draw by draw."""
    for point in points:
        yield from _against(point, points, "patterns", points[0].patterns)


def beliefs_compared(points: "list[EstimatePoint]") -> Iterator[dict[str, Any]]:
    """What it costs not to know what is built, draw by draw."""
    for point in points:
        yield from _against(point, points, "believed", "built")


def _against(
    point: "EstimatePoint", points: "list[EstimatePoint]", what: str, reference: str
) -> Iterator[dict[str, Any]]:
    from ..systems.channel_estimation import compared

    def place(of: "EstimatePoint") -> tuple[Any, ...]:
        fields = ("slots", "snr_db", "patterns", "believed", "estimator")
        return tuple(getattr(of, field) for field in fields if field != what)

    if getattr(point, what) == reference:
        return
    for other in points:
        if getattr(other, what) == reference and place(other) == place(point):
            ratio = compared(point.judged, other.judged)
            yield {
                "slots": point.slots,
                "snr_db": float(point.snr_db),
                "patterns": point.patterns,
                "believed": point.believed,
                "estimator": point.estimator,
                "against": reference,
                "error_ratio_db": ratio.db,
                "low_db": ratio.low_db,
                "high_db": ratio.high_db,
            }
