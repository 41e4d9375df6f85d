"""The published figures and tables of both papers, one file each, beside what metastack makes."""

from .published_data import published_array, published_file, published_folder
from .study import Judgement, Paper, Study, Verdict

__all__ = [
    "Judgement",
    "Paper",
    "Study",
    "Verdict",
    "published_array",
    "published_file",
    "published_folder",
]
