"""`metastack models`: what the interlayer models say of a stack."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .network_options import NetworkPilotsPath
from .options import AsJson, Seed, StackPath, Starts, require_writable
from .output import emit, warn

if TYPE_CHECKING:
    from ..stack import Stack
    from ..study import HopKind, ModelOfHop

app = typer.Typer(no_args_is_help=True, help="Interlayer models: how the wave crosses a gap.")


@app.command("compare")
def compare(
    stack: StackPath,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also draw entries against distance (.png, .svg, .pdf)."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare the interlayer models on every kind of hop of a stack.

    Differences are from the stack's own model, after the best complex scale. Warns where a hop
    creates power and where a gap is shorter than a model holds for.
    """
    from ..files import read_stack
    from ..study import compare_models, hop_kinds, name_of

    require_writable(figure, ".png", ".svg", ".pdf")
    description = read_stack(stack)
    device = description.stack
    kinds, rows = hop_kinds(device), compare_models(device)
    answer: dict[str, Any] = {"stack": description.name, "own_model": name_of(device.model)}
    if figure is not None:
        _draw(device, kinds, figure)
        answer["figure"] = str(figure)
    wavelength_m = float(device.wavelength_m)
    answer["hops"] = [
        {
            "hop": kind.name,
            "alike": kind.alike,
            "elements": f"{kind.start.array.size} to {kind.end.array.size}",
            "gap_wavelengths": kind.gap_m / wavelength_m,
        }
        for kind in kinds
    ]
    answer["models"] = [_row(row, wavelength_m) for row in rows]
    emit(answer, as_json=json)
    _warn(rows, wavelength_m)


@app.command("fit")
def fit(
    stack: StackPath,
    pilots: NetworkPilotsPath,
    shown: Annotated[
        int, typer.Option(min=1, help="Configurations to fit to, the first; others judge.")
    ],
    network: Annotated[
        Path | None,
        typer.Option(
            help="Network that was designed (.sNp, .npz, .mat): it and its product as they are.",
            show_default=False,
        ),
    ] = None,
    reference_ohm: Annotated[
        float | None, typer.Option(help="Reference of the network's ports, if its file has none.")
    ] = None,
    starts: Starts = 3,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Fit a product of matrices by every model to a measured device, and judge by held-out pilots.

    Free are poses of all layers (dy, dz, rz), what a model has as its own, and a complex gain; in
    the last row every entry of every matrix. Each feed of the device must be fed by itself.
    """
    from dataclasses import asdict

    from ..files import read_network, read_stack
    from ..files.network_pilots_file import read_network_pilots
    from ..multiport import Device
    from ..study import fit_products

    device, stored = read_stack(stack).stack, read_network_pilots(pilots)
    designed = None
    if network is not None:
        layers, atoms = device.phases_shape
        designed = Device.of(
            read_network(network, reference_ohm=reference_ohm or stored.reference_ohm),
            feeds=device.input_array.size,
            layers=layers,
            atoms=atoms,
        )
    fits = fit_products(
        device,
        stored.pilots,
        shown=shown,
        designed=designed,
        starts=starts,
        seed=seed,
        on_fit=lambda row: typer.echo(
            f"fit: {row.model}, {row.held_out_nmse_db:.1f} dB held out", err=True
        ),
    )
    emit({"stack": str(stack), "products": [asdict(row) for row in fits]}, as_json=json)


def _row(row: "ModelOfHop", wavelength_m: float) -> dict[str, Any]:
    return {
        "hop": row.hop,
        "model": row.model,
        "difference_db": row.difference_db,
        "insertion_loss_db": row.insertion_loss_db,
        "largest_gain": row.largest_gain,
        "passive": row.is_passive,
        "holds_from_wavelengths": row.nearest_m / wavelength_m,
        "in_range": row.is_in_range,
    }


def _warn(rows: Sequence["ModelOfHop"], wavelength_m: float) -> None:
    """One line a model and trouble, naming the hops."""
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model]
        if active := [row for row in own if not row.is_passive]:
            most = max(row.largest_gain for row in active)
            warn(
                f"{model} creates power on {_named(active)}: the largest singular value is "
                f"{most:.6g}, above 1 no device is passive."
            )
        if near := [row for row in own if not row.is_in_range]:
            least = min(row.gap_m for row in near) / wavelength_m
            warn(
                f"{model} does not hold on {_named(near)}: the gap is {least:.3g} λ, below "
                f"{near[0].nearest_m / wavelength_m:.3g} λ, and {near[0].because}."
            )


def _named(rows: Sequence["ModelOfHop"]) -> str:
    shown = ", ".join(row.hop for row in rows[:5])
    return f"hop{'s' if len(rows) > 1 else ''} {shown}{', …' if len(rows) > 5 else ''}"


def _draw(stack: "Stack", kinds: Sequence["HopKind"], path: Path) -> None:
    """The hop with most entries, which is one between layers where there is one."""
    from ..report import models_figure
    from ..study import model_profiles
    from .doa import save_figure

    largest = max(kinds, key=lambda kind: kind.start.array.size * kind.end.array.size)
    gap = largest.gap_m / float(stack.wavelength_m)
    title = f"from plane {largest.leaves} to plane {largest.leaves + 1}, gap {gap:.3g} λ"
    save_figure(models_figure(model_profiles(stack, largest), title), path)
