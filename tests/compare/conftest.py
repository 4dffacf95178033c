"""The browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compare.browser import Browser, chromium


@pytest.fixture(scope="session")
def one_browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """A browser; after each test no page may have complained, or asked for anything but itself and its pictures."""
    yield one_browser
    assert one_browser.complaints() == []
    asked = one_browser.requests()
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in asked), asked
