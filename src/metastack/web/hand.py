"""The process that stays warm: it keeps what it compiled, and answers one question after another.

Questions and answers are lines of JSON on its pipes. One that hangs or dies is started anew.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from .processes import environment, python_module

_LONGEST_LINE = 64 * 2**20
_PATIENCE_S = 180.0
_LOST = "This took too long or too much memory, and was given up; ask for less."


class HandError(RuntimeError):
    """The process failed by a fault of our own."""


@dataclass
class Hand:
    """A warm process for questions about the files in `folder`, started when it is first asked."""

    folder: Path
    most_bytes: int
    _process: asyncio.subprocess.Process | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, question: str, given: Mapping[str, Any]) -> Any:
        """The answer to a question of `answers`.

        Raises:
            InputError: what was given cannot be used.
            HandError: a fault of our own.
        """
        async with self._one_at_a_time:
            line = await self._answered(json.dumps({"question": question, "given": dict(given)}))
        said = json.loads(line)
        if "refused" in said:
            raise InputError(said["refused"])
        if "failed" in said:
            raise HandError(said["failed"])
        return said["answer"]

    async def _answered(self, line: str) -> bytes:
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            # A line that is too long is a ValueError.
            answer = await asyncio.wait_for(process.stdout.readline(), _PATIENCE_S)
        except (TimeoutError, ConnectionError, ValueError) as error:
            await self.close()
            raise InputError(_LOST) from error
        except asyncio.CancelledError:
            # What it would still say answers another question.
            await self.close()
            raise
        if not answer:
            await self.close()
            raise InputError(_LOST)
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *python_module("hand_worker"),
                *(str(self.folder), str(self.most_bytes)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=_LONGEST_LINE,
                env=environment(),
            )
        return self._process

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
