"""`metastack system classify`: phases with which a stack classifies images."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import (
    AsJson,
    Seed,
    StackPath,
    command_line,
    refuse_overwriting,
    require_writable,
)
from .output import emit
from .tolerances import PUBLISHED, SOUND_ATOMS, AtomErrors, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..files.classifier_file import ImageSource
    from ..stack import Stack
    from ..systems.classification import Classifier, Exposure, LabelledImages, Schedule, Verdict

_HELD_OUT_PARTS = 5
# Images are held out by a seed of their own: a training that goes on with another seed must not
# have seen them.
_SPLIT_SEED = 0


class EncodingName(StrEnum):
    """How images enter, on the command line."""

    AMPLITUDE = "amplitude"
    PHASE = "phase"


class DetectorName(StrEnum):
    """How classes are read, on the command line."""

    BRIGHTEST = "brightest"
    DIFFERENTIAL = "differential"


@dataclass(frozen=True)
class Reading:
    """How images enter and how classes are read."""

    encoding: Annotated[
        EncodingName | None,
        typer.Option(
            help="Pixels as amplitudes, or as phases from 0 to π (amplitude; with --from its own)."
        ),
    ] = None
    detectors: Annotated[
        DetectorName | None,
        typer.Option(
            help="A region of receivers a class, or two: one for it, one against it (brightest; "
            "with --from its own)."
        ),
    ] = None


@dataclass(frozen=True)
class Pace:
    """How long and how fast to train."""

    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Passes through all images (60; with --from 10); few bits take twice.",
        ),
    ] = None
    batch: Annotated[int, typer.Option(min=1, help="Images a step.")] = 100
    learning_rate_rad: Annotated[
        float | None, typer.Option(help="First rate of Adam (.2; with --from .05).")
    ] = None


@option_groups
def classify(
    stack: StackPath,
    images: Annotated[
        str,
        typer.Option(help="digits, mnist, or a file (.npz, .mat) with `pixels` and `labels`."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write (.nc).")],
    held_out: Annotated[
        int | None,
        typer.Option(min=1, help="Images to judge by, never trained on (a fifth of all)."),
    ] = None,
    shrink: Annotated[
        int, typer.Option(min=1, help="Make images smaller: the mean of so many pixels a side.")
    ] = 1,
    reading: Reading = Reading(),
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Allow only 2^bits phases an atom.")
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option("--from", help="Go on from the phases of this file, on the stack given."),
    ] = None,
    pace: Pace = Pace(),
    vaccinate: Annotated[
        bool,
        typer.Option(
            "--vaccinate", help="Every batch meets another stack, built within the tolerances."
        ),
    ] = False,
    tolerances: Tolerances = PUBLISHED,
    atom_errors: AtomErrors = SOUND_ATOMS,
    seed: Seed = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw what it does (.png, .svg, .pdf).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Train the phases of a stack to classify images, and judge them by images held out.

    The input layer carries an image, one pixel an element; receivers measure energies, and the
    class is that of the highest score. The same images are held out whatever the seed. Ctrl-C ends
    the training and writes the best phases until then.
    """
    import numpy as np

    from ..design import GivenPhases
    from ..files import Provenance, read_stack
    from ..files.classifier_file import ImageSource, write_classifier
    from ..systems.classification import judge, rounding_course, train, train_rounding
    from .design import with_bits
    from .progress import EpochProgress

    require_writable(output, ".nc")
    require_writable(figure, ".png", ".svg", ".pdf")
    refuse_overwriting(output, start_from)
    description = read_stack(stack)
    if bits is not None:
        description = with_bits(description, bits)
    labelled = images_of(images, shrink)
    source = ImageSource(images, shrink, held_out or len(labelled) // _HELD_OUT_PARTS)
    before = _before(start_from, source)
    taught, unseen = split(labelled, source)
    schedule = _schedule(pace, retraining=start_from is not None)
    from_free = not description.stack.atoms.is_smooth and start_from is None
    further = rounding_course(schedule).epochs if from_free else 0
    with EpochProgress(schedule.epochs + further) as progress:
        found = (train_rounding if from_free else train)(
            description.stack,
            taught,
            **_reading_of(description.stack, reading, labelled.classes, before),
            schedule=schedule,
            exposure=_exposure(description.stack, tolerances, atom_errors, vaccinate=vaccinate),
            start=None if before is None else GivenPhases(before.phases_rad),
            seed=seed,
            dtype=np.float32,
            on_epoch=progress,
        )
    write_classifier(found, source, output, provenance=Provenance.current(command_line()))
    verdict = judge_on(found.stack, found, unseen)
    seen = judge(
        found.stack,
        found.phases_rad,
        taught,
        detectors=found.detectors,
        encoding=found.encoding,
    )
    if figure is not None:
        draw(figure, found, unseen, verdict)
    answer = {
        **verdict_answer(verdict),
        "accuracy_on_images_trained_on": seen.accuracy,
        "epochs": len(found.losses),
        "loss": float(found.losses[-1]),
        "seconds": found.seconds,
        "outcome": found.outcome.value,
        "seed": seed,
        "output": str(output),
    }
    emit(answer, as_json=json)
    _stop_if_interrupted(found)


def images_of(name: str, shrink: int) -> "LabelledImages":
    """The images that a name or a file stands for.

    Raises:
        InputError: neither a name that is known nor a file that can be read.
    """
    from ..errors import require
    from ..files.images_file import read_images
    from ..systems.classification import DATASETS

    require(
        name in DATASETS or Path(name).suffix,
        f"`--images` must be {', '.join(DATASETS)} or a file, but is {name!r}.",
    )
    images = DATASETS[name]() if name in DATASETS else read_images(name)
    return images.shrunk(shrink)


def split(
    images: "LabelledImages", source: "ImageSource"
) -> "tuple[LabelledImages, LabelledImages]":
    """Images to train on and images held out, the same in every command."""
    return images.split(source.held_out, seed=_SPLIT_SEED)


def judge_on(stack: "Stack", classifier: "Classifier", images: "LabelledImages") -> "Verdict":
    """What a trained classifier makes of images on any stack of its size."""
    from ..systems.classification import judge

    return judge(
        stack,
        classifier.phases_rad,
        images,
        detectors=classifier.detectors,
        encoding=classifier.encoding,
    )


def verdict_answer(verdict: "Verdict") -> dict[str, Any]:
    """What there is to say of a verdict."""
    low, high = verdict.interval()
    return {
        "accuracy": verdict.accuracy,
        "accuracy_interval_95": [low, high],
        "images_judged": verdict.images,
        "insertion_loss_db": verdict.insertion_loss_db,
    }


def draw(
    path: Path, classifier: "Classifier", images: "LabelledImages", verdict: "Verdict"
) -> None:
    """Write the picture of a classifier."""
    from ..files import replacing
    from ..report import classification_figure

    figure = classification_figure(classifier, images, verdict)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=300)


def _schedule(pace: Pace, *, retraining: bool) -> "Schedule":
    from dataclasses import replace

    from ..systems.classification import RETRAINING, Schedule

    usual = RETRAINING if retraining else Schedule()
    given = {"epochs": pace.epochs, "learning_rate_rad": pace.learning_rate_rad}
    told = {name: value for name, value in given.items() if value is not None}
    return replace(usual, batch=pace.batch, **told)


def _reading_of(
    stack: "Stack", reading: Reading, classes: int, before: "Classifier | None"
) -> dict[str, Any]:
    """What was asked for; else what the classifier before had; else the usual."""
    from ..files.classifier_file import DETECTORS, ENCODINGS

    kind, name = reading.encoding, reading.detectors
    encoding = ENCODINGS[kind or EncodingName.AMPLITUDE]()
    detectors = DETECTORS[name or DetectorName.BRIGHTEST].on(stack.receiver_array, classes)
    if before is None:
        return {"detectors": detectors, "encoding": encoding}
    return {
        "detectors": before.detectors if name is None else detectors,
        "encoding": before.encoding if kind is None else encoding,
    }


def _exposure(
    stack: "Stack", tolerances: Tolerances, atom_errors: AtomErrors, *, vaccinate: bool
) -> "Exposure":
    from ..errors import require
    from ..systems.classification import GivenStack, Vaccination

    require(
        vaccinate or (tolerances, atom_errors) == (PUBLISHED, SOUND_ATOMS),
        "Tolerances are those that images meet in training: they need `--vaccinate`.",
    )
    if not vaccinate:
        return GivenStack()
    return Vaccination(imperfections_of(stack, tolerances, atom_errors))


def _before(path: Path | None, source: "ImageSource") -> "Classifier | None":
    """What to go on from, if it was trained without the images that are held out now."""
    if path is None:
        return None
    from ..errors import require
    from ..files.classifier_file import read_classifier

    classifier, before = read_classifier(path)
    require(
        before == source,
        f"Training must go on with the images that it began with, {before.images} shrunk by "
        f"{before.shrink} with {before.held_out} held out, but these are {source.images} shrunk "
        f"by {source.shrink} with {source.held_out} held out: images to be judged by were "
        "trained on.",
    )
    return classifier


def _stop_if_interrupted(classifier: "Classifier") -> None:
    """End the command as Ctrl-C would have, once what was found is written."""
    from ..design import Outcome

    if classifier.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
