"""The published figures and tables of both papers, one file each, beside what metastack makes."""

from .published_data import published_array, published_file, published_folder
from .registry import study_named, study_names
from .reproduction import Reproduction, changed_parameters
from .study import Judgement, Paper, Study, Verdict

__all__ = [
    "Judgement",
    "Paper",
    "Reproduction",
    "Study",
    "Verdict",
    "changed_parameters",
    "published_array",
    "published_file",
    "published_folder",
    "study_named",
    "study_names",
]
