"""The lab in a real browser: every page, with mouse and keyboard, on good and on bad input."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")
pytest.importorskip("uvicorn", reason="the lab needs metastack[lab]")

from lab_browser import TOKEN, Visit, axe_source, chromium, running_browser, running_lab, until
from lab_case import SMALL

from metastack.cli.main import run
from metastack.study.runs import RunFolder, RunInputs

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium is installed (apt-get install chromium)"
)

PAGES = ("design", "directions", "calibrate", "runs")
PHONE = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}
SMALL_STACK = "&".join(f"stack.{name}={value}" for name, value in SMALL.items())
LONG = "method=gradient-descent&iterations=100000000&goal_db=-400"
PLANES = (("input", 2, ""), ("layers", 3, "count = 2\n"), ("receivers", 2, ""))
BENCH_POSE = "&dy_wavelengths=0.05&dz_wavelengths=0&rz_deg=0&dx_wavelengths=0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def address(runs):
    with running_lab(runs) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    made = Visit(browser, address)
    yield made
    assert made.errors == []
    assert made.elsewhere == []
    made.close()


@pytest.fixture(scope="module")
def axe(request):
    source = axe_source(request.config.rootpath / ".pytest_cache" / "axe")
    if source is None:
        pytest.skip("axe-core could not be had from the npm registry")
    return source


def findings(page, axe):
    """What axe finds serious or critical."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    return [
        (each["id"], each["nodes"][0]["html"])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def ready(page, name):
    """Wait until a page has what it shows first."""
    first = {
        "design": "#space[data-drawn]",
        "directions": "#view[data-frames]",
        "calibrate": "#plane option:nth-child(7)",
        "runs": "#runs :is(caption, tbody)",
    }
    page.wait_for_selector(first[name], state="attached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_accessible(browser, address, axe, name, scheme):
    visit = Visit(browser, address, color_scheme=scheme)
    page = visit.enter(f"/{name}")
    ready(page, name)
    assert findings(page, axe) == []
    assert visit.errors == []
    assert visit.elsewhere == []
    visit.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_a_phone(browser, address, axe, name):
    """Nothing sticks out sideways but tables in boxes of their own."""
    visit = Visit(browser, address, **PHONE)
    page = visit.enter(f"/{name}")
    ready(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert findings(page, axe) == []
    visit.close()


@pytest.mark.parametrize(("name", "most"), [("directions", 200_000), ("design", 5_000_000)])
def test_pages_are_light(visit, name, most):
    """As sent: only the design page loads plotly."""
    page = visit.enter("/runs")
    sizes = {}
    client = visit.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.loadingFinished",
        lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}),
    )
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(f"{visit.address}/{name}")
    ready(page, name)
    assert 10_000 < sum(sizes.values()) < most


def test_a_wrong_token_shows_one_line(browser, address):
    visit = Visit(browser, address)
    answer = visit.page.goto(f"{address}/design?token=wrong")
    assert answer.status == 403
    assert "open the address that `metastack lab` printed" in visit.page.inner_text("body")
    visit.close()


def test_the_token_leaves_the_address_bar(visit):
    visit.page.goto(f"{visit.address}/runs?token={TOKEN}")
    assert visit.page.url == f"{visit.address}/runs"
    assert visit.page.evaluate("document.cookie") == ""


def test_a_design_to_its_end(visit):
    """From changed numbers to phases, files, and an address that restores it all."""
    page = visit.enter(f"/design?{SMALL_STACK}&goal_db=-30")
    ready(page, "design")
    assert page.locator("#space").get_attribute("data-drawn") == "4"
    page.click("#form button[type=submit]")
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#maps canvas").count() == 2
    assert "NMSE" in page.inner_text("#facts")
    assert re.search(r"Now -\d+\.\d+ dB", page.inner_text("#errors-now"))
    assert re.search(r"Now \d+\.\d+ dB", page.inner_text("#losses-now"))
    with page.expect_download() as download:
        page.click("#job summary")
        page.click("#job a[download='design.nc']")
    assert download.value.suggested_filename == "design.nc"
    page.fill("#table-table_bits", "99")
    page.click("#table button")
    page.wait_for_selector("#table-job .state.refused")
    assert "--bits" in page.inner_text("#table .refusal:not([hidden])")
    page.fill("#table-table_bits", "4")
    page.click("#table button")
    page.wait_for_selector("#table-files a[download='codes.csv']")
    again = page.url
    page.goto("about:blank")
    page.goto(again)
    page.wait_for_selector("#result:not([hidden])")
    page.wait_for_selector("#table-files a[download='codes.csv']")
    assert page.locator("#maps canvas").count() == 2
    page.goto(visit.address + page.get_attribute("#to-directions", "href"))
    ready(page, "directions")
    assert page.input_value("#design").startswith("job/")


def test_a_design_goes_on_while_the_page_is_loaded_again_and_is_stopped(visit):
    page = visit.enter(f"/design?{SMALL_STACK}&{LONG}")
    ready(page, "design")
    page.click("#form button[type=submit]")
    until(lambda: "Now" in page.inner_text("#errors-now"))
    page.reload()
    until(lambda: "Now" in page.inner_text("#errors-now"))
    assert page.inner_text("#job .state") == "Running"
    assert "iteration" in page.inner_text("#job .status")
    page.click("#job summary")
    is_followed_only_while_seen(page)
    says_that_the_lab_is_gone(page)
    assert page.evaluate("document.querySelector('#job details').open")
    assert page.input_value("#design-method") == "gradient-descent"
    page.click("#job button")
    page.wait_for_selector("#job .state.stopped")
    page.wait_for_selector("#result:not([hidden])")
    assert "interrupt" in page.inner_text("#facts").lower()
    is_removed_for_good(page, page.url.split("job=")[1].split("&")[0])


def is_removed_for_good(page, job):
    """By a second click, from the list of all jobs."""
    page.goto(page.url.split("/design")[0] + "/runs")
    row = page.locator("#jobs tr", has=page.locator(f"a[href$='job={job}']"))
    row.get_by_role("button").click()
    assert row.get_by_role("button").inner_text() == "Remove for good"
    row.get_by_role("button").click()
    row.wait_for(state="detached")
    assert page.request.get(f"{page.url.split('/runs')[0]}/api/jobs/{job}").status == 422


def is_followed_only_while_seen(page):
    """A hidden page holds no stream, and goes on where it left off."""
    status = page.locator("#job .status")
    see(page, False)
    page.wait_for_timeout(300)
    before = status.inner_text()
    page.wait_for_timeout(1500)
    assert status.inner_text() == before
    see(page, True)
    until(lambda: status.inner_text() != before)


def says_that_the_lab_is_gone(page):
    """Beside the job, and of a stop that did not arrive; once it is back, all goes on."""
    status = page.locator("#job .status")
    page.route("**/api/jobs/**", lambda route: route.abort())
    see(page, False)
    see(page, True)
    until(lambda: "The lab does not answer." in status.inner_text())
    page.click("#job button")
    until(lambda: "still running?" in status.inner_text())
    page.unroute("**/api/jobs/**")
    see(page, False)
    see(page, True)
    until(lambda: "iteration" in status.inner_text())


def see(page, is_seen):
    """Show or hide a page, as another tab does."""
    hidden = "false" if is_seen else "true"
    page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def test_a_cleared_field_stays_empty(visit):
    page = visit.enter("/design")
    ready(page, "design")
    page.fill("#design-starts", "")
    page.fill("#design-bits", "3")
    page.fill("#design-bits", "")
    page.reload()
    ready(page, "design")
    assert urlsplit(page.url).query == "starts="
    assert page.input_value("#design-starts") == ""


def test_the_whole_stack_is_in_the_frame(browser, address):
    """Short and long, on a desk and on a phone: no point is drawn at an edge."""
    for options in ({}, PHONE):
        visit = Visit(browser, address, **options)
        for path in ("", "?stack=example/stack_4x4.toml", f"?{SMALL_STACK}"):
            page = visit.enter(f"/design{path}")
            ready(page, "design")
            page.wait_for_timeout(500)
            assert not colours_at_the_edge(page.locator("#space").screenshot())
        visit.close()


def colours_at_the_edge(png):
    """Whether points, which are as colourful as nothing else, come near the frame."""
    from io import BytesIO

    from matplotlib.image import imread

    picture = imread(BytesIO(png))[3:-3, 3:-3, :3]
    colourful = np.ptp(picture, axis=2) > 0.3
    colourful[8:-8, 8:-8] = False
    return bool(colourful.any())


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("stack.layers.count=0", "stack.layers.count", "layers.count"),
        ("stack.frequency_hz=fast", "stack.frequency_hz", "frequency_hz"),
        ("bits=99", "bits", "--bits"),
        ("starts=x", "starts", "--starts"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(visit, path, field, words):
    page = visit.enter(f"/design?{path}")
    if not path.startswith("stack."):
        ready(page, "design")
        page.click("#form button[type=submit]")
    refusal = page.locator(f'[data-field="{field}"] .refusal')
    refusal.wait_for()
    assert words in refusal.inner_text()
    box = page.locator(f'[data-field="{field}"] input')
    assert box.get_attribute("aria-invalid") == "true"
    assert box.input_value() == path.split("=")[1]


def test_a_source_is_dragged_and_the_estimate_follows(visit):
    page = visit.enter("/directions?snr=60&snapshots=4")
    page.wait_for_selector("#numbers tbody td:nth-child(6):not(:empty)")
    frames = int(page.get_attribute("#view", "data-frames"))
    box = page.locator(".source").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 31):
        page.mouse.move(x - 4 * step, y + 3 * step)
        page.wait_for_timeout(20)
    page.mouse.up()
    until(lambda: int(page.get_attribute("#view", "data-frames")) > frames + 3)
    until(lambda: "s" in parse_qs(urlsplit(page.url).query))
    moved = parse_qs(urlsplit(page.url).query)["s"][0]
    assert moved != "0.4,0.25,0"
    off = page.locator("#numbers tbody td:nth-child(6)")
    until(lambda: off.inner_text().endswith("°") and float(off.inner_text()[:-1]) < 1)
    page.reload()
    page.wait_for_selector("#numbers tbody td:nth-child(6):not(:empty)")
    assert parse_qs(urlsplit(page.url).query)["s"][0] == moved


def test_sources_are_moved_by_keys_and_there_may_be_several(visit):
    page = visit.enter("/directions?snr=60&snapshots=4&s=0.3,0.2,0")
    page.wait_for_selector("#numbers tbody td:nth-child(6):not(:empty)")
    page.focus(".source")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    until(lambda: parse_qs(urlsplit(page.url).query)["s"][0] == "0.31,0.15,0")
    page.click("#add")
    page.wait_for_selector("#numbers tbody tr:nth-child(2) td:nth-child(6):not(:empty)")
    label = page.locator(".source").nth(1).get_attribute("aria-label")
    assert label.startswith("Source 2 at θ")


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("seed=abc", "seed", "whole number"),
        ("design=upload/none.nc", "design", "upload/none.nc"),
        ("through=upload/none.toml", "through", "upload/none.toml"),
    ],
)
def test_directions_say_what_in_an_address_is_wrong(visit, path, field, words):
    page = visit.enter(f"/directions?{path}")
    refusal = page.locator(f'[data-field="{field}"] .refusal')
    refusal.wait_for()
    assert words in refusal.inner_text()
    assert page.get_attribute("#view", "data-frames") is None


def test_directions_show_what_is_drawn(visit):
    """Its scale, and no number of snapshots that cannot be chosen."""
    page = visit.enter("/directions?snapshots=3")
    ready(page, "directions")
    assert "-40 dB" in page.inner_text("#scale")
    assert page.input_value("#snapshots") == "8"


def test_layers_are_pulled_apart_found_and_designed_again(visit):
    """To the directions before and after."""
    page = visit.enter(f"/calibrate?mode=pull&slots=60&snr_db=40{BENCH_POSE}")
    ready(page, "calibrate")
    assert page.locator("#plane option").count() == 7
    page.select_option("#plane", "2")
    page.focus("#dy_wavelengths")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert parse_qs(urlsplit(page.url).query)["p2"] == ["0,0.002,0,0,0,0"]
    page.click("[data-panel=pull] button[type=submit]")
    page.wait_for_selector("#result:not([hidden])")
    page.wait_for_selector("#matrices figure")
    assert page.locator("#matrices figure").count() == 8 * 4
    assert page.locator("#displacements canvas").count() == 1
    assert page.inner_text("#verdict")
    page.click("#again button[type=submit]")
    page.wait_for_selector("#again-numbers tbody tr:nth-child(3)")
    page.reload()
    page.wait_for_selector("#again-numbers tbody tr:nth-child(3)")
    assert "NMSE" in page.inner_text("#again-numbers")
    page.click("#to-directions a")
    ready(page, "directions")
    assert page.input_value("#through").endswith("/built.toml")
    page.check("input[value=after]")
    until(lambda: parse_qs(urlsplit(page.url).query)["when"] == ["after"])


def numbers_of(answer):
    """The numbers of an answer, without how long it took and where it went."""
    return {k: v for k, v in answer.items() if k not in ("output", "seconds")}


@pytest.fixture(scope="module")
def stack_and_pilots(tmp_path_factory):
    """A stack file and pilots through it as built, as the command line makes them."""
    folder = tmp_path_factory.mktemp("bench")
    stack = folder / "stack.toml"
    stack.write_text(
        "frequency_hz = 60e9\ngaps = {thickness_wavelengths = 4}\n"
        + "".join(
            f"[{name}]\ncolumns = {n}\nrows = {n}\nspacing_wavelengths = 0.5\n{more}"
            for name, n, more in PLANES
        )
    )
    assert run(["simulate", "built", str(stack), "-o", str(folder / "built.toml")]) == 0
    line = [str(folder / "built.toml"), "-o", str(folder / "pilots.npz"), "--snr-db", "30"]
    assert run(["simulate", "pilots", *line, "--far", "20,35"]) == 0
    return stack, folder / "pilots.npz"


def test_uploaded_pilots_end_as_on_the_command_line(visit, stack_and_pilots, tmp_path):
    from subprocess import run as run_alone
    from sys import executable

    page = visit.enter("/calibrate?mode=calibrate&far=20,35")
    page.wait_for_selector("#calibrate-stack option", state="attached")
    page.set_input_files("#upload-calibrate", [str(each) for each in stack_and_pilots])
    until(lambda: page.input_value("#calibrate-pilots").endswith("/pilots.npz"))
    assert page.input_value("#calibrate-stack").endswith("/stack.toml")
    page.click("[data-panel=calibrate] button[type=submit]")
    page.wait_for_selector("#result:not([hidden])")
    job = parse_qs(urlsplit(page.url).query)["job"][0]
    told = page.request.get(f"{visit.address}/api/jobs/{job}").json()
    line = [executable, "-m", "metastack", "calibrate", *map(str, stack_and_pilots), "--json"]
    alone = run_alone([*line, "-o", tmp_path / "c.toml", "--far", "20,35"], capture_output=True)
    assert numbers_of(told["answers"][0]) == numbers_of(json.loads(alone.stdout))


@pytest.mark.slow
def test_device_built_pilots_end_as_on_the_command_line(visit, request, tmp_path):
    """Of the device that a solver made, as a user types it."""
    from subprocess import run as run_alone
    from sys import executable

    data = request.config.rootpath / "tests" / "data" / "mom"
    files = [data / "device_nominal_network.npz", data / "device_built_pilots.npz"]
    page = visit.enter("/calibrate?mode=network&feeds=4&layers=4&atoms_of_layer=9")
    page.wait_for_selector("#network-designed option", state="attached")
    page.set_input_files("#upload-network", [str(each) for each in files])
    until(lambda: page.input_value("#network-pilots").endswith("/device_built_pilots.npz"))
    page.click("[data-panel=network] button[type=submit]")
    page.wait_for_selector("#result:not([hidden])", timeout=1_800_000)
    job = parse_qs(urlsplit(page.url).query)["job"][0]
    told = page.request.get(f"{visit.address}/api/jobs/{job}").json()
    ports = ["--feeds", "4", "--layers", "4", "--atoms", "9"]
    line = [executable, "-m", "metastack", "calibrate", "network", *map(str, files), *ports]
    alone = run_alone([*line, "-o", tmp_path / "b.npz", "--json"], capture_output=True)
    assert numbers_of(told["answers"][0]) == numbers_of(json.loads(alone.stdout))


def test_no_file_is_chosen_by_itself(visit):
    page = visit.enter("/calibrate?mode=calibrate")
    page.wait_for_selector("#calibrate-pilots option", state="attached")
    page.click("[data-panel=calibrate] button[type=submit]")
    refusal = page.locator('[data-panel=calibrate] [data-field="pilots"] .refusal')
    refusal.wait_for()
    assert "must be chosen" in refusal.inner_text()


def test_a_broken_upload_is_said_where_it_was_given(visit, tmp_path):
    page = visit.enter("/calibrate?mode=calibrate")
    page.wait_for_selector("#calibrate-stack option", state="attached")
    np.savez(tmp_path / "pilots.npz", nothing=1)
    page.set_input_files("#upload-calibrate", str(tmp_path / "pilots.npz"))
    until(lambda: page.input_value("#calibrate-pilots").endswith("/pilots.npz"))
    page.click("[data-panel=calibrate] button[type=submit]")
    refusal = page.locator('[data-panel=calibrate] [data-field="pilots"] .refusal')
    refusal.wait_for()
    assert "pilots.npz" in refusal.inner_text()
    (tmp_path / "program.exe").write_bytes(b"MZ")
    page.set_input_files("#upload-calibrate", str(tmp_path / "program.exe"))
    refusal = page.locator("[data-panel=calibrate] .upload .refusal")
    refusal.wait_for()
    assert "must end in" in refusal.inner_text()


def test_an_upload_that_is_too_large_is_said(visit, tmp_path):
    page = visit.enter("/calibrate?mode=calibrate")
    page.wait_for_selector("#calibrate-stack option", state="attached")
    (tmp_path / "pilots.npz").write_bytes(bytes(2**26 + 2**20))
    page.set_input_files("#upload-calibrate", str(tmp_path / "pilots.npz"))
    refusal = page.locator("[data-panel=calibrate] .upload .refusal")
    refusal.wait_for()
    assert "at most 64 MiB" in refusal.inner_text()


def a_run(runs, name, values):
    """A finished run with one result and a picture."""
    from matplotlib.figure import Figure
    from xarray import Dataset

    inputs = RunInputs("sweep", name, name, 0, 1, len(values), f"metastack sweep {name}.toml")
    folder = RunFolder.begin(runs / name, inputs, {"sweep.toml": f"name = '{name}'\n"})
    figure = Figure()
    figure.subplots().plot(values)
    folder.draw({"sweep": figure})
    seeds = {"seed": np.arange(len(values))}
    folder.finish(Dataset({"nmse_db": ("seed", np.array(values))}, seeds))
    return folder


def test_runs_are_looked_at_compared_and_gone_on_with(visit, runs):
    a_run(runs, "first", [1.0, 2.0])
    a_run(runs, "second", [1.0, 3.0])
    unfinished = RunInputs("sweep", "third", "third", 0, 1, 1, "metastack sweep third.toml")
    RunFolder.begin(runs / "third", unfinished, {})
    page = visit.enter("/runs")
    page.click("#runs a:text-is('first')")
    page.wait_for_selector("#figures img")
    assert page.evaluate("document.querySelector('#figures img').decode().then(() => true)")
    page.select_option("#other", "second")
    page.wait_for_selector("#differences tbody")
    assert "NMSE" in page.inner_text("#differences") or "nmse" in page.inner_text("#differences")
    again = page.url
    page.goto(again)
    page.wait_for_selector("#differences tbody")
    page.goto(f"{visit.address}/runs?run=third")
    page.wait_for_selector("#resume:not([hidden])")
    page.click("#resume")
    page.wait_for_selector("#job .state.refused")
    assert "third" in page.inner_text("#job")


def test_the_theme_is_chosen_and_kept(visit):
    page = visit.enter("/runs")
    dark = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(dark)
    page.click("#theme")
    after = page.evaluate(dark)
    assert after != before
    page.reload()
    assert page.evaluate(dark) == after


def test_a_lab_that_is_gone_is_said(browser, tmp_path):
    with running_lab(tmp_path) as address:
        visit = Visit(browser, address)
        page = visit.enter("/design")
        ready(page, "design")
    page.click("#form button[type=submit]")
    refusal = page.locator("#form .refusal.general")
    refusal.wait_for()
    assert "is `metastack lab` still running?" in refusal.inner_text()
    assert visit.errors == []
    visit.close()
