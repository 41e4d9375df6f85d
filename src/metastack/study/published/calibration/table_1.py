"""Table I of the calibration paper, whose columns name what works on stacks assume, as what runs.

The paper lists models, errors and variables of other works. Here each of them that metastack has is
executed on one small stack, and the number that came out stands beside it. Left out are the
measurement-based model, for which there would have to be a measurement, and the column of
objectives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....atoms import Atoms, IdealAtoms, QuantisedAtoms, UnequalAtoms
from ....calibration import (
    CumulativeStages,
    GaussNewton,
    Links,
    calibrate_entries,
    matrix_nmse,
    random_plan,
    simulate_pilots,
    through_layers,
)
from ....design import GradientDescent, RandomPhases, design_phases
from ....geometry import Pose
from ....imperfections import Imperfections
from ....report.style import new_figure, styled
from ....targets import dft_2d
from ...model_comparison import compare_models
from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from .case_study import PUBLISHED, case_study, stacks_built, user

# What the paper calls it, and metastack's name of the model.
_MODELS = {
    "Rayleigh-Sommerfeld, Huygens-Fresnel": "rayleigh_sommerfeld",
    "geometric radar model": "radar",
    "near-field model": "near_field",
    "multiport network model": "dipoles",
}
_ERRORS = {"E-I, axial": "dz_m", "E-V, vertical": "dy_m", "E-P, rotation": "rz_rad"}
_ATOMS = ("quantisation, 1 bit", "quantisation, 2 bits", "phase error, 0.1 rad")
_VARIABLES = ("stack's phases, gradient descent", "calibration parameters, entry by entry")
_MISSING = (
    "digital precoder, alternating optimisation",
    "power allocation, alternating optimisation",
)
_PHASE_ERROR_RAD = 0.1


@dataclass(frozen=True)
class Parameters:
    """A stack of 3x3 atoms; the table needs no more."""

    atoms_per_side: int = 3
    layers: int = 4
    stacks: int = 20
    iterations: int = 200
    slots: int = 300
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """Column by column."""
    p = parameters
    size = {"atoms_per_side": p.atoms_per_side, "layers": p.layers}
    return [
        Unit(model_differences, size),
        Unit(error_nmse, {**size, "stacks": p.stacks, "seed": p.seed}),
        Unit(atom_nmse, {**size, "seed": p.seed}),
        Unit(
            variable_nmse,
            {**size, "iterations": p.iterations, "slots": p.slots, "seed": p.seed},
        ),
    ]


def model_differences(*, atoms_per_side: int, layers: int) -> dict[str, np.ndarray]:
    """Of each formula from Rayleigh-Sommerfeld, on the matrix from layer 1 to 2, in dB."""
    stack = case_study(2, atoms_per_side, layers)
    told = {each.model: each for each in compare_models(stack) if each.hop == "1-2"}
    return {"value_db": np.array([told[name].difference_db for name in _MODELS.values()])}


def error_nmse(
    *, atoms_per_side: int, layers: int, stacks: int, seed: int
) -> dict[str, np.ndarray]:
    """Mean NMSE of the layers' matrices with one error alone, as large as in the case study."""
    stack = case_study(2, atoms_per_side, layers)
    ideal = _between(Links.of_stack(stack, user()))
    found = list[float]()
    for name in _ERRORS.values():
        alone = Imperfections(Pose(**{name: getattr(PUBLISHED.tolerance, name)}))
        made = stacks_built(stack, alone, first=0, count=stacks, seed=seed)
        truths = [_between(Links.of_stack(each, user())) for _, each in made]
        found.append(float(np.mean([matrix_nmse(ideal, truth) for truth in truths])))
    return {"value_db": 10 * np.log10(found)}


def _between(links: Links) -> list[np.ndarray]:
    return list(np.asarray(links.between))


def atom_nmse(*, atoms_per_side: int, layers: int, seed: int) -> dict[str, np.ndarray]:
    """NMSE of responses to random phases with atoms of one kind against ideal ones."""
    stack = case_study(2, atoms_per_side, layers)
    matrices = [np.asarray(link) for link in Links.of_stack(stack, user())]
    generator = np.random.default_rng(seed)
    phases_rad = generator.uniform(0, 2 * np.pi, (200, *stack.phases_shape))
    off_rad = _PHASE_ERROR_RAD * generator.normal(size=stack.phases_shape)
    kinds: tuple[Atoms, ...] = (
        QuantisedAtoms(1),
        QuantisedAtoms(2),
        UnequalAtoms(IdealAtoms(), np.exp(1j * off_rad)),
    )
    ideal = np.asarray(through_layers(matrices, np.exp(1j * phases_rad)))
    found = [np.asarray(through_layers(matrices, kind(jnp.asarray(phases_rad)))) for kind in kinds]
    left = [np.sum(np.abs(each - ideal) ** 2) / np.sum(np.abs(ideal) ** 2) for each in found]
    return {"value_db": 10 * np.log10(left)}


def variable_nmse(
    *, atoms_per_side: int, layers: int, iterations: int, slots: int, seed: int
) -> dict[str, np.ndarray]:
    """NMSE of a designed 2x2 DFT, and of pilots of a built stack after calibration."""
    stack = case_study(2, atoms_per_side, layers)
    method = GradientDescent(0.95, iterations)
    (design,) = design_phases(
        stack, dft_2d(2, 2), methods=[method], start_phases=RandomPhases(), starts=1, seed=seed
    )
    ((_, made),) = stacks_built(stack, PUBLISHED, first=0, count=1, seed=seed)
    plan = random_plan(stack, slots, user(), seed=seed)
    pilots = simulate_pilots(made, plan, snr_db=np.inf, key=jax.random.key(seed))
    found = calibrate_entries(stack, pilots, method=GaussNewton(), stages=CumulativeStages(1))
    return {"value_db": np.array([design.nmse_db, 10 * np.log10(found.nmse_after_stage[-1])])}


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """`value_db` of every row; NaN of what metastack does not have."""
    del parameters
    values = np.concatenate([r["value_db"] for r in results])
    missing = np.full(len(_MISSING), np.nan)
    rows = [*_MODELS, *_ERRORS, *_ATOMS, *_VARIABLES, *_MISSING]
    kinds = (
        ["interlayer model"] * len(_MODELS)
        + ["interlayer error"] * len(_ERRORS)
        + ["meta-atom error"] * len(_ATOMS)
        + ["variables, method"] * (len(_VARIABLES) + len(_MISSING))
    )
    return xr.Dataset(
        {"value_db": ("row", np.concatenate([values, missing])), "kind": ("row", kinds)},
        coords={"row": rows},
    )


_MEANING = {
    "interlayer model": "difference from Rayleigh-Sommerfeld",
    "interlayer error": "NMSE of layers' matrices",
    "meta-atom error": "NMSE of responses",
    "variables, method": "NMSE reached",
}


@styled
def draw(data: xr.Dataset) -> Figure:
    """The table."""
    figure = new_figure(0.19 * data.sizes["row"] + 0.5, 7.16)
    axes = figure.add_subplot()
    axes.set_axis_off()
    kinds = [str(kind) for kind in data.kind.values]
    cells = [
        ["" if kind == before else kind, str(row), _MEANING[kind], _told(float(value))]
        for kind, before, row, value in zip(
            kinds, ["", *kinds], data.row.values, data.value_db.values, strict=False
        )
    ]
    titles = ["column of Table I", "executed", "what came out", "dB"]
    table = axes.table(
        cells, colLabels=titles, cellLoc="left", colLoc="left", loc="center", edges="horizontal",
        colWidths=[0.17, 0.39, 0.31, 0.13],
    )  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.scale(1, 1.1)
    for cell in table.get_celld().values():
        cell.set_linewidth(0.4)
    return figure


def _told(value_db: float) -> str:
    if np.isnan(value_db):
        return "not in metastack"
    return "reference" if np.isneginf(value_db) else f"{value_db:.1f}"


def judge(data: xr.Dataset) -> list[Verdict]:
    """How much of the table runs, and which of its errors matters most."""
    run = int((~np.isnan(data.value_db)).sum())
    errors = data.where(data.kind == "interlayer error", drop=True)
    largest, least = (
        errors.isel(row=int(pick(errors.value_db.values))) for pick in (np.argmax, np.argmin)
    )
    others = data.where(data.kind == "interlayer model", drop=True).value_db.values
    others = others[np.isfinite(others)]
    missing = [str(row) for row in data.row.values[np.isnan(data.value_db.values)]]
    left_out = f" Not here: {'; '.join(missing)}." if missing else ""
    return [
        Verdict(
            Judgement.AGREES if not missing else Judgement.DIFFERS,
            f"{run} of {data.sizes['row']} models, errors and variables of the table that are "
            f"tried run here.{left_out} Not tried: the measurement-based model, which needs a "
            "measurement, and the objectives.",
        ),
        Verdict(
            Judgement.NOT_PUBLISHED,
            f"Of the case study's errors {largest.row.item()} does most to the layers' matrices, "
            f"{float(largest.value_db):.1f} dB, and {least.row.item()} least, "
            f"{float(least.value_db):.1f} dB; the choice of the model is worth far more, "
            f"{others.min():.1f} to {others.max():.1f} dB. The paper gives no numbers.",
        ),
    ]


STUDY = Study(
    name="calibration-table-1",
    paper=Paper.CALIBRATION,
    title="Models, errors and variables of stacks in the literature, executed",
    claim="Most works assume an ideal model between layers and no errors of it; the models, errors "
    "and design variables in use are those listed.",
    published=Parameters(),
    quick=Parameters(stacks=5),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
