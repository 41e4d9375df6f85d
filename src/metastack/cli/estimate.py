"""`metastack system estimate`: the channel of a user, read through a stack."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .estimate_answer import beliefs_compared, patterns_compared, row, warn_of_left_out
from .estimate_options import AS_RATIO, Signal, known_names, slot_counts
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..stack import Stack
    from ..study.channel_estimates import EstimatePoint, Site


@option_groups
def estimate(
    stack: StackPath,
    slots: Annotated[
        str | None,
        typer.Option(
            help="Patterns shown, or several numbers of them: 16,32. Without it, two readings an "
            "atom. Every pattern stays for as many slots as there are users."
        ),
    ] = None,
    signal: Signal = AS_RATIO,
    patterns: Annotated[
        str, typer.Option(help="Of random, fourier, designed, separated by commas.")
    ] = "random,designed",
    estimators: Annotated[
        str | None,
        typer.Option(
            help="Of ls, subspace, lmmse. Without it, all that the slots allow.",
            show_default=False,
        ),
    ] = None,
    users: Annotated[int, typer.Option(min=1, help="Users, by orthogonal pilots.")] = 1,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Atoms have only 2^bits phases.")
    ] = None,
    built: Annotated[
        Path | None, typer.Option(help="The stack that is really there (.toml), not STACK.")
    ] = None,
    calibrated: Annotated[
        Path | None, typer.Option(help="With --built: what calibration made of STACK (.toml).")
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Channels to simulate.")] = 500,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw NMSE over SNR and slots (.png, .svg, .pdf).")
    ] = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Estimate a channel from few antennas and many phase patterns, beside its bounds.

    Rayleigh fading of isotropic scattering on the first layer; errors over the mean power of the
    channel, with 95 % intervals. With --built, estimators believe in STACK, in the calibrated
    stack, and in the built one. Ctrl-C stops the design of patterns and prints what is there.
    """
    import jax

    from ..design import Outcome
    from ..errors import require
    from ..files import read_stack
    from ..study.channel_estimates import ESTIMATORS, PATTERNS, Draws, check_slots, study_estimates
    from .progress import CountProgress

    require_writable(figure, ".png", ".svg", ".pdf")
    description = read_stack(stack)
    site = _site(description.stack, built, calibrated, users=users, bits=bits)
    snrs = signal.levels_db(float(site.nominal.wavelength_m))
    counts = slot_counts(slots, site.nominal)
    kinds = known_names("--patterns", patterns, list(PATTERNS))
    chosen = list(ESTIMATORS)
    if estimators is not None:
        chosen = known_names("--estimators", estimators, chosen)
        check_slots(site.nominal, counts, chosen)
    points, ended = list["EstimatePoint"](), Outcome.FINISHED
    drawn = Draws(draws, jax.random.key(seed))
    wanted, done = list(product(counts, kinds)), list[tuple[int, str]]()
    with CountProgress("points", len(wanted)) as progress:
        for count, kind in wanted:
            done.append((count, kind))
            found, ended = study_estimates(site, count, snrs, kind, chosen, drawn)
            points += found
            progress.advance(1)
            if ended is Outcome.INTERRUPTED:
                break
    warn_of_left_out(points, done, chosen)
    require(
        bool(points) or ended is Outcome.INTERRUPTED,
        "By these patterns no estimator tells the atoms apart; take more slots or bits, or other "
        "`--patterns`.",
    )
    answer: dict[str, Any] = {
        "stack": description.name,
        "atoms": site.nominal.layer_array.size,
        "antennas": site.nominal.receiver_array.size,
        "layers": site.nominal.layers,
        "users": users,
        "draws": draws,
    }
    if figure is not None:
        _save(points, figure)
        answer["figure"] = str(figure)
    answer["estimates"] = [row(point) for point in points]
    answer["patterns_compared"] = list(patterns_compared(points))
    answer["beliefs_compared"] = list(beliefs_compared(points))
    emit(answer, as_json=json)
    if ended is Outcome.INTERRUPTED:
        raise KeyboardInterrupt


def _site(
    nominal: "Stack", built: Path | None, calibrated: Path | None, *, users: int, bits: int | None
) -> "Site":
    from ..errors import require
    from ..study.channel_estimates import Site
    from ..systems.channel_estimation import ChannelPrior, OrthogonalPilots
    from ..systems.fronts import Receiver

    require(
        calibrated is None or built is not None,
        "`--calibrated` needs `--built`: what was calibrated is judged on what is there.",
    )
    stacks = {"nominal": nominal}
    for name, path in (("calibrated", calibrated), ("built", built)):
        if path is not None:
            stacks[name] = _like(nominal, path, name)
    if bits is not None:
        stacks = {name: _with_bits(each, bits) for name, each in stacks.items()}
    nominal = stacks["nominal"]
    positions_m = Receiver.of(nominal).positions_m
    prior = ChannelPrior.isotropic(positions_m, float(nominal.wavelength_m))
    truth = stacks.get("built", nominal)
    return Site(nominal, truth, stacks, prior, OrthogonalPilots(users))


def _like(nominal: "Stack", path: Path, name: str) -> "Stack":
    from ..errors import require
    from ..files import read_stack

    other = read_stack(path).stack
    wavelengths_m = float(nominal.wavelength_m), float(other.wavelength_m)
    require(
        abs(wavelengths_m[1] / wavelengths_m[0] - 1) < 1e-9,
        f"`--{name}` must have the wavelength of STACK, {wavelengths_m[0]:.6g} m, but has "
        f"{wavelengths_m[1]:.6g} m ({path}).",
    )
    sizes = [(*each.phases_shape, each.receiver_array.size) for each in (nominal, other)]
    require(
        sizes[0] == sizes[1],
        f"`--{name}` must have the layers, atoms and receivers of STACK, {sizes[0]}, but has "
        f"{sizes[1]} ({path}).",
    )
    return other


def _with_bits(stack: "Stack", bits: int) -> "Stack":
    from ..atoms import quantised

    return replace(stack, atoms=quantised(stack.atoms, bits))


def _save(points: "list[EstimatePoint]", path: Path) -> None:
    from ..report.channel_estimates import channel_estimates_figure
    from .doa import save_figure

    save_figure(channel_estimates_figure(points), path)
