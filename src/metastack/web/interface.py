"""What the scripts of pages ask for: jobs, files, answers of the warm process."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ExceptionHandler

from ..cli.output import plain
from ..errors import InputError, require
from ..report.figures_of_page import PageFigure, page_figures
from .events import job_events
from .forms import RefusedFormError
from .hand import Hand, HandError
from .job_record import described, headline
from .jobs import Jobs
from .library import MOST_BYTES, MOST_FILES, Library

_MOST_OF_A_FORM = 2**20
_REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}

Handler = Callable[[Request], Awaitable[Response]]


def most_bytes(path: str) -> int:
    """How long a request to this path may be."""
    return MOST_BYTES if path == "/api/files" else _MOST_OF_A_FORM


@dataclass(frozen=True)
class Interface:
    """The answers to requests. `frames`, `hand`: warm processes; the first must not wait."""

    library: Library
    jobs: Jobs
    frames: Hand
    hand: Hand

    def routes(self) -> list[Route]:
        """Every address."""
        job = "/api/jobs/{job}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/api/jobs", self.all_jobs),
            ("POST", "/api/jobs", self.submit),
            ("GET", job, self.job),
            ("DELETE", job, self.remove),
            ("POST", f"{job}/stop", self.stop),
            ("GET", f"{job}/events", self.events),
            ("GET", job + "/files/{name}", self.job_file),
            ("GET", f"{job}/figures", self.job_figures),
            ("GET", job + "/figures/{name}", self.job_figure),
            ("GET", "/api/files", self.files),
            ("POST", "/api/files", self.upload),
            ("POST", "/api/ask/{question}", self.ask),
            ("GET", "/api/runs/{run}/figures/{name}", self.run_figure),
            ("GET", "/api/runs/{run}/results.nc", self.run_results),
            ("POST", "/api/runs/{run}/resume", self.resume),
        ]
        return [Route(path, each, methods=[method]) for method, path, each in table]

    async def all_jobs(self, request: Request) -> Response:
        """Every job, the newest first, with the numbers by which jobs are compared."""
        records = self.jobs.records()
        return JSONResponse(plain([headline(self.jobs.folder(each.id), each) for each in records]))

    async def submit(self, request: Request) -> Response:
        """Begin a job."""
        return JSONResponse({"id": self.jobs.submit(await _form(request)).id}, 201)

    async def job(self, request: Request) -> Response:
        """Everything about a job."""
        name = request.path_params["job"]
        return JSONResponse(plain(described(self.jobs.folder(name), self.jobs.record(name))))

    async def stop(self, request: Request) -> Response:
        """Stop a job."""
        self.jobs.stop(request.path_params["job"])
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        """Remove a job that is over, with its files."""
        self.jobs.remove(request.path_params["job"])
        return JSONResponse({})

    async def events(self, request: Request) -> Response:
        """A job as it goes on."""
        job = request.path_params["job"]
        self.jobs.record(job)
        after = request.headers.get("last-event-id") or request.query_params.get("after", "0")
        require(after.isdecimal() and len(after) < 10, f"`after` must be a count, not {after!r}.")
        events = job_events(self.jobs, job, int(after))
        return StreamingResponse(events, media_type="text/event-stream")

    async def job_file(self, request: Request) -> Response:
        """A file that a job left; a report may be looked at, in a page that can do nothing."""
        job, name = request.path_params["job"], request.path_params["name"]
        path = self.library.path(f"job/{job}/{name}")
        is_shown = path.suffix in (".html", ".png") and "download" not in request.query_params
        return _file(path, is_shown=is_shown)

    async def job_figures(self, request: Request) -> Response:
        """The figures of a job's report: what each is called, and its caption."""
        figures = self._figures(request)
        return JSONResponse([{"name": each.file_name, "caption": each.caption} for each in figures])

    async def job_figure(self, request: Request) -> Response:
        """A figure of a job's report."""
        name = request.path_params["name"]
        found = [each for each in self._figures(request) if each.file_name == name]
        require(found, "There is no such figure.")
        headers = {"Content-Security-Policy": _REPORT_POLICY}
        return Response(found[0].content, media_type=_PICTURES[found[0].suffix], headers=headers)

    def _figures(self, request: Request) -> list[PageFigure]:
        return page_figures(self.library.path(f"job/{request.path_params['job']}/report.html"))

    async def files(self, request: Request) -> Response:
        """Files with the endings that are asked for."""
        suffixes = request.query_params.get("suffixes", "").split(",")
        return JSONResponse(self.library.names(suffixes))

    async def upload(self, request: Request) -> Response:
        """Keep uploaded files."""
        # No part is larger than the whole, which is limited elsewhere.
        async with request.form(max_files=MOST_FILES, max_fields=0) as form:
            parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            files = [(part.filename or "", await part.read()) for part in parts]
        return JSONResponse({"names": self.library.keep(files)}, 201)

    async def ask(self, request: Request) -> Response:
        """Ask the warm process."""
        question = request.path_params["question"]
        hand = self.frames if question == "frame" else self.hand
        return JSONResponse(await hand.ask(question, await _form(request)))

    async def run_figure(self, request: Request) -> Response:
        """A picture of a run."""
        name = request.path_params["name"]
        path = self.library.run(request.path_params["run"]) / "figures" / Path(name).name
        require(path.suffix == ".png" and path.is_file(), "There is no such picture.")
        return _file(path, is_shown=True)

    async def run_results(self, request: Request) -> Response:
        """The dataset of a run."""
        path = self.library.run(request.path_params["run"]) / "results.nc"
        require(path.is_file(), "This run is not finished; go on with it first.")
        return _file(path, is_shown=False)

    async def resume(self, request: Request) -> Response:
        """Go on with a run that was stopped."""
        name = request.path_params["run"]
        line = await self.hand.ask("resuming", {"run": name})
        return JSONResponse({"id": self.jobs.run(f"Go on with {name}", [line]).id}, 201)


def _file(path: Path, *, is_shown: bool) -> Response:
    policy = {"Content-Security-Policy": _REPORT_POLICY}
    place = "inline" if is_shown else "attachment"
    return FileResponse(path, headers=policy, filename=path.name, content_disposition_type=place)


async def _form(request: Request) -> dict[str, Any]:
    try:
        form = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InputError("A form must be JSON, but is not.") from error
    require(isinstance(form, dict), "A form must be an object of its fields.")
    return form


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"refused": error.detail, "field": None}, error.status_code)


async def _refused(request: Request, error: Exception) -> Response:
    field = error.field if isinstance(error, RefusedFormError) else None
    return JSONResponse({"refused": str(error), "field": field}, 422)


async def _failed(request: Request, error: Exception) -> Response:
    sentence = f"Internal error, please report it: {error}."
    return JSONResponse({"refused": sentence, "field": None}, 500)


async def _left_alone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


# Whatever is refused is JSON: the sentence, and the field that it is about.
REFUSALS: Mapping[type[Exception], ExceptionHandler] = {
    HTTPException: _refused_by_framework,
    InputError: _refused,
    HandError: _failed,
    ClientDisconnect: _left_alone,
}
