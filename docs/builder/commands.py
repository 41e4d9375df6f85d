"""The reference of the command line: what `--help` of every command prints, as pages."""

from collections.abc import Iterator
from typing import Any

import typer.main
from typer.testing import CliRunner

from metastack.cli.main import app

_FOLDER = "reference/commands"
_WIDTH = "92"


def pages() -> dict[str, tuple[str, str]]:
    """{path: (title, text)}: an index, then a page for each command or group of commands."""
    root = typer.main.get_command(app)
    result = {f"{_FOLDER}/index.md": ("All commands", _index(root))}
    for name in sorted(root.commands):
        sections = [_section(words) for words, _ in _walk((name,), root.commands[name])]
        result[f"{_FOLDER}/{name}.md"] = (f"metastack {name}", "\n".join(sections))
    return result


def _walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command and those below it, each by its words."""
    yield words, command
    for inner in sorted(getattr(command, "commands", {})):
        yield from _walk((*words, inner), command.commands[inner])


def _index(root: Any) -> str:
    lines = [
        "# Command line\n",
        "Every command takes `--help`, and all that answer take `--json`. Exit codes: 0 done, 1 a",
        "failure of ours, 2 input that cannot be used, 130 stopped by Ctrl-C.\n",
        "| command | what it does |",
        "| --- | --- |",
    ]
    for top in sorted(root.commands):
        for words, command in _walk((top,), root.commands[top]):
            link = f"[`metastack {' '.join(words)}`]({top}.md#{'-'.join(words)})"
            lines.append(f"| {link} | {_first_sentence(command)} |")
    return "\n".join(lines) + "\n"


def _first_sentence(command: Any) -> str:
    sentence = " ".join((command.help or "").split("\n\n")[0].split())
    return sentence.replace("|", "\\|").replace("<", "&lt;")


def _section(words: tuple[str, ...]) -> str:
    printed = CliRunner(env={"COLUMNS": _WIDTH, "TERMINAL_WIDTH": _WIDTH, "NO_COLOR": "1"}).invoke(
        app, [*words, "--help"], prog_name="metastack"
    )
    heading = f"{'#' * len(words)} metastack {' '.join(words)} {{ #{'-'.join(words)} }}"
    return f"{heading}\n\n```text\n{printed.stdout.strip()}\n```\n"
