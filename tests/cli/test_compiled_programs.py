"""The store of compiled programs: where it goes, what it leaves alone, what it mends."""

import os

import pytest

from metastack.cli.compiled_programs import keep_compiled_programs

SETTING = "JAX_COMPILATION_CACHE_DIR"
LIMITS = "JAX_COMPILATION_CACHE_MAX_SIZE", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's cache folder is an empty one, and nothing is set."""
    for name in (SETTING, *LIMITS):
        monkeypatch.setenv(name, "")  # so that it is put back, too, where it was not set
        monkeypatch.delenv(name)
    monkeypatch.setattr(
        "metastack.cli.compiled_programs.user_cache_path", lambda name: tmp_path / name
    )
    return tmp_path / "metastack" / "compiled"


def test_programs_are_kept_in_the_users_cache(store):
    keep_compiled_programs()
    assert os.environ[SETTING] == str(store)
    assert store.stat().st_mode & 0o777 == 0o700


def test_what_the_user_has_set_stays(store, monkeypatch):
    monkeypatch.setenv(SETTING, "elsewhere")
    keep_compiled_programs()
    assert os.environ[SETTING] == "elsewhere"
    assert not store.exists()


def test_a_folder_that_others_may_write_to_is_not_used(store):
    store.mkdir(parents=True)
    store.chmod(0o777)
    keep_compiled_programs()
    assert SETTING not in os.environ


def test_a_program_that_was_half_written_is_removed(store):
    store.mkdir(parents=True)
    for name in ("whole-cache", "whole-atime", "half-cache"):
        (store / name).write_bytes(b"")
    keep_compiled_programs()
    assert {path.name for path in store.iterdir()} == {"whole-cache", "whole-atime"}
