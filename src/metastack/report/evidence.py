"""The evidence page: both papers, figure by figure, read without having them at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from ..study.published import Judgement, Paper, Study, Verdict
from .html import Section, write_page

_HEADINGS = {
    Judgement.PAPER_WRONG: "What the papers have wrong, or leave out",
    Judgement.BETTER: "What is better now",
    Judgement.DIFFERS: "Where we differ",
    Judgement.AGREES: "Where we agree",
    Judgement.NOT_PUBLISHED: "What has no published numbers to compare with",
}
_PAPERS = {Paper.DOA: "Direction of arrival", Paper.CALIBRATION: "Calibration"}


@dataclass(frozen=True)
class Evidence:
    """One study, what it was computed with, its picture and its verdicts."""

    study: Study[object]
    parameters: str
    seconds: float
    figure: Figure
    verdicts: Sequence[Verdict]


def write_evidence(path: Path, evidence: Sequence[Evidence], *, lead: str) -> None:
    """Write the page: verdicts sorted by what they say, then every figure with its own.

    Raises:
        InputError: the file cannot be written.
    """
    summary = [_summary(judgement, evidence) for judgement in _HEADINGS]
    papers = [_paper(paper, evidence) for paper in Paper]
    studies = [_study(each) for each in evidence]
    sections = [_counts(evidence), *filter(None, summary), *filter(None, papers), *studies]
    title = "metastack: both papers, reproduced and judged"
    write_page(path, title=title, lead=lead, sections=sections)


def _counts(evidence: Sequence[Evidence]) -> Section:
    counts = [
        (judgement.value, str(sum(v.judgement is judgement for e in evidence for v in e.verdicts)))
        for judgement in Judgement
    ]
    return Section(
        "The verdicts, counted",
        "Every figure and table of the two papers was computed anew and compared with what was "
        "published. Each verdict is computed from the numbers; none is written by hand.",
        [("figures and tables", str(len(evidence))), *counts],
    )


def _summary(judgement: Judgement, evidence: Sequence[Evidence]) -> Section | None:
    rows = [
        (each.study.name, verdict.sentence)
        for each in evidence
        for verdict in each.verdicts
        if verdict.judgement is judgement
    ]
    return Section(_HEADINGS[judgement], "", rows) if rows else None


def _paper(paper: Paper, evidence: Sequence[Evidence]) -> Section | None:
    own = [each for each in evidence if each.study.paper is paper]
    rows = [(each.study.name, each.study.claim) for each in own]
    if not rows:
        return None
    return Section(f"{_PAPERS[paper]}: what was claimed", f"{paper.value}.", rows)


def _study(evidence: Evidence) -> Section:
    study = evidence.study
    rows = [("claim", study.claim)]
    rows += [(verdict.judgement.value, verdict.sentence) for verdict in evidence.verdicts]
    rows += [("computed with", evidence.parameters)]
    rows += [("in", f"{evidence.seconds:.0f} s")]
    caption = f"{study.title} ({study.name})."
    return Section(f"{study.name}: {study.title}", "", rows, [(evidence.figure, caption)])
