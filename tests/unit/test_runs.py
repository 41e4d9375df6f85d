"""Runs: nothing is computed twice, lost or half-written, wherever it is computed."""

import errno
import json
import sqlite3
import threading
import time

import numpy as np
import pytest
import run_tasks
from run_tasks import inputs, squares

from metastack import InputError
from metastack.study.runs import InProcess, Processes, Refused, RunFolder, RunIndex, run_units
from metastack.study.units import Unit


def begun(path, units, **other):
    return RunFolder.begin(path, inputs(units, **other), {"asked.toml": "x = 1\n"})


def computed(path, units, **options):
    run = begun(path, units)
    with run.alone():
        return run, run_units(units, run, **options)


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes()


def test_a_unit_is_its_function_and_arguments_in_any_order():
    one = Unit(run_tasks.square, {"number": 1, "seconds": 0.0})
    assert one.key == Unit(run_tasks.square, {"seconds": 0.0, "number": 1}).key
    assert one.key != Unit(run_tasks.square, {"number": 2, "seconds": 0.0}).key
    assert one.key != Unit(run_tasks.counted, one.arguments).key


def test_results_are_those_of_the_call_in_order(tmp_path):
    units = squares(5)
    _, found = computed(tmp_path / "run", units)
    assert_same(found, [unit.compute() for unit in units])


def test_processes_give_the_same_bits_as_this_process(tmp_path):
    units = squares(7)
    _, here = computed(tmp_path / "here", units)
    _, there = computed(tmp_path / "there", units, executor=Processes(2))
    assert_same(here, there)


def test_processes_stay_for_what_is_computed_next_until_they_are_ended(tmp_path):
    executor, pids = Processes(1), []
    for name in ("one", "two"):
        units = squares(2, task=run_tasks.whose)
        _, found = computed(tmp_path / name, units, executor=executor)
        pids += [int(each["pid"]) for each in found]
    executor.end()
    _, found = computed(tmp_path / "three", squares(1, task=run_tasks.whose), executor=executor)
    executor.end()
    assert len(set(pids)) == 1
    assert int(found[0]["pid"]) not in pids


def test_finished_units_are_not_computed_again(tmp_path):
    units = squares(4, task=run_tasks.counted, folder=str(tmp_path))
    told = []
    computed(tmp_path / "run", units[:2])
    run = RunFolder.open(tmp_path / "run")
    with run.alone():
        run_units(units, run, on_points=told.append)
    assert [len((tmp_path / f"{n}.count").read_text()) for n in range(4)] == [1, 1, 1, 1]
    assert told == [2, 1, 1]
    assert run.done == 4


def test_equal_units_are_computed_once(tmp_path):
    units = squares(2, task=run_tasks.counted, folder=str(tmp_path))
    _, found = computed(tmp_path / "run", [*units, units[0]])
    assert_same(found[:1], found[2:])
    assert (tmp_path / "0.count").read_text() == "x"


def test_a_damaged_unit_is_computed_again(tmp_path):
    units = squares(3)
    run, before = computed(tmp_path / "run", units)
    file = run.path / "units" / f"{units[1].key}.npz"
    file.write_bytes(file.read_bytes()[:100])
    with run.alone():
        assert_same(run_units(units, run), before)


def test_a_unit_whose_input_cannot_be_used_does_not_end_the_others(tmp_path):
    units = squares(5, task=run_tasks.refusing)
    run, found = computed(tmp_path / "run", units)
    assert found[3] == Refused("`number` must not be 3, but is 3.")
    assert [int(each["square"]) for k, each in enumerate(found) if k != 3] == [0, 1, 4, 16]
    with run.alone():
        assert run_units(units, run)[3] == found[3]


@pytest.mark.parametrize("executor", [InProcess(), Processes(1)])
def test_a_fault_of_our_own_is_raised_and_logged(tmp_path, executor):
    units = squares(2, task=run_tasks.broken)
    with pytest.raises(ZeroDivisionError, match="number"):
        computed(tmp_path / "run", units, executor=executor)
    assert "stopped: ZeroDivisionError" in (tmp_path / "run" / "log.txt").read_text()


def test_a_task_that_kills_its_process_again_and_again_is_named(tmp_path):
    units = squares(1, task=run_tasks.deadly)
    with pytest.raises(InputError, match="run_tasks:deadly must live, but were killed 5 times"):
        computed(tmp_path / "run", units, executor=Processes(1))


def test_a_run_that_would_take_days_says_so_and_keeps_what_it_has(tmp_path):
    units = squares(50, seconds=0.01)
    with pytest.raises(InputError, match=r"would take .* more, by its first 4 of 50 units"):
        computed(tmp_path / "run", units, most_seconds=0.1)
    assert RunFolder.open(tmp_path / "run").done == 4


def test_a_full_disk_ends_in_one_line_and_leaves_the_folder_whole(tmp_path, monkeypatch):
    units = squares(4)
    save, left = np.savez, [2]

    def full(path, **arrays):
        if not left[0]:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        save(path, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        computed(tmp_path / "run", units)
    monkeypatch.undo()
    run = RunFolder.open(tmp_path / "run")
    assert [path.suffix for path in (run.path / "units").iterdir()] == [".npz", ".npz"]
    with run.alone():
        assert_same(run_units(units, run), [unit.compute() for unit in units])


def test_what_the_disk_lacks_is_no_fault_of_a_unit(tmp_path):
    """A command that could not write its own file for want of room is not refused for good."""
    with pytest.raises(InputError, match="cannot be written"):
        computed(tmp_path / "run", [Unit(run_tasks.on_a_full_disk, {})])
    assert RunFolder.open(tmp_path / "run").done == 0


def test_a_task_that_makes_something_of_ctrl_c_is_not_taken_for_finished(tmp_path):
    units = [Unit(run_tasks.interrupted, {"number": number}) for number in range(3)]
    with pytest.raises(KeyboardInterrupt):
        computed(tmp_path / "run", units)
    assert RunFolder.open(tmp_path / "run").done == 1


def test_a_damaged_refusal_is_computed_again(tmp_path):
    units = squares(4, task=run_tasks.refusing)
    run, before = computed(tmp_path / "run", units)
    (run.path / "units" / f"{units[3].key}.json").write_text("{")
    with run.alone():
        assert run_units(units, run)[3] == before[3]


def test_half_written_files_of_a_killed_process_are_removed(tmp_path):
    run = begun(tmp_path / "run", squares(1))
    leftover = run.path / "units" / ".abc.1234.npz"
    leftover.write_bytes(b"half")
    assert run.done == 0
    with run.alone():
        assert not leftover.exists()


def test_two_cannot_compute_in_one_folder(tmp_path):
    run = begun(tmp_path / "run", squares(1))
    with run.alone():
        with pytest.raises(InputError, match=r"but process [0-9]+ on .* is at it"), run.alone():
            pass
        with pytest.raises(InputError, match="is at it"):
            RunIndex(tmp_path).delete(run)
    with run.alone():
        pass


def test_two_at_once_wait_for_nothing_and_corrupt_nothing(tmp_path):
    """Whoever comes second is refused; both may look meanwhile."""
    units, refused = squares(20, seconds=0.01), []

    def go():
        try:
            computed(tmp_path / "run", units)
        except InputError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        RunIndex(tmp_path).runs()
        time.sleep(0.01)
    assert len(refused) == 3
    assert_same(computed(tmp_path / "run", units)[1], [unit.compute() for unit in units])


# ---- what a folder refuses


def test_a_folder_of_other_inputs_is_refused(tmp_path):
    begun(tmp_path / "run", squares(1))
    with pytest.raises(InputError, match="was begun with others"):
        begun(tmp_path / "run", squares(1), fingerprint="other")


def test_a_folder_of_another_version_is_refused_but_shown(tmp_path):
    begun(tmp_path / "run", squares(1), version="0.0.9")
    with pytest.raises(InputError, match=r"begun by 0\.0\.9"):
        begun(tmp_path / "run", squares(1))
    assert RunIndex(tmp_path).runs()[0].version == "0.0.9"


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds other files"):
        begun(tmp_path, squares(1))


def test_a_folder_that_was_killed_while_it_was_made_can_be_begun(tmp_path):
    (tmp_path / "run" / "units").mkdir(parents=True)
    assert begun(tmp_path / "run", squares(1)).done == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "must hold an object"),
        ("{}", "says something else"),
        ('{"metastack_kind": "run", "format_version": 2}', "must be 1, but is 2"),
        ('{"metastack_kind": "run", "format_version": 1}', "is damaged"),
    ],
)
def test_a_damaged_run_is_refused(tmp_path, text, message):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(text)
    with pytest.raises(InputError, match=message):
        RunFolder.open(tmp_path / "run")
    assert RunIndex(tmp_path).runs() == []


def test_one_damaged_run_does_not_hide_the_others(tmp_path):
    for name in ("one", "two"):
        begun(tmp_path / name, squares(1))
    index = RunIndex(tmp_path)
    assert len(index.runs()) == 2
    file = tmp_path / "one" / "run.json"
    file.write_text(file.read_text().replace('"seed": 0', '"seed": null'))
    with pytest.raises(InputError, match="a value is missing or of another kind"):
        RunFolder.open(tmp_path / "one")
    assert [entry.folder for entry in index.runs()] == ["two"]


def test_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="but is none"):
        RunFolder.open(tmp_path)


def test_units_hold_numbers_only():
    with pytest.raises(TypeError, match="must be numbers"):
        Unit(dict, {"name": "text"}).compute()


# ---- the index


def test_the_index_follows_the_folders(tmp_path):
    units, index = squares(3), RunIndex(tmp_path)
    computed(tmp_path / "one", units[:1])
    assert [(entry.folder, entry.done) for entry in index.runs()] == [("one", 1)]
    computed(tmp_path / "two", units)
    run = RunFolder.open(tmp_path / "one")
    with run.alone():
        run_units(units, run)
    assert {entry.folder: entry.done for entry in index.runs()} == {"one": 3, "two": 3}
    index.delete(index.folder("one"))
    assert [entry.folder for entry in index.runs()] == ["two"]
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("damage", ["no database at all", None])
def test_a_damaged_index_is_made_anew_from_the_folders(tmp_path, damage):
    computed(tmp_path / "one", squares(1))
    index = RunIndex(tmp_path)
    before = index.runs()
    if damage is None:
        with sqlite3.connect(tmp_path / "runs.sqlite") as database:
            database.execute("ALTER TABLE runs ADD COLUMN other")
    else:
        (tmp_path / "runs.sqlite").write_text(damage * 100)
    assert index.runs() == before
    assert index.rebuild() == before


def test_a_run_is_found_by_the_beginning_of_its_name(tmp_path):
    for name in ("sweep-1", "sweep-2", "other"):
        begun(tmp_path / name, squares(1))
    index = RunIndex(tmp_path)
    assert index.folder("oth").path == tmp_path / "other"
    assert index.folder(str(tmp_path / "sweep-1")).path == tmp_path / "sweep-1"
    with pytest.raises(InputError, match="stands for sweep-1, sweep-2"):
        index.folder("sweep")
    with pytest.raises(InputError, match="there is none"):
        index.folder("nothing")


def test_what_was_asked_is_kept(tmp_path):
    run = begun(tmp_path / "run", squares(2), seed=7)
    assert (run.path / "inputs" / "asked.toml").read_text() == "x = 1\n"
    about = json.loads((run.path / "run.json").read_text())
    assert about["seed"] == 7
    assert about["units"] == 2
    assert RunFolder.open(run.path) == run
