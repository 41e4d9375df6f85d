"""What a page can have computed: each form with the commands that it runs."""

from collections.abc import Mapping
from dataclasses import replace

from .forms import Field, Kind, Recipe, Step

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
        Step(("evaluate", "{design}", "{calibrated}")),
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
