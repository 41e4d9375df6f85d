"""Runs: units computed anywhere, kept one by one in a folder, never computed twice."""

from .cluster import Cluster
from .executors import Executor, InProcess, Outcome, Processes, Refused
from .folder import RunFolder, RunInputs
from .index import RunEntry, RunIndex
from .running import A_DAY_S, run_units
from .version import code_version

__all__ = [
    "A_DAY_S",
    "Cluster",
    "Executor",
    "InProcess",
    "Outcome",
    "Processes",
    "Refused",
    "RunEntry",
    "RunFolder",
    "RunIndex",
    "RunInputs",
    "code_version",
    "run_units",
]
