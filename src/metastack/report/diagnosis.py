"""What is wrong with a stack: how strongly the pilots speak for every source of error."""

from matplotlib.figure import Figure

from ..calibration.diagnosis import SUPPORTED_NATS, Diagnosis
from .style import BLUE, GREY, VERMILION, new_figure, styled


@styled
def diagnosis_figure(diagnosis: Diagnosis) -> Figure:
    """Odds of every source as a bar, the strongest on top, and the line where chance ends."""
    findings = sorted(diagnosis.findings, key=lambda each: each.log_odds)
    figure = new_figure(1.0 + 0.32 * len(findings), width_in=6.0)
    axes = figure.subplots()
    axes.barh(
        [each.name for each in findings],
        [each.log_odds for each in findings],
        color=[VERMILION if each.is_supported else BLUE for each in findings],
        height=0.6,
    )
    # A few nats and some thousands are both to be seen.
    axes.set_xscale("symlog", linthresh=1)
    axes.axvline(0, color=GREY)
    axes.axvline(SUPPORTED_NATS, color=GREY, linestyle="--")
    axes.set_xlabel("ln(odds against a stack without it); supported right of the dashes")
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    return figure
