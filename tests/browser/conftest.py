"""A browser without a window, and a page that remembers what it asked for and complained of."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page, sync_playwright

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
GRAVE = {"serious", "critical"}


@dataclass
class Opened:
    """A page in the browser.

    Attributes:
        page: the page itself.
        asked: addresses it asked for.
        said: errors and warnings of its console, and errors of its scripts.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Let axe look for what keeps people out; name the grave faults."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [one["id"] for one in found if one["impact"] in GRAVE]


@pytest.fixture(scope="module")  # its event loop must not outlive these tests
def browser():
    """Start the system's Chromium; the Makefile installs it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing = "No chromium on PATH: apt-get install chromium (make test does it as root)."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """Open a file as a reader would, in light or in dark."""
    pages = []

    def open_file(path: Path, scheme: str = "light") -> Opened:
        page = browser.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 800})
        pages.append(page)
        opened = Opened(page)
        page.on("request", lambda request: opened.asked.append(request.url))
        page.on("console", lambda message: opened.said.append(message.text))
        page.on("pageerror", lambda error: opened.said.append(str(error)))
        page.goto(path.as_uri())
        return opened

    yield open_file
    for page in pages:
        page.close()
