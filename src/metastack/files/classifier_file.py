"""Classifier files: netCDF with phases that classify, how images enter and are read, the stack.

They also say which images were held out, so that none that was trained on is judged by.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import require
from ..systems.classification import (
    AmplitudeEncoding,
    BrightestRegion,
    Classifier,
    Detectors,
    DifferentialRegions,
    Encoding,
    PhaseEncoding,
)
from .design_parts import (
    MADE_BY,
    array_of,
    check_phases,
    number,
    outcome_of,
    read_made_by,
    stack_of,
)
from .netcdf import attribute, load_netcdf, netcdf_errors, save_netcdf, variable
from .provenance import Provenance
from .stack_file import stack_text
from .wording import naming, shown

if TYPE_CHECKING:
    import xarray as xr

KIND = "classifier"

ENCODINGS: dict[str, type[AmplitudeEncoding] | type[PhaseEncoding]] = {
    "amplitude": AmplitudeEncoding,
    "phase": PhaseEncoding,
}
DETECTORS: dict[str, type[BrightestRegion] | type[DifferentialRegions]] = {
    "brightest": BrightestRegion,
    "differential": DifferentialRegions,
}


@dataclass(frozen=True)
class ImageSource:
    """Where images came from: a name or a file, made smaller by `shrink`, so many held out."""

    images: str
    shrink: int
    held_out: int


def write_classifier(
    classifier: Classifier, source: ImageSource, path: Path | str, *, provenance: Provenance
) -> None:
    """Write a classifier with its whole stack, so that the file stands alone.

    Raises:
        InputError: a kind of model or atom that stack files do not know; the file cannot be
            written.
    """
    made_by = {f"{MADE_BY}{name}": value for name, value in asdict(provenance).items()}
    encoding = classifier.encoding
    about: dict[str, str | int | float] = {
        "title": "Phases of a stacked intelligent metasurface that classifies images",
        "stack_toml": stack_text(classifier.stack),
        "encoding": _name_of(ENCODINGS, encoding),
        "encoding_range_rad": float(getattr(encoding, "range_rad", 0.0)),
        "detectors": _name_of(DETECTORS, classifier.detectors),
        "sharpness": float(classifier.detectors.sharpness),
        "outcome": classifier.outcome.name,
        "seed": str(classifier.seed),
        **asdict(source),
        **made_by,
    }
    save_netcdf(path, kind=KIND, variables=_variables(classifier), attributes=about)


def read_classifier(path: Path | str) -> tuple[Classifier, ImageSource]:
    """The classifier that `write_classifier` wrote, exactly, and where its images came from.

    Raises:
        InputError: the file cannot be read, is of another kind, or does not fit its own stack.
    """
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        classifier = _classifier(dataset)
        check_phases(classifier.phases_rad, classifier.stack)
        regions = np.shape(classifier.detectors.regions)
        receivers = classifier.stack.receiver_array.size
        require(
            len(regions) == 2 and regions[1] == receivers,
            f"`regions` must have one column a receiver, {receivers}, but have shape {regions}.",
        )
        source = ImageSource(
            str(attribute(dataset, "images")),
            int(attribute(dataset, "shrink")),
            int(attribute(dataset, "held_out")),
        )
        return classifier, source


def read_classifier_provenance(path: Path | str) -> Provenance:
    """What wrote a classifier file.

    Raises:
        InputError: the file cannot be read or is of another kind.
    """
    return read_made_by(path, KIND)


def _variables(classifier: Classifier) -> Mapping[str, Any]:
    return {
        "phases_rad": (
            ("layer", "atom"),
            np.asarray(classifier.phases_rad, float),
            {"units": "rad", "long_name": "phase asked of each atom, x fastest"},
        ),
        "regions": (
            ("region", "receiver"),
            np.asarray(classifier.detectors.regions, float),
            {"units": "1", "long_name": "weight of each receiver in each region"},
        ),
        "losses": (
            ("epoch",),
            classifier.losses,
            {"units": "1", "long_name": "mean cross entropy while training, nats"},
        ),
        "shares_right": (
            ("epoch",),
            classifier.shares_right,
            {"units": "1", "long_name": "share of images read rightly while training"},
        ),
        "seconds": number(classifier.seconds, "s", "time that the training took"),
    }


def _classifier(dataset: "xr.Dataset") -> Classifier:
    return Classifier(
        stack=stack_of(attribute(dataset, "stack_toml")),
        phases_rad=array_of(dataset, "phases_rad"),
        detectors=_detectors(dataset),
        encoding=_encoding(dataset),
        losses=array_of(dataset, "losses"),
        shares_right=array_of(dataset, "shares_right"),
        outcome=outcome_of(attribute(dataset, "outcome")),
        seconds=float(variable(dataset, "seconds")),
        seed=int(attribute(dataset, "seed")),
    )


def _detectors(dataset: "xr.Dataset") -> Detectors:
    kind = DETECTORS[_known(dataset, "detectors", DETECTORS)]
    return kind(array_of(dataset, "regions"), float(attribute(dataset, "sharpness")))


def _encoding(dataset: "xr.Dataset") -> Encoding:
    if _known(dataset, "encoding", ENCODINGS) == "amplitude":
        return AmplitudeEncoding()
    return PhaseEncoding(float(attribute(dataset, "encoding_range_rad")))


def _known(dataset: "xr.Dataset", name: str, kinds: Mapping[str, type]) -> str:
    found = attribute(dataset, name)
    require(
        isinstance(found, str) and found in kinds,
        f"`{name}` must be one of {', '.join(kinds)}, but is {shown(found)}.",
    )
    return str(found)


def _name_of(kinds: Mapping[str, type], thing: object) -> str:
    names = [name for name, kind in kinds.items() if type(thing) is kind]
    require(
        bool(names),
        f"A classifier file knows {', '.join(kinds)}, but not {type(thing).__name__}.",
    )
    return names[0]
