"""The lab in a real browser: to a usable page, frames while a source is dragged, weight, access.

Needs the extras lab and dev, a Chromium, and npm for axe-core. Times are of a machine that does
nothing else; the browser draws without a graphics card here.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .rows import Row, count_row, limit_row

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "web"))

from lab_browser import TOKEN, Visit, axe_source, chromium, running_browser, running_lab, until  # noqa: E402

PAGES = ("design", "directions", "calibrate", "runs")
DRAGGED_S = 10.0


def rows() -> Iterator[Row]:
    if chromium() is None:
        yield Row("the lab in a browser", "", "no Chromium is installed")
        return
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        began = time.perf_counter()
        with running_lab(Path(folder)) as address:
            visit = Visit(browser, address)
            visit.page.goto(f"{address}/design?token={TOKEN}")
            visit.page.wait_for_selector("#design-stack option", state="attached")
            yield limit_row("lab: to a usable page", time.perf_counter() - began, 3.0, "s")
            yield from _dragged(visit)
            yield from _weights(visit)
            yield from _access(visit)
            yield count_row("lab: requests to its own host", _own(visit), len(visit.requests))


def _dragged(visit: Visit) -> Iterator[Row]:
    page = visit.page
    page.goto(f"{visit.address}/directions")
    page.wait_for_selector("#numbers tbody td:nth-child(6):not(:empty)")
    box = page.locator(".source").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    first, began, step = _frames(page), time.perf_counter(), 0
    while time.perf_counter() - began < DRAGGED_S:
        step += 1
        page.mouse.move(x - 2 * (step % 120), y + (step % 90))
        page.wait_for_timeout(10)
    seconds = time.perf_counter() - began
    page.mouse.up()
    rate = (_frames(page) - first) / seconds
    yield Row(
        "lab: updates while a source is dragged, published 4x4 stack",
        f"{rate:.3g} /s",
        reach=">= 10 /s",
        reached="yes" if rate >= 10 else "NO",
    )
    yield limit_row(
        "lab: one update (median)", float(page.get_attribute("#view", "data-median-ms")), 100, "ms"
    )


def _frames(page) -> int:
    return int(page.get_attribute("#view", "data-frames"))


def _weights(visit: Visit) -> Iterator[Row]:
    for name, most in (("directions", 200), ("calibrate", 200), ("runs", 200), ("design", 5000)):
        sizes: dict[str, float] = {}
        client = visit.context.new_cdp_session(visit.page)
        client.send("Network.enable")
        client.send("Network.setCacheDisabled", {"cacheDisabled": True})
        client.on(
            "Network.loadingFinished",
            lambda told, sizes=sizes: sizes.update({told["requestId"]: told["encodedDataLength"]}),
        )
        visit.page.goto(f"{visit.address}/{name}")
        if name == "design":
            visit.page.wait_for_selector("#space[data-drawn]", state="attached")
        visit.page.wait_for_load_state("networkidle")
        client.detach()
        yield limit_row(f"lab: weight of {name}, as sent", sum(sizes.values()) / 1000, most, "kB")


def _access(visit: Visit) -> Iterator[Row]:
    source = axe_source(ROOT / ".pytest_cache" / "axe")
    if source is None:
        yield Row("lab: axe-core", "", "axe-core could not be had from npm")
        return
    clean = 0
    for scheme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=scheme)
        for name in PAGES:
            visit.page.goto(f"{visit.address}/{name}")
            visit.page.wait_for_load_state("networkidle")
            visit.page.evaluate(source)
            found = until(lambda: visit.page.evaluate("axe.run()"))["violations"]
            clean += not any(each["impact"] in ("serious", "critical") for each in found)
    yield count_row("lab: pages without a serious finding of axe-core", clean, 2 * len(PAGES))


def _own(visit: Visit) -> int:
    return len(visit.requests) - len(visit.elsewhere)
