"""Chromium without a window, driven by Selenium, and what a test asks of it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

_CURE = "apt-get install chromium chromium-driver && pip install -e '.[dev]'"
_BINARIES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped, and says what to install, where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason=f"no selenium: {_CURE}")
    from selenium.webdriver.chrome.service import Service

    binary = next((found for name in _BINARIES if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        # pip, which installs everything else that tests need, cannot install a browser. CI does, and runs these.
        pytest.skip(reason=f"no chromium or no chromedriver: {_CURE}")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With a driver that is named, Selenium looks for none and downloads none.
    driven = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(driven)
    finally:
        driven.quit()


class Browser:
    """A page on the screen."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = 1200, height: int = 900, dark: bool = False, at: str = "") -> None:
        """Load a page from disk, and wait until its first picture is there."""
        self.driver.get("about:blank")
        self.driver.get_log("browser"), self.driver.get_log("performance")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=theme)
        self.driver.get(page.as_uri() + at)
        self.settle()

    def command(self, name: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Until what was asked for is decoded and painted."""
        self.driver.set_script_timeout(30)
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "const busy = () => document.getElementById('stage').getAttribute('aria-busy') === 'true'"
            " || [...document.querySelectorAll('#stage img[src]')].some(image => !image.complete);"
            "const look = () => busy() ? setTimeout(look, 10)"
            " : requestAnimationFrame(() => requestAnimationFrame(() => done()));"
            "setTimeout(look, 10);"
        )

    def shot(self) -> np.ndarray:
        """The screen, (H, W, 3)."""
        self.settle()
        return np.asarray(Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")).astype(int)

    def box(self, selector: str, nth: int = 0) -> dict[str, float]:
        """Where an element is on the screen."""
        box: dict[str, float] = self.run(
            "const box = document.querySelectorAll(arguments[0])[arguments[1]].getBoundingClientRect();"
            "return {x: box.x, y: box.y, width: box.width, height: box.height}",
            selector,
            nth,
        )
        return box

    def place(self, selector: str, across: float, down: float, nth: int = 0) -> tuple[float, float]:
        """A point of an element, by shares of its sides."""
        box = self.box(selector, nth)
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.mouse("mousePressed", *start, button="left", buttons=1, clickCount=1)
        for part in (0.3, 0.7, 1.0):
            between = [a + (b - a) * part for a, b in zip(start, end, strict=True)]
            self.mouse("mouseMoved", *between, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def touch(self, *steps: list[tuple[float, float]]) -> None:
        """Fingers: where each is, step after step; then all are lifted."""
        for kind, points in zip(["touchStart", *["touchMove"] * (len(steps) - 1)], steps, strict=True):
            fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
            self.command("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)
        self.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, *keys: str, shift: bool = False) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        actions = ActionChains(self.driver)
        if shift:
            actions.key_down(Keys.SHIFT).send_keys(*keys).key_up(Keys.SHIFT).perform()
        else:
            actions.send_keys(*keys).perform()
        self.settle()

    def click(self, selector: str, nth: int = 0) -> None:
        self.run("document.querySelectorAll(arguments[0])[arguments[1]].click()", selector, nth)
        self.settle()

    def text(self, selector: str) -> str:
        found: str = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return found

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)"
        found: list[str] = self.run(script, selector)
        return found

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened, its own first."""
        return [told["request"]["url"] for told in self._told("Network.requestWillBeSent")]

    def failures(self) -> list[dict[str, Any]]:
        """What the browser says of each request that failed, as :meth:`requests` empties what it reads from."""
        return self._told("Network.loadingFailed")

    def _told(self, method: str) -> list[dict[str, Any]]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [message["params"] for message in messages if message["method"] == method]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
