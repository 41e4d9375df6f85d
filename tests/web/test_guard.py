"""Who may ask a lab, by what name, from where; and what it lets a page do."""

import pytest
from lab_case import HOME, OWN, PORT, TOKEN, a_lab

PLACES = ("/", "/design", "/static/lab.css", "/plotly.js", "/api/jobs", "/api/files")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with a_lab(tmp_path_factory.mktemp("runs")) as client:
        yield client


@pytest.fixture(scope="module")
def other_lab(tmp_path_factory):
    with a_lab(tmp_path_factory.mktemp("runs"), known=False) as client:
        yield client


@pytest.fixture
def stranger(other_lab):
    """Somebody without the cookie."""
    other_lab.cookies.clear()
    return other_lab


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_had_without_the_token(stranger, place):
    answer = stranger.get(place)
    assert answer.status_code == 403
    assert "open the address that `metastack lab` printed" in answer.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "é"])
def test_a_wrong_token_is_none(stranger, token):
    assert stranger.get("/design", params={"token": token}).status_code == 403
    stranger.cookies.set(f"metastack_lab_{PORT}", "wrong")
    assert stranger.get("/design").status_code == 403


def test_the_token_leaves_the_address_and_stays_in_a_cookie_for_itself(stranger):
    """Whatever else the address says is kept; no script and no other site can use the cookie."""
    answer = stranger.get("/directions", params={"snr": "10", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/directions?snr=10"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_redirect_stays_here(stranger):
    """A path of two slashes would be another host."""
    answer = stranger.get(f"{HOME}//elsewhere.example/", params={"token": TOKEN})
    assert not answer.headers.get("location", "").startswith("//")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.x.example", ""])
def test_another_name_is_refused(lab, host):
    """DNS rebinding: a name of somebody else's that stands for this machine."""
    assert lab.get("/design", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}"])
def test_own_names_are_known(lab, host):
    assert lab.get("/design", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1:1", f"http://localhost:{PORT}"],
)
def test_only_own_pages_change_anything(lab, origin):
    headers = {} if origin is None else {"Origin": origin}
    for path in ("/api/jobs", "/api/files", "/api/ask/runs", "/api/runs/x/resume"):
        answer = lab.post(path, json={}, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["refused"] == "Only the lab's own pages may ask for that."


@pytest.mark.parametrize("place", [*PLACES, "/nowhere", "/api/jobs/none"])
def test_every_answer_says_what_a_page_may_do(lab, place):
    """No inline script, nothing from elsewhere, no guessing of types, no frame around it."""
    headers = lab.get(place).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_pages_name_no_other_host_and_no_inline_script(lab):
    for page in ("design", "directions", "calibrate", "runs"):
        text = lab.get(f"/{page}").text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "<script>" not in text
        assert " style=" not in text
        assert " onclick=" not in text


@pytest.mark.parametrize("size", [2**20 + 1, 2**24])
def test_a_form_that_is_too_long_is_refused(lab, size):
    answer = lab.post("/api/jobs", content=b"x" * size, headers=OWN)
    assert answer.status_code == 413
    assert answer.json()["refused"] == "An upload must be at most 1 MiB, but is larger."


def test_an_upload_without_a_length_is_counted_while_it_comes(lab):
    def parts():
        for _ in range(40):
            yield b"x" * 2**16

    assert lab.post("/api/jobs", content=parts(), headers=OWN).status_code == 413


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_form_is_refused(lab, body):
    for path in ("/api/jobs", "/api/ask/frame"):
        answer = lab.post(path, content=body, headers=OWN)
        assert answer.status_code == 422
        assert answer.json()["refused"].startswith("A form must be")
