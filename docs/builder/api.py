"""The reference of Python: every public name of every package, where it is defined."""

import importlib
from functools import cache
from types import ModuleType

import griffe

_FOLDER = "reference/python"
_PACKAGES = (
    "",
    "design",
    "doa",
    "calibration",
    "calibration.schedule",
    "calibration.strategies",
    "calibration.networks",
    "multiport",
    "propagation",
    "systems",
    "systems.channels",
    "systems.channel_estimation",
    "systems.classification",
    "study",
    "study.sweeps",
    "study.runs",
    "study.cost",
    "study.published",
    "files",
    "report",
)


def pages() -> dict[str, tuple[str, str]]:
    """{path: (title, text)}: one page a package; a name stands where it is public first.

    Names of a package that another page has already are a table of links.
    """
    homes: dict[str, str] = {}
    for package in reversed(_PACKAGES):
        homes |= dict.fromkeys(_targets(package).values(), package)
    homes |= {
        target: package
        for package in _PACKAGES
        for target in _targets(package).values()
        if package and target.startswith(f"metastack.{package}.")
    }
    return {
        f"{_FOLDER}/{_dotted(package)}.md": (_dotted(package), _page(package, homes))
        for package in _PACKAGES
    }


def _dotted(package: str) -> str:
    return f"metastack.{package}".rstrip(".")


@cache
def _targets(package: str) -> dict[str, str]:
    """Public names of a package, and where each is defined; no modules."""
    module = importlib.import_module(_dotted(package))
    described = _described()[package] if package else _described()
    names = [name for name in sorted(module.__all__) if not _is_module(module, name)]
    return {name: described[name].canonical_path for name in names}


def _is_module(module: ModuleType, name: str) -> bool:
    return isinstance(getattr(module, name), ModuleType)


@cache
def _described() -> griffe.Module:
    module = griffe.load("metastack")
    assert isinstance(module, griffe.Module)
    return module


def _page(package: str, homes: dict[str, str]) -> str:
    targets = _targets(package)
    module = importlib.import_module(_dotted(package))
    own = [target for target in targets.values() if homes[target] == package]
    parts = [f"# {_dotted(package)}", (module.__doc__ or "").strip()]
    parts.append(_links(package, targets, homes))
    parts += [f"::: {target}" for target in own]
    return "\n\n".join(part for part in parts if part) + "\n"


def _links(package: str, targets: dict[str, str], homes: dict[str, str]) -> str:
    elsewhere = [
        f"[`{name}`]({_dotted(homes[target])}.md#{target})"
        for name, target in targets.items()
        if homes[target] != package
    ]
    if not elsewhere:
        return ""
    return f"Also here: {', '.join(elsewhere)}."
