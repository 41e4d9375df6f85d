"""`metastack system judge-classifier`: what trained phases are worth on what was built."""

from pathlib import Path
from typing import Annotated

import typer

from .classify import draw, images_of, judge_on, split, verdict_answer
from .options import AsJson, require_writable
from .output import emit


def judge_classifier(
    classifier: Annotated[
        Path,
        typer.Argument(metavar="CLASSIFIER", help="File of `classify` (.nc).", show_default=False),
    ],
    on: Annotated[
        Path | None,
        typer.Option("--on", help="Stack file of the built stack; else the one trained on."),
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="Where the images are now, if it was a file.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw what it does (.png, .svg, .pdf).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Judge trained phases by the images that were held out, on any stack of the same size."""
    from dataclasses import replace

    from ..files import read_stack
    from ..files.classifier_file import read_classifier

    require_writable(figure, ".png", ".svg", ".pdf")
    found, source = read_classifier(classifier)
    stack = found.stack if on is None else read_stack(on).stack
    unseen = split(images_of(images or source.images, source.shrink), source)[1]
    verdict = judge_on(stack, found, unseen)
    if figure is not None:
        draw(figure, replace(found, stack=stack), unseen, verdict)
    where = str(on) if on is not None else "the stack trained on"
    emit({**verdict_answer(verdict), "judged_on": where}, as_json=json)
