"""`python -m benchmarks`: all quick benchmarks; `python -m benchmarks NAME…`: these."""

import argparse
import os
from collections.abc import Callable, Iterator

from . import (
    accuracy,
    calibration_batch,
    calibration_per_entry,
    calibration_strategies,
    design_2x2,
    design_4x4,
    design_8x8,
    doa_estimators,
    doa_monte_carlo,
    holographic,
    lab,
    memory,
    multiport,
    operators,
    startup,
    sweep_ablation,
    throughput,
)
from .rows import HEADER, Row

QUICK: dict[str, Callable[[], Iterator[Row]]] = {
    "design2": design_2x2.rows,
    "design4": design_4x4.rows,
    "throughput": throughput.rows,
    "memory": memory.rows,
    "startup": startup.rows,
    "accuracy2": accuracy.rows_2x2,
    "montecarlo": doa_monte_carlo.rows,
    "estimators": doa_estimators.rows,
    "batch": calibration_batch.rows,
    "multiport": multiport.rows,
}
SLOW: dict[str, Callable[[], Iterator[Row]]] = {
    "operators": operators.rows,
    "accuracy4": accuracy.rows_4x4,
    "design8": design_8x8.rows,
    "per-entry": calibration_per_entry.rows,
    "strategies": calibration_strategies.rows,
    "holographic": holographic.rows,
    "sweep": sweep_ablation.rows,
    "lab": lab.rows,
}
WIDTHS = (74, 10, 24, 22, 10, 7)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list; default: the quick")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    arguments = parser.parse_args()
    everything = QUICK | SLOW
    if unknown := [name for name in arguments.names if name not in everything]:
        parser.error(f"`NAME` must be one of {', '.join(everything)}, but is {unknown[0]}.")
    if arguments.list:
        for name in everything:
            print(f"{name:12} {'slow, by name only' if name in SLOW else 'quick'}")
        return
    _print_table([everything[name] for name in arguments.names or QUICK])


def _print_table(benchmarks: list[Callable[[], Iterator[Row]]]) -> None:
    """Print every row as soon as it is there."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    _print_cells(HEADER)
    for rows in benchmarks:
        for row in rows():
            _print_cells(row.cells())


def _print_cells(cells: tuple[str, ...]) -> None:
    padded = (f"{cell:{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    print(" | ".join(padded).rstrip(), flush=True)


if __name__ == "__main__":
    main()
