"""`metastack figures`: the pictures of a report as files of their own."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .output import emit


def figures(
    report: Annotated[Path, typer.Argument(help="Report that a command wrote (.html).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write them to.")],
    json: AsJson = False,
) -> None:
    """Take the figures out of a report, for a paper or a talk.

    Vector graphics (.svg) where the report has them, else bitmaps (.png); figures of the same
    names in the folder are replaced.
    """
    from ..report.figures_of_page import write_page_figures

    written = write_page_figures(report, output)
    rows = [{"file": each.file_name, "caption": each.caption} for each in written]
    emit({"output": str(output), "figures": rows}, as_json=json)
