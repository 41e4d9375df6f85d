"""The page of evidence: what `metastack reproduce all --json` judged, study by study."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metastack import __version__
from metastack.study.published import study_named

_HEAD = """# The evidence, study by study

<!-- Written by `python -m docs.builder evidence`: do not edit. -->

Every figure and table of both papers, computed anew by metastack {version} on {day} with

```text
{command}
```

and judged by sentences that are computed from the numbers; none is written by hand. `--quick`
computes less of everything, so that small differences may be of chance; `--full` is as published,
or more. With pictures it is the page that `metastack reproduce all --full -o evidence.html` writes
([how](reproduction.md)).

| verdict | how often |
| --- | --- |
{counts}
"""


def write_evidence(answer: Path, page: Path, *, command: str) -> None:
    """Write the page from the answer of `metastack reproduce all --json` by `command`."""
    told = json.loads(answer.read_text(encoding="utf-8"))
    rows: list[dict[str, str]] = told["verdicts"]
    of_study: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        of_study.setdefault(row["study"], []).append(row)
    counts = Counter(row["judgement"] for row in rows)
    head = _HEAD.format(
        version=__version__,
        day=datetime.now(UTC).date().isoformat(),
        command=command,
        counts="\n".join(f"| {name} | {count} |" for name, count in counts.most_common()),
    )
    page.write_text("\n".join([head, *map(_section, of_study.items())]), encoding="utf-8")


def _section(of_study: tuple[str, Sequence[Mapping[str, Any]]]) -> str:
    name, verdicts = of_study
    study = study_named(name)
    rows = [f"| {each['judgement']} | {_cell(each['verdict'])} |" for each in verdicts]
    table = "\n".join(["| verdict | ours beside what was published |", "| --- | --- |", *rows])
    return f"## {study.title}\n\n`{name}`. Claimed: {study.claim}\n\n{table}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
