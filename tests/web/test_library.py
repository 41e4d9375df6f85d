"""What files pages reach: examples, uploads, what jobs left; and no others."""

import json

import numpy as np
import pytest
from lab_case import a_lab, upload, uploaded

from metastack.errors import InputError
from metastack.files import read_stack
from metastack.web.library import EXAMPLES, MOST_BYTES, Library, new_id

STACK = (EXAMPLES / "stack_2x2.toml").read_bytes()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with a_lab(tmp_path_factory.mktemp("runs")) as client:
        yield client


@pytest.mark.parametrize(
    "name",
    [
        "",
        "example",
        "example/",
        "example/..",
        "example/../app.py",
        "example/../../../../etc/passwd",
        "/etc/passwd",
        "upload/../../x.toml",
        "upload/x/stack.toml",
        "job/20260101-000000-00000000/../../secret.toml",
        "job/20260101-000000-00000000/nothing.nc",
        "example/stack_2x2.toml\0",
        "example/%2e%2e/app.py",
        "runs/x/y",
        "example/x/stack_2x2.toml",
    ],
)
def test_no_other_file_has_a_name(tmp_path, name):
    with pytest.raises(InputError):
        Library(tmp_path / "lab").path(name)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    library, job = Library(tmp_path / "lab"), new_id()
    folder = library.jobs / job
    folder.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError):
        library.path(f"job/{job}/out.txt")


@pytest.mark.parametrize("path", ["..%2f..%2fapp.py", "%2e%2e/x", "....//x", "/etc/passwd"])
def test_addresses_do_not_climb(lab, path):
    job = "20260101-000000-00000000"
    places = (f"/static/{path}", f"/api/jobs/{job}/files/{path}", f"/api/runs/{path}/results.nc")
    for place in places:
        assert lab.get(place).status_code in (404, 422)


def test_the_lab_own_folder_is_no_run(lab):
    assert lab.get("/api/runs/lab/results.nc").status_code == 422


def test_examples_are_those_of_the_repository(request):
    """They are in the package as well, for who has no repository."""
    for path in EXAMPLES.glob("*.toml"):
        assert path.read_bytes() == (request.config.rootpath / "examples" / path.name).read_bytes()


def test_example_designs_are_of_the_example_stacks():
    from metastack.files import read_design
    from metastack.files.stack_file import stack_text

    for path in EXAMPLES.glob("*.nc"):
        design, stack = read_design(path), read_stack(path.with_suffix(".toml")).stack
        assert stack_text(design.stack) == stack_text(stack)
        assert design.nmse_db < -100


def test_an_upload_is_found_again(lab):
    (name,) = uploaded(lab, ("stack.toml", STACK))
    listed = [each["name"] for each in lab.get("/api/files", params={"suffixes": ".toml"}).json()]
    assert name in listed
    assert "example/stack_2x2.toml" in listed


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("x.exe", b"MZ")], "must end in"),
        ([("x.pkl", b"\x80")], "must end in"),
        ([(".hidden.toml", STACK)], "must end in"),
        ([("stack.toml", b"")], "is empty"),
        ([("stack.toml", b"\xff\xfe")], "UTF-8"),
        ([("stack.toml", b"a = [")], "must be TOML"),
        ([("s.toml", b'[target]\nfile = "/etc/passwd"')], "uploaded with it"),
        ([("s.toml", b'[atoms]\ntable = "../../x.csv"')], "uploaded with it"),
        ([("s.toml", b'[atoms]\ntable = "..\\\\x.csv"')], "uploaded with it"),
        ([(f"{k}.csv", b"1") for k in range(21)], "files"),
        ([("a.csv", b"1"), ("a.csv", b"2")], "names of their own"),
    ],
)
def test_uploads_that_are_not_taken(lab, files, said):
    answer = upload(lab, *files)
    assert answer.status_code in (400, 422)
    assert said in answer.text


@pytest.mark.parametrize("name", ["pilots (1).npz", "Messung_ä.npz", "a, b+c-d.npz"])
def test_names_as_people_have_them(lab, name):
    (kept,) = uploaded(lab, (name, b"x"))
    assert kept.endswith(f"/{name}")


def test_a_run_may_have_any_name(tmp_path):
    folder = tmp_path / "Läufe (2)"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    library = Library(tmp_path / "lab")
    assert library.run("Läufe (2)") == folder
    for name in ("..", ".", "", "x/../Läufe (2)", "\0"):
        with pytest.raises(InputError):
            library.run(name)


def test_copies_of_other_files_are_not_offered(tmp_path):
    """A job's own stack file is, where numbers were changed."""
    library, job = Library(tmp_path / "lab"), new_id()
    folder = library.jobs / job
    folder.mkdir(parents=True)
    for name in ("stack.toml", "calibrated.toml"):
        (folder / name).write_bytes(STACK)
    for changes, more in (({}, set()), ({"layers.count": "3"}, {f"job/{job}/stack.toml"})):
        record = {"files": {"stack": "stack.toml"}, "fields": {"changes": changes}}
        (folder / "job.json").write_text(json.dumps(record))
        listed = {each["name"] for each in library.names([".toml"]) if "job/" in each["name"]}
        assert listed == {f"job/{job}/calibrated.toml"} | more


def test_a_name_with_folders_loses_them(lab):
    (name,) = uploaded(lab, ("../../../etc/stack.toml", STACK))
    assert name.endswith("/stack.toml")
    assert name.count("/") == 2


def test_an_upload_that_is_too_large_is_refused(lab):
    answer = upload(lab, ("x.npz", bytes(MOST_BYTES + 1)))
    assert answer.status_code == 413
    assert answer.json()["refused"] == "An upload must be at most 64 MiB, but is larger."


def test_pickles_are_not_read(lab, tmp_path):
    """An array of objects would be unpickled: the readers refuse it, here as elsewhere."""
    np.savez(tmp_path / "x.npz", received=np.array([{"a": 1}], dtype=object))
    stack, pilots = uploaded(
        lab, ("stack.toml", STACK), ("x.npz", (tmp_path / "x.npz").read_bytes())
    )
    from lab_case import begun, ended

    told = ended(lab, begun(lab, "calibrate", {"stack": stack, "pilots": pilots}))
    assert told["state"] == "refused"
    assert told["field"] == "pilots"
