"""Units on a Dask cluster: an existing scheduler, its workers wherever they are.

Needs `metastack[cluster]`, and the same metastack on every worker. Machines by SSH, or a SLURM
queue by dask-jobqueue, are started as their documentation says; only the scheduler's address counts
here.

Source: the documentation of dask.distributed, "Futures".
"""

import logging
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...errors import InputError, require
from ..units import Unit
from .executors import Outcome, Outcomes, attempt
from .version import code_version

_CONNECT_S, _FIRST_WORKER_S = 8, 60
# Units on their way to each worker beside the one that it computes.
_AHEAD = 1


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask scheduler. A unit whose worker is lost goes to another one."""

    address: str

    def check(self) -> None:
        """Look whether the cluster is there.

        Raises:
            InputError: as when it computes.
        """
        with _connected(self.address) as client, _losing(self.address):
            _check_workers(client, self.address)

    def __call__(self, units: Sequence[Unit]) -> Outcomes:
        """Every unit as it is ready.

        Raises:
            InputError: no scheduler answers or it is lost, it has no workers, one of them has
                another metastack, workers that compute a unit die again and again.
        """
        with _connected(self.address) as client, _losing(self.address):
            _check_workers(client, self.address)
            yield from self._computed(client, units)

    def _computed(self, client: Any, units: Sequence[Unit]) -> Outcomes:
        from distributed import as_completed

        waiting, of_key = deque(units), {unit.key: unit for unit in units}
        ahead = min(len(waiting), (1 + _AHEAD) * _threads(client))
        first = [_submitted(client, waiting.popleft()) for _ in range(ahead)]
        ready = as_completed(first, loop=client.loop)
        for future in ready:
            yield of_key[future.key], self._outcome(future)
            future.release()
            if waiting:
                ready.add(_submitted(client, waiting.popleft()))

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        require(future.status not in ("cancelled", "lost"), _lost(self.address))
        try:
            return future.result()
        except KilledWorker as error:
            message = (
                f"Workers must live, but {error.allowed_failures + 1} died in the same unit: most "
                "likely memory is short there. What was finished is kept."
            )
            raise InputError(message) from error


def _submitted(client: Any, unit: Unit) -> Any:
    # Not pure: what the scheduler remembers of an earlier run is not asked for.
    return client.submit(_attempt_by, code_version(), unit, key=unit.key, pure=False)


def _attempt_by(version: str, unit: Unit) -> Outcome:
    """Compute a unit, unless this worker, which may have come late, has another metastack.

    Raises:
        RuntimeError: it has.
    """
    if version != code_version():
        raise RuntimeError(f"A worker has metastack {code_version()}, not {version}")
    return attempt(unit)


@contextmanager
def _losing(address: str) -> Generator[None]:
    """Say in one line that the scheduler was lost, at whatever it was asked."""
    from distributed.comm.core import CommClosedError

    try:
        yield
    except CommClosedError as error:
        raise InputError(_lost(address)) from error


def _lost(address: str) -> str:
    return (
        f"The scheduler at `{address}` must stay, but was lost; start it anew and go on. What was "
        "finished is kept."
    )


def _threads(client: Any) -> int:
    return sum(client.nthreads().values())


@contextmanager
def _connected(address: str) -> Generator[Any]:
    """A client that speaks by exceptions alone; what it asked for is cancelled when it closes.

    Raises:
        InputError: Dask is not installed; no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        message = "`--scheduler` needs dask.distributed; install metastack[cluster]."
        raise InputError(message) from error
    with _silent():
        client = _client(Client, address)
        try:
            yield client
        finally:
            client.close(timeout=2)


def _client(kind: Any, address: str) -> Any:
    try:
        return kind(address, timeout=_CONNECT_S, set_as_default=False)
    # Another kind of server answers with anything, and the client then raises anything.
    except Exception as error:
        message = (
            f"`{address}` must be the address of a Dask scheduler, but none answers there as one "
            f"({type(error).__name__}); start it with `dask scheduler`, and give the address that "
            "it prints."
        )
        raise InputError(message) from error


@contextmanager
def _silent() -> Generator[None]:
    """Dask logs what it raises as well, with pages of traceback."""
    loggers = [logging.getLogger(f"distributed{part}") for part in ("", ".client", ".core")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
    except TimeoutError as error:
        message = (
            f"The scheduler at `{address}` must have workers, but none came in "
            f"{_FIRST_WORKER_S} s; start some with `dask worker {address} --nthreads 1`."
        )
        raise InputError(message) from error
    try:
        versions: dict[str, str] = client.run(_worker_version)
    except (ImportError, AttributeError) as error:
        message = (
            f"The workers at `{address}` must have metastack {code_version()}, but one cannot "
            f"import it ({error}); install it in their environment."
        )
        raise InputError(message) from error
    others = {worker: found for worker, found in versions.items() if found != code_version()}
    require(
        not others,
        f"The workers must have metastack {code_version()}, but "
        f"{', '.join(f'{worker} has {found}' for worker, found in others.items())}.",
    )


def _worker_version() -> str:
    return code_version()
