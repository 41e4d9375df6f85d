"""`metastack lab` as a user types it: where it may listen, what it needs, how it ends."""

import socket
import subprocess
import sys

import pytest
from test_commands import refusal_of


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
