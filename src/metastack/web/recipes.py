"""What a page can have computed: forms, and the command lines that a filled-in form stands for.

A form's field is an option of a command, and says nothing of what it may be: the command refuses,
in its own words, and `field_of` finds the field that the words are about.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ..errors import require
from ..files.wording import shown

_MOST_LETTERS = 200


class Kind(StrEnum):
    """How a field is filled in."""

    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"
    CHOICE = "choice"
    FLAG = "flag"
    FILE = "file"


@dataclass(frozen=True)
class Field:
    """A field of a form. `option`: of the command line. A file is copied under the field's name.

    `group`: the heading that it stands under. `more`: shown only where somebody asks for more.
    """

    name: str
    label: str
    kind: Kind = Kind.NUMBER
    option: str = ""
    default: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    group: str = ""
    more: bool = False

    def is_file(self, value: str) -> bool:
        """Whether a value is a file: always, or where it is none of the other choices."""
        return self.kind is Kind.FILE or (bool(self.suffixes) and value not in (*self.choices, ""))

    def arguments(self, value: str) -> list[str]:
        """What the value adds to a command line; one word an option, so that none becomes another.

        Raises:
            InputError: a value that is far too long.
        """
        require(
            len(value) <= _MOST_LETTERS,
            f"`{self.option}` must be at most {_MOST_LETTERS} letters, but is {shown(value)}.",
        )
        if not value:
            return []
        if self.kind is Kind.FLAG:
            return [self.option]
        values = value.split(";") if self.kind is Kind.TEXTS else [value]
        return [f"{self.option}={each.strip()}" for each in values if each.strip()]


@dataclass(frozen=True)
class Step:
    """A command with its files, and the fields that are its options.

    `{name}` in a word is the file of that field, as it is called in the job's folder.
    """

    words: tuple[str, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A form, and the commands that it runs one after the other in one folder."""

    name: str
    title: str
    button: str
    fields: tuple[Field, ...]
    steps: tuple[Step, ...]

    def lines(self, given: Mapping[str, str], files: Mapping[str, str]) -> list[list[str]]:
        """The arguments of every command. `files`: what the files of fields are called.

        Raises:
            InputError: a value that is far too long.
        """
        return [self._line(step, given, files) for step in self.steps]

    def _line(self, step: Step, given: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
        options = [
            word
            for field in self.fields
            if field.name in step.fields
            for word in field.arguments(files.get(field.name) or given.get(field.name, ""))
        ]
        return [word.format(**files) for word in step.words] + options

    def field_of(
        self, sentence: str, files: Mapping[str, str], changes: Mapping[str, str]
    ) -> str | None:
        """The field that a refusal is about: by its option, a number of its stack, or its file."""
        options = [(field.option, field.name) for field in self.fields if field.option]
        by_option = dict(options) | {f"`{_key(option)}`": name for option, name in options}
        by_change = {f"`{key}`": f"stack.{key}" for key in changes}
        by_file = {file: name for name, file in files.items()}
        return named_in(sentence, by_change | by_option) or named_in(sentence, by_file)


def _key(option: str) -> str:
    """The name of an option where no command line is spoken of."""
    return option.removeprefix("--").replace("-", "_")


def named_in(sentence: str, names: Mapping[str, str]) -> str | None:
    """What stands for the first of the names that the sentence has as a whole word."""
    places = {
        match.start(): value
        for name, value in names.items()
        if (match := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", sentence))
    }
    return places[min(places)] if places else None


_STACK = Field(
    "stack", "Stack file", Kind.FILE, suffixes=(".toml",), default="example/stack_2x2.toml"
)
_SEED = Field("seed", "Seed", option="--seed", default="0", more=True)
_LOSS = Field(
    "insertion_loss_db",
    "Insertion loss to prescribe (dB)",
    option="--insertion-loss-db",
    hint="Empty: whatever the fit gives.",
)
_METHODS = (
    "default",
    "gradient-descent",
    "adam",
    "lbfgs",
    "coordinate",
    "levenberg-marquardt",
)
_OF_DESIGN = (
    _LOSS,
    Field("method", "Method", Kind.CHOICE, "--method", "default", choices=_METHODS),
    Field("starts", "Starts", option="--starts", default="1"),
    Field("bits", "Bits a phase", option="--bits", hint="Empty: any phase."),
    Field("goal_db", "Stop at this error (dB)", option="--goal-db", default="-100", more=True),
    Field("iterations", "Most iterations of the method", option="--iterations", more=True),
    Field("decay", "Decay of gradient descent", option="--decay", more=True),
    Field("random_start", "Start from random phases", Kind.FLAG, "--random-start", more=True),
    _SEED,
)
DESIGN = Recipe(
    "design",
    "Design",
    "Design",
    (_STACK, *_OF_DESIGN),
    (
        Step(
            ("design", "{stack}", "-o", "design.nc", "--report", "report.html"),
            tuple(field.name for field in _OF_DESIGN),
        ),
    ),
)
TABLE = Recipe(
    "table",
    "FPGA table",
    "Make the table",
    (
        Field("design", "Design", Kind.FILE, suffixes=(".nc",)),
        Field("table_bits", "Bits a phase", option="--bits", default="8"),
    ),
    (Step(("export", "{design}", "-o", "codes.csv"), ("table_bits",)),),
)

_POSE = (
    ("dx_wavelengths", "Lateral, dx (λ)"),
    ("dy_wavelengths", "Vertical, dy (λ)"),
    ("dz_wavelengths", "Axial, dz (λ)"),
    ("rx_deg", "Tilt about x (°)"),
    ("ry_deg", "Tilt about y (°)"),
    ("rz_deg", "Turn in plane, rz (°)"),
)


def _tolerances(*defaults: str) -> tuple[Field, ...]:
    """How far layers may be off, in the order of `_POSE`."""
    return tuple(
        Field(
            name,
            label,
            option=f"--{name.replace('_', '-')}",
            default=default,
            group="Tolerances: how far layers may be off",
        )
        for (name, label), default in zip(_POSE, defaults, strict=True)
    )


_TOLD = tuple(name for name, _ in _POSE)
_FIT = (
    Field(
        "strategy",
        "Strategy",
        Kind.CHOICE,
        "--strategy",
        "geometric",
        hint="Or an uploaded file of codebook build or learn, with its own tolerances.",
        choices=("geometric",),
        suffixes=(".npz",),
    ),
    Field(
        "gain",
        "Unknown gains",
        Kind.CHOICE,
        "--gain",
        "one",
        choices=("one", "per-port", "per-slot", "known"),
    ),
    Field("no_prior", "Tolerances do not say by how much", Kind.FLAG, "--no-prior", more=True),
    Field("atoms", "A gain for every atom", Kind.FLAG, "--atoms", more=True),
    Field("stuck", "Look for stuck and dead atoms", Kind.FLAG, "--stuck", more=True),
    _SEED,
)
_FITTED = (*_TOLD, *(field.name for field in _FIT))
_FAR = Field(
    "far",
    "Plane waves (θ°,φ°; …)",
    Kind.TEXTS,
    "--far",
    hint="Empty: every input port is fed by itself.",
)
_LIT = (
    _FAR,
    Field("near", "Users (azimuth°,elevation°,metres; …)", Kind.TEXTS, "--near", more=True),
)
_OUTPUTS = ("-o", "calibrated.toml", "--matrices", "matrices.npz", "--report", "report.html")
PULL = Recipe(
    "pull",
    "Build and calibrate",
    "Build, measure, calibrate",
    (
        _STACK,
        Field("slots", "Pilots", option="--slots", default="100"),
        Field("snr_db", "SNR of an antenna (dB)", option="--snr-db", default="30"),
        replace(_FAR, default="20,35"),
        *_LIT[1:],
        *_tolerances("0.05", "0.05", "0.01", "0", "0", "0.3"),
        *_FIT,
    ),
    (
        Step(
            ("simulate", "pilots", "built.toml", "-o", "pilots.nc"),
            ("slots", "snr_db", "far", "near", "seed"),
        ),
        Step(
            ("calibrate", "fit", "{stack}", "pilots.nc", "--truth", "built.toml", *_OUTPUTS),
            _FITTED,
        ),
    ),
)
_PILOTS = Field(
    "pilots",
    "Pilots file",
    Kind.FILE,
    suffixes=(".nc", ".npz", ".mat", ".h5"),
    hint=".nc, .npz, .mat",
)
_WRITTEN = (
    Field("conjugate", "Responses in time e^{+jωt}", Kind.FLAG, "--conjugate", more=True),
    Field("negate_phases", "Phases counted as delays", Kind.FLAG, "--negate-phases", more=True),
    Field("noise_variance", "Noise variance", option="--noise-variance", more=True),
)
_AS_WRITTEN = tuple(field.name for field in _WRITTEN)
CALIBRATE = Recipe(
    "calibrate",
    "Calibrate from pilots",
    "Calibrate",
    (
        _STACK,
        _PILOTS,
        *_LIT,
        *_tolerances("0", "0.01", "0.001", "0", "0", "0.01"),
        *_FIT,
        *_WRITTEN,
    ),
    (
        Step(
            ("calibrate", "fit", "{stack}", "{pilots}", *_OUTPUTS),
            (*_FITTED, "far", "near", *_AS_WRITTEN),
        ),
    ),
)
_PORTS = (
    Field("feeds", "Feeds", option="--feeds"),
    Field("layers", "Layers", option="--layers"),
    Field("atoms_of_layer", "Atoms a layer", option="--atoms"),
)
_JUDGED = (
    Field("hold_out", "Configurations held out", option="--hold-out", hint="Empty: a tenth."),
    Field("snr_db", "SNR of the pilots (dB)", option="--snr-db", hint="Empty: found from them."),
    Field("reference_ohm", "Reference (Ω)", option="--reference-ohm", more=True),
    Field("most_gain", "Most power gain", option="--most-gain", default="1.01", more=True),
)
NETWORK = Recipe(
    "network",
    "Calibrate a network",
    "Calibrate",
    (
        Field(
            "designed",
            "Designed network",
            Kind.FILE,
            suffixes=(".npz", ".mat", ".sNp"),
            hint=".sNp, .npz",
        ),
        _PILOTS,
        *_PORTS,
        *_JUDGED,
        *_WRITTEN,
        _SEED,
    ),
    (
        Step(
            (
                *("calibrate", "network", "{designed}", "{pilots}", "-o", "built.npz"),
                *("--figure", "held_out.png", "--report", "report.html"),
            ),
            (
                *(field.name for field in (*_PORTS, *_JUDGED)),
                *_AS_WRITTEN,
                "seed",
            ),
        ),
    ),
)
REDESIGN = Recipe(
    "redesign",
    "Design again",
    "Design again",
    (
        Field("calibrated", "Calibrated stack", Kind.FILE, suffixes=(".toml",)),
        Field("design", "Go on from", Kind.FILE, suffixes=(".nc",)),
        _LOSS,
        _SEED,
    ),
    (
        Step(
            (
                "design",
                "{calibrated}",
                "-o",
                "redesign.nc",
                "--report",
                "report.html",
                "--resume={design}",
            ),
            ("insertion_loss_db", "seed"),
        ),
    ),
)
RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe for recipe in (DESIGN, TABLE, PULL, CALIBRATE, NETWORK, REDESIGN)
}
