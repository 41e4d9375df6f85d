"""A lab to ask over HTTP without a socket, and how to wait for what it does."""

import json
import time
from contextlib import contextmanager

import pytest

pytest.importorskip("starlette", reason="the lab needs metastack[lab]")
pytest.importorskip("httpx2", reason="starlette's test client needs httpx2")

from starlette.testclient import TestClient

from metastack.web.app import Lab
from metastack.web.guard import Access
from metastack.web.jobs import Limits

PORT = 8765
HOME = f"http://127.0.0.1:{PORT}"
TOKEN = "a-token-for-tests-only"
OWN = {"Origin": HOME}
# 2 layers of 3 x 3 atoms: compiled and designed in seconds.
SMALL = {"layers.count": "2", "layers.columns": "3", "layers.rows": "3"}
PATIENCE_S = 600


@contextmanager
def a_lab(runs, *, known=True, **limits):
    """A client of a lab over `runs`; with its cookie, if `known`."""
    access = Access(TOKEN, ("localhost", "127.0.0.1"), PORT)
    lab = Lab(runs, access, Limits(**limits), warm=False)
    with TestClient(lab.app(), base_url=HOME, follow_redirects=False) as client:
        if known:
            client.get("/", params={"token": TOKEN})
        yield client


def begun(client, recipe, fields, **more):
    """The id of a job that was taken."""
    answer = client.post(
        "/api/jobs", json={"recipe": recipe, "fields": fields, **more}, headers=OWN
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def ended(client, job):
    """A job once it is over."""
    return until(client, job, lambda told: told["state"] not in ("waiting", "running"))


def until(client, job, is_so):
    """A job once something holds for it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told = client.get(f"/api/jobs/{job}").json()
        if is_so(told):
            return told
        time.sleep(0.1)
    raise AssertionError(f"job {job} took too long: {told}")


def events(client, job, **headers):
    """All events of a job, to its end: (name, data, id)."""
    found = []
    text = client.get(f"/api/jobs/{job}/events", headers=headers).text
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"]), lines.get("id")))
    return found


def uploaded(client, *files):
    """The names of files (name, bytes) that were taken."""
    answer = upload(client, *files)
    assert answer.status_code == 201, answer.text
    return answer.json()["names"]


def upload(client, *files):
    """The answer to an upload."""
    return client.post("/api/files", files=[("files", each) for each in files], headers=OWN)
