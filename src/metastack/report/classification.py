"""What a stack that classifies images does: how it learned, what it mixes up, some images."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ..precision import float64
from ..systems.classification import (
    Classifier,
    LabelledImages,
    Verdict,
    fields_on_the_way,
    read_classes,
)
from .style import BLUE, GREY, MAGNITUDE_MAP, VERMILION, new_figure, styled

_SHOWN = 3
# Small numbers in cells, white on dark ones.
_CELL_POINTS, _DARK_FROM = 6, 0.55


@styled
def classification_figure(
    classifier: Classifier, images: LabelledImages, verdict: Verdict
) -> Figure:
    """Accuracy while training; the confusion matrix; three images on their way to the receivers.

    `images` are those of `verdict`. The images are the first that is read rightly, one more of
    another class, and the first that is read wrongly, if there is one. Row 0 is on top. Fields are
    magnitudes, each relative to its own largest.
    """
    figure = new_figure(6.2, width_in=7.0)
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    upper, lower = halves
    left, right = upper.subplots(1, 2, width_ratios=(1.1, 1))
    _draw_training(left, classifier, verdict)
    _draw_confusion(right, verdict)
    _draw_images(lower, classifier, images)
    return figure


def _draw_training(axes: Axes, classifier: Classifier, verdict: Verdict) -> None:
    epochs = np.arange(1, len(classifier.shares_right) + 1)
    axes.plot(
        epochs,
        100 * (1 - classifier.shares_right),
        ".-",
        color=BLUE,
        label="trained on, distorted",
    )
    axes.axhline(100 * (1 - verdict.accuracy), color=VERMILION, label="held out, at the end")
    low, high = verdict.interval()
    axes.axhspan(
        100 * (1 - high),
        100 * (1 - low),
        color=VERMILION,
        alpha=0.2,
        linewidth=0,
        label="its 95 % interval",
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="epoch", ylabel="read wrongly (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.legend()


def _draw_confusion(axes: Axes, verdict: Verdict) -> None:
    counts = verdict.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # Mix-ups are few: the root makes them visible beside the diagonal.
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for (truth, read), count in np.ndenumerate(counts):
        if count:
            dark = np.sqrt(shares[truth, read]) > _DARK_FROM
            axes.text(
                read,
                truth,
                str(count),
                ha="center",
                va="center",
                fontsize=_CELL_POINTS,
                color="white" if dark else "black",
            )
    classes = range(len(counts))
    axes.set(xlabel="class read", ylabel="true class", xticks=classes, yticks=classes)
    axes.set_title(f"{verdict.images} images held out: {100 * verdict.accuracy:.1f} % right", pad=4)
    axes.tick_params(length=0)


def _draw_images(figure: SubFigure, classifier: Classifier, images: LabelledImages) -> None:
    chosen = _chosen(classifier, images)
    layers = _layers_shown(classifier.stack.layers)
    panels = figure.subplots(
        len(chosen),
        len(layers) + 2,
        squeeze=False,
        width_ratios=[1] * (len(layers) + 1) + [2.1],
    )
    for row, index in zip(panels, chosen, strict=True):
        _draw_one(row, classifier, images, index, layers)
    panels[0][0].set_title("image")
    for axes, layer in zip(panels[0][1:], layers, strict=False):
        axes.set_title(f"at layer {layer + 1}")
    panels[0][-1].set_title("detectors")
    panels[-1][-1].set_xlabel("class")


def _draw_one(
    row: Any,
    classifier: Classifier,
    images: LabelledImages,
    index: int,
    layers: list[int],
) -> None:
    with float64():
        field = np.asarray(classifier.encoding(jnp.asarray(images.pixels[index].ravel())))
        met, received = fields_on_the_way(classifier.stack, classifier.phases_rad, field)
        scores = np.asarray(classifier.detectors.scores(jnp.abs(received) ** 2))
    row[0].imshow(images.pixels[index], cmap="gray", vmin=0, vmax=1)
    for axes, layer in zip(row[1:], layers, strict=False):
        magnitude = np.abs(met[layer]).reshape(classifier.stack.layer_array.shape)
        axes.imshow(magnitude, cmap=MAGNITUDE_MAP, vmin=0)
    for axes in row[:-1]:
        axes.set(xticks=[], yticks=[])
    _draw_scores(row[-1], scores, int(images.labels[index]))


def _draw_scores(axes: Axes, scores: Float[np.ndarray, " classes"], label: int) -> None:
    read = int(np.argmax(scores))
    colours = [GREY] * len(scores)
    colours[read] = BLUE if read == label else VERMILION
    axes.bar(range(len(scores)), scores, color=colours, width=0.75)
    axes.set_xticks(range(len(scores)))
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_ylabel("score")
    verdict = "right" if read == label else f"wrong, is {label}"
    axes.annotate(
        f"{read}: {verdict}",
        (0.98, 0.95),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=7,
        color=colours[read],
    )


def _chosen(classifier: Classifier, images: LabelledImages) -> list[int]:
    """Two images of different classes that are read rightly, and one that is not."""
    read, _ = read_classes(
        classifier.stack,
        classifier.phases_rad,
        images,
        classifier.detectors,
        classifier.encoding,
    )
    right, wrong = np.flatnonzero(read == images.labels), np.flatnonzero(read != images.labels)
    first = right[:1]
    other = right[images.labels[right] != images.labels[first]][:1] if len(first) else first
    return [int(i) for i in np.concatenate([first, other, wrong])[:_SHOWN]]


def _layers_shown(layers: int) -> list[int]:
    """The first, a middle and the last layer."""
    return sorted({0, layers // 2, layers - 1})
