"""What every test gets: checked shapes, repeatable hypothesis, the two published stacks.

The import hook must be in place before metastack is imported, and every worker of pytest-xdist
reads this file, so it is installed here at import and never taken down.
"""

import gc
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Self, get_args, runtime_checkable

import beartype
import hypothesis
import jaxtyping
import pytest

# Most of the time goes into compiling. Workers share what they compile and keep it for the next
# run, and half-hearted optimisation is enough for small stacks. JAX reads this at its import.
os.environ.setdefault("XLA_FLAGS", "--xla_llvm_disable_expensive_passes=true")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

# As type checkers have it: an int may stand where a float is asked for.
INTEGERS_ARE_FLOATS = beartype.BeartypeConf(is_pep484_tower=True)


def checked(function: FunctionType) -> FunctionType:
    """The function with its arguments and result checked.

    Beartype cannot check `Self` outside a decorated class, nor a protocol that is not declared
    checkable: the first is let through, the second is declared so here.
    """
    hints = function.__annotations__
    function.__annotations__ = {name: Any if h is Self else h for name, h in hints.items()}
    for hint in hints.values():
        _declare_protocols_checkable(hint)
    return beartype.beartype(conf=INTEGERS_ARE_FLOATS)(function)


def _declare_protocols_checkable(hint: object) -> None:
    if getattr(hint, "_is_protocol", False):
        runtime_checkable(hint)
    for part in get_args(hint):
        _declare_protocols_checkable(part)


# The hook takes the checker as a dotted name, and conftest itself is no module to import.
checker = ModuleType("metastack_checker")
checker.checked = checked
sys.modules[checker.__name__] = checker
jaxtyping.install_import_hook("metastack", "metastack_checker.checked")

# Thirty examples: most tests call JAX without compiling it, at milliseconds an operation.
hypothesis.settings.register_profile(
    "metastack", derandomize=True, deadline=None, max_examples=30, print_blob=False
)
hypothesis.settings.load_profile("metastack")


@pytest.fixture(autouse=True)
def room_for_programs():
    """Forget compiled programs after a test, once there are many."""
    yield
    if "metastack" in sys.modules:
        from metastack.compiled_programs import make_room_for_programs

        make_room_for_programs()


@pytest.fixture(autouse=True, scope="module")
def less_garbage_to_look_through():
    """What a module leaves is not looked through again: there are millions of objects after a
    while, and collecting would come to take most of the time."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def double_precision():
    """For modules that call what does not enter double precision by itself."""
    from metastack import float64

    with float64():
        yield


@pytest.fixture(scope="session")
def stack_2x2():
    """The DOA paper's best stack for a 2x2 DFT, at its own wave speed."""
    from metastack import make_uniform_stack

    return make_uniform_stack(
        ports=2,
        atoms_per_side=11,
        layers=7,
        thickness_wavelengths=9,
        spacing_wavelengths=1 / 2,
        wave_speed_m_per_s=3e8,
    )


@pytest.fixture(scope="session")
def stack_4x4():
    """The DOA paper's best stack for a 4x4 DFT, at its own wave speed."""
    from metastack import make_uniform_stack

    return make_uniform_stack(
        ports=4,
        atoms_per_side=15,
        layers=13,
        thickness_wavelengths=12,
        spacing_wavelengths=4 / 9,
        wave_speed_m_per_s=3e8,
    )


@pytest.fixture(scope="session")
def small_stack():
    """Enough phases (196) for an exact 2x2 DFT (32 real equations), and quick to compile."""
    from metastack import make_uniform_stack

    return make_uniform_stack(
        ports=2,
        atoms_per_side=7,
        layers=4,
        thickness_wavelengths=5,
        spacing_wavelengths=1 / 2,
        wave_speed_m_per_s=3e8,
    )


@pytest.fixture(scope="session")
def dft_2x2():
    """The 2x2 grid's DFT."""
    from metastack import dft_2d

    return dft_2d(2, 2)


@pytest.fixture(scope="session")
def dft_4x4():
    """The 4x4 grid's DFT."""
    from metastack import dft_2d

    return dft_2d(4, 4)
