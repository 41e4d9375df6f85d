"""A job as it goes on, told by server-sent events, from wherever a page left off.

`progress`: a list of what commands told on their way; its id counts them, and a page that comes
back says the last one it has. `job`: the whole job, whenever something else changed. `end`: nothing
more will come.

Source: the HTML standard, section 9.2.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from ..cli.output import plain
from .job_record import ProgressReader, described
from .jobs import Jobs

_SECONDS_BETWEEN_LOOKS = 0.15
_LOOKS_BETWEEN_SIGNS_OF_LIFE = 60


async def job_events(jobs: Jobs, job: str, after: int) -> AsyncIterator[str]:
    """Events of a job, beginning with the progress that comes after the first `after` lines."""
    folder, shown, looks = jobs.folder(job), "", 0
    progress = ProgressReader(folder)
    while True:
        record = jobs.record(job)
        had = progress.count
        told = progress.new_lines()[max(0, after - had) :]
        if told:
            yield _event("progress", told, number=progress.count)
        now = json.dumps(plain(described(folder, record)))
        if now != shown:
            shown = now
            yield f"event: job\ndata: {now}\n\n"
        if record.state.is_over:
            yield _event("end", {})
            return
        looks += 1
        if looks % _LOOKS_BETWEEN_SIGNS_OF_LIFE == 0:
            yield ": still here\n\n"
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def _event(name: str, data: Any, number: int | None = None) -> str:
    place = "" if number is None else f"id: {number}\n"
    return f"{place}event: {name}\ndata: {json.dumps(plain(data))}\n\n"
