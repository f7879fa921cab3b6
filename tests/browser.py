"""A headless Chromium that reads a page from disk, and what it noticed while it did."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SIZES = {"wide": (1280, 900), "tablet": (820, 1100), "phone": (390, 844)}
SCHEMES = ("light", "dark")

OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync", "--no-first-run",
    "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip

PATIENCE = 30.0
"""Seconds that the machine may take for what a reader would wait a moment for."""


def programs() -> tuple[str, str]:
    """Chromium and its driver; the test is skipped where one of them is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("no chromium here: on Debian `apt-get install chromium chromium-driver` brings it")
    return found, driver


@contextmanager
def started() -> Iterator[Browser]:
    """A browser, closed at the end."""
    selenium = pytest.importorskip("selenium.webdriver", reason="pages are read with selenium: pip install selenium")
    from selenium.webdriver.chrome.service import Service

    program, driver = programs()
    options = selenium.ChromeOptions()
    options.binary_location = program
    for each in OPTIONS:
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = selenium.Chrome(options=options, service=Service(driver))
    running.set_script_timeout(2 * PATIENCE)
    try:
        yield Browser(running)
    finally:
        running.quit()


class Browser:
    """What tests do with a page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.shown: tuple[Path, str, str] | None = None

    def show(self, path: Path) -> None:
        """Show a page as `open` does, unless it is shown already: for tests that leave it as they found it."""
        if self.shown != (path, "wide", "light"):
            self.open(path)

    def open(self, path: Path, *, size: str = "wide", scheme: str = "light") -> None:
        """Show a page in a window of a size, in light or dark, and wait until its figures are drawn."""
        width, height = SIZES[size]
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.driver.get(path.as_uri())
        self.until(lambda: self.run("return document.documentElement.dataset.ready === 'yes'"))
        self.shown = (path, size, scheme)

    def ask(self, command: str, **parameters: Any) -> Any:
        """A command of the developer tools."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something holds, and give it back."""
        end = time.monotonic() + PATIENCE
        while not (found := holds()):
            assert time.monotonic() < end, "the page did not do in time what was waited for"
            time.sleep(0.02)
        return found

    def find(self, selector: str) -> Any:
        """The one element that a selector names."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def choose(self, selector: str, value: str) -> None:
        """Set a list or a field as a reader does, and tell the page."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}));",
            selector, value,
        )  # fmt: skip

    def complaints(self) -> list[str]:
        """Errors in the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page as a picture."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}
        shot = self.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
