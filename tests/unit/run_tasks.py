"""Tasks for tests of runs, for every process to import; as a program, a run that can be killed."""

import errno
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from metastack import InputError
from metastack.study.runs import Cluster, InProcess, Processes, RunFolder, RunInputs, run_units
from metastack.study.units import Unit


def square(*, number, seconds=0.0):
    """Its square, and noise that depends on nothing but the number."""
    time.sleep(seconds)
    noise = np.random.default_rng(number).standard_normal(5)
    return {"square": number**2, "noise": noise, "is_even": number % 2 == 0}


def counted(*, number, folder, seconds=0.0):
    """The same, leaving a line in a file for every time that it is begun."""
    with (Path(folder) / f"{number}.count").open("a") as file:
        file.write("x")
    return square(number=number, seconds=seconds)


def refusing(*, number):
    """The same, but 3 cannot be used."""
    if number == 3:
        raise InputError("`number` must not be 3, but is 3.")
    return square(number=number)


def on_a_full_disk():
    """What `files.replacing` makes of a full disk."""
    raise InputError("cannot be written") from OSError(errno.ENOSPC, "No space left on device")


def interrupted(*, number):
    """The second one gets Ctrl-C, and ends early with what it has."""
    try:
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
    except KeyboardInterrupt:
        pass
    return square(number=number)


def broken(*, number):
    """A fault of our own."""
    raise ZeroDivisionError(f"number {number}")


def whose(*, number):
    """The process that computes it."""
    return {"pid": os.getpid()}


def deadly(*, number):
    """Kills the process that computes it."""
    os.kill(os.getpid(), 9)


def inputs(units, **other):
    """What a run of these units is asked."""
    given = {"kind": "test", "name": "squares", "fingerprint": "f", "seed": 0, "command": "test"}
    return RunInputs(units=len(units), points=len(units), **{**given, **other})


def squares(count, seconds=0.0, task=square, **arguments):
    """Units of the first numbers."""
    more = {"seconds": seconds, **arguments} if task in (square, counted) else arguments
    return [Unit(task, {"number": number, **more}) for number in range(count)]


def executor_of(name):
    """By "here", "processes:2" or a scheduler's address."""
    if name == "here":
        return InProcess()
    kind, _, rest = name.partition(":")
    return Processes(int(rest)) if kind == "processes" else Cluster(name)


class Dots:
    """A dot at once for every unit that is finished now, none for those that were before."""

    def __init__(self):
        self.earlier = True

    def __call__(self, count):
        sys.stdout.write("" if self.earlier else "." * count)
        sys.stdout.flush()
        self.earlier = False


def main(folder, counts, count, seconds, executor):
    """Begin or go on with a run, saying a dot for every finished unit."""
    units = squares(int(count), float(seconds), counted, folder=counts)
    run = RunFolder.begin(Path(folder), inputs(units), {})
    with run.alone():
        run_units(
            units,
            run,
            executor=executor_of(executor),
            on_points=Dots(),
        )


def program():
    """`main` with the arguments of the command line; what cannot be used is one line."""
    try:
        main(*sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
