"""`metastack lab` as a user types it: where it may listen, what it needs, how it ends."""

import socket
import subprocess
import sys
from queue import Queue

import pytest
from test_commands import refusal_of

from metastack.cli.lab import _browser_at
from metastack.files.exclusive import alone_in


def test_other_machines_need_a_token(capsys, tmp_path):
    said = refusal_of(capsys, "lab", "--host", "0.0.0.0", "--runs", tmp_path, "--no-browser")
    assert "needs a `--token`" in said


@pytest.mark.parametrize("token", ["short", "x" * 15, "with a\nnew line in it", "é" * 20])
def test_a_token_is_long_and_plain(capsys, tmp_path, token):
    said = refusal_of(capsys, "lab", "--token", token, "--runs", tmp_path, "--no-browser")
    assert "`--token` must be at least 16 plain letters." in said


def test_a_port_that_is_taken(capsys, tmp_path):
    pytest.importorskip("starlette")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal_of(capsys, "lab", "--port", port, "--runs", tmp_path, "--no-browser")
    assert f"127.0.0.1:{port} is not" in said


def test_a_folder_is_open_in_one_lab_at_a_time(capsys, tmp_path):
    pytest.importorskip("starlette")
    (tmp_path / "lab").mkdir()
    with alone_in(tmp_path / "lab", what="kept open", instead="end that"):
        said = refusal_of(capsys, "lab", "--port", 0, "--runs", tmp_path, "--no-browser")
    assert "must be kept open by one process at a time, but process" in said


def test_the_browser_is_given_no_token(tmp_path, monkeypatch):
    """Command lines can be read by everybody, this page by its owner alone."""
    opened = Queue()
    monkeypatch.setattr("webbrowser.open", opened.put)
    page = tmp_path / "open.html"
    with _browser_at("http://127.0.0.1:1/?token=secret-and-long", page):
        assert opened.get(timeout=60) == page.as_uri()
        assert "url=http://127.0.0.1:1/?token=secret-and-long" in page.read_text()
        assert page.stat().st_mode & 0o777 == 0o600
    assert not page.exists()


def test_without_its_extra(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = refusal_of(capsys, "lab", "--runs", tmp_path, "--no-browser")
    assert said == "metastack: The lab needs starlette and uvicorn; install metastack[lab].\n"


def test_help_loads_nothing_of_the_lab():
    code = (
        "import sys; from metastack.cli.main import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('starlette', 'uvicorn', 'jinja2', 'jax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
