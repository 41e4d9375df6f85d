"""A lab that really runs, and the system's Chromium to look at it."""

import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path

TOKEN = "a-token-for-tests-only"
PATIENCE_MS = 600_000
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ADDRESS = re.compile(r"metastack lab: (http://\S+)/\?token=(\S+)")
_AXE = "axe-core@4.11.0"


def chromium():
    """Where the system's Chromium is; nothing if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running_lab(runs):
    """The address of a lab over `runs`, which is closed as by Ctrl-C."""
    command = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command += "from metastack.cli import main; main()"
    options = ["--no-browser", "--port", "0", "--token", TOKEN, "--runs", str(runs)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", command, "lab", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = _ADDRESS.match(process.stdout.readline())
        assert found
        yield found.group(1)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.stdout.close()


@contextmanager
def running_browser():
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Everything runs in a container as root, where Chromium's sandbox does not start.
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


class Visit:
    """A page of the lab with what it asked for and what went wrong in it."""

    def __init__(self, browser, address, **options):
        self.address, self.requests, self.errors, self.weight = address, [], [], 0
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def enter(self, path="/"):
        """Come in by the address that the lab prints, and go to a page."""
        self.page.goto(f"{self.address}/runs?token={TOKEN}")
        self.page.goto(self.address + path)
        return self.page

    def close(self):
        self.context.close()

    @property
    def elsewhere(self):
        """What was asked of other hosts."""
        own = (self.address, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


def axe_source(folder: Path):
    """The script of axe-core from the npm registry, kept in `folder`; nothing without npm."""
    kept = folder / f"{_AXE}.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run([npm, "pack", _AXE], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        return None
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        source = archive.extractfile("package/axe.min.js").read().decode()
    kept.write_text(source, encoding="utf-8")
    return source


def until(is_so, seconds=PATIENCE_MS / 1000):
    """Wait for something to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := is_so():
            return value
        time.sleep(0.1)
    raise AssertionError("waited for too long")
