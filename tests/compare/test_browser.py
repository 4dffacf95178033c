"""The page in a browser: what is seen, by comparing pixels, and what is pressed, touched and turned."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.compare.browser import Browser
from tests.compare.pages import EVIL, compare, pair_of_folders
from tests.conftest import picture, save
from tests.utils.color_maps import colors_at, page_map

RED, BLUE, GREEN = (200, 30, 30), (30, 30, 200), (30, 160, 30)


def plain(color: tuple[int, int, int], height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def is_color(pixel: np.ndarray, color: tuple[int, int, int], tolerance: int = 12) -> bool:
    return bool(np.abs(pixel - np.array(color)).max() <= tolerance)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, each red before and blue after, and twice as large."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("x.png", "y.png"):
        save(folder / "in" / name, plain(RED)), save(folder / "out" / name, plain(BLUE, 120, 160))
    assert compare(folder / "in", folder / "out", "--out", folder / "page.html").exit_code == 0
    return folder / "page.html"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures with structure, and a reference: three versions."""
    folder = tmp_path_factory.mktemp("real")
    before, after = pair_of_folders(folder, 5, size=(150, 200))
    for i in range(5):
        save(folder / f"ref/{i}.png", picture(300, 400, seed=i))
    save(after / "2-lonely.png", picture(30, 40))
    arguments = [before, after, "--reference", folder / "ref", "--out", folder / "page.html"]
    assert compare(*arguments).exit_code == 1
    return folder / "page.html"


def border(browser: Browser) -> float:
    """How far across the picture red ends and blue begins, 0..1; the slider's own value must say the same."""
    box = browser.box("#stage .layer.main img")
    shot = browser.shot()
    row = shot[round(box["y"] + 0.2 * box["height"])]
    left, right = round(box["x"]) + 1, round(box["x"] + box["width"]) - 1
    inside = row[left:right]
    red = np.abs(inside - RED).max(axis=1) <= 12
    blue = np.abs(inside - BLUE).max(axis=1) <= 12
    # Between them lies the line.
    assert red.sum() + blue.sum() >= len(inside) - 8
    assert not (np.flatnonzero(red)[-1:] > np.flatnonzero(blue)[:1]).any() if red.any() and blue.any() else True
    share = (red.sum() + (len(inside) - red.sum() - blue.sum()) / 2) / len(inside)
    now = float(browser.run("return document.getElementById('divider').getAttribute('aria-valuenow')"))
    assert share == pytest.approx(now / 100, abs=0.012)
    return float(share)


def test_the_slider_by_mouse(browser: Browser, two: Path) -> None:
    browser.open(two)
    assert border(browser) == pytest.approx(0.5, abs=0.01)
    browser.drag(browser.place("#divider", 0.5, 0.5), browser.place("#stage img", 0.8, 0.5))
    assert border(browser) == pytest.approx(0.8, abs=0.01)
    browser.drag(browser.place("#stage img", 0.1, 0.9), browser.place("#stage img", 0.3, 0.9))
    assert border(browser) == pytest.approx(0.3, abs=0.01), "where all of the picture is seen, it slides anywhere"


def test_the_slider_by_finger(browser: Browser, two: Path) -> None:
    browser.open(two, 390, 800)
    browser.touch(*[[browser.place("#stage img", part, 0.5)] for part in (0.5, 0.6, 0.75)])
    assert border(browser) == pytest.approx(0.75, abs=0.015)
    browser.touch([browser.place("#stage img", 0.2, 0.5)])
    assert border(browser) == pytest.approx(0.2, abs=0.015), "a tap puts it there"


def test_the_slider_by_keyboard(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(two)
    browser.run("document.getElementById('divider').focus()")
    browser.press(Keys.ARROW_RIGHT)
    assert border(browser) == pytest.approx(0.51, abs=0.01)
    browser.press(Keys.ARROW_LEFT, shift=True)
    assert border(browser) == pytest.approx(0.41, abs=0.01)
    browser.press(Keys.HOME)
    assert border(browser) == pytest.approx(0, abs=0.01)
    browser.press(Keys.END)
    assert border(browser) == pytest.approx(1, abs=0.01)
    attributes = browser.run(
        "const it = document.getElementById('divider'); return ['role', 'aria-valuemin', 'aria-valuemax', "
        "'aria-valuetext', 'aria-label'].map(name => it.getAttribute(name))"
    )
    assert attributes == ["slider", "0", "100", "100 % before, 0 % out", "Divider between before and out"]


def test_tab_reaches_the_slider_and_it_keeps_the_focus_over_pictures(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(two)
    seen = []
    for _ in range(30):
        browser.press(Keys.TAB)
        seen.append(browser.run("return document.activeElement.id"))
        if seen[-1] == "divider":
            break
    assert seen[-1] == "divider"
    assert "stage" in seen
    browser.press("j")
    assert browser.text("#name") == "y.png"
    browser.press("x", Keys.HOME)
    assert browser.run("return document.activeElement.id") == "divider"


def test_holding_space_shows_the_first_version(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open(two, at="#1/side")
    middle = [round(v) for v in browser.place(".pane", 0.5, 0.5, 1)]
    assert is_color(browser.shot()[middle[1], middle[0]], BLUE)
    ActionChains(browser.driver).key_down(" ").perform()
    assert is_color(browser.shot()[middle[1], middle[0]], RED)
    ActionChains(browser.driver).key_up(" ").perform()
    assert is_color(browser.shot()[middle[1], middle[0]], BLUE)


def test_space_shows_the_first_version_whichever_is_on_the_left(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    for view in ("slider", "side"):
        browser.open(two, at=f"#1/{view}")
        browser.press("x")
        ActionChains(browser.driver).key_down(" ").perform()
        for pane in range(1 if view == "slider" else 2):
            for across in (0.3, 0.7):
                x, y = (round(v) for v in browser.place(".pane", across, 0.5, pane))
                assert is_color(browser.shot()[y, x], RED), (view, pane, across)
        ActionChains(browser.driver).key_up(" ").perform()


def in_panes(browser: Browser) -> list[list[float]]:
    """Of each pane's picture its left, top, width and height in the pane."""
    boxes: list[list[float]] = browser.run(
        "return [...document.querySelectorAll('.pane')].map(pane => { const a = pane.getBoundingClientRect(), "
        "b = pane.querySelector('.main img').getBoundingClientRect(); "
        "return [b.x - a.x, b.y - a.y, b.width, b.height] })"
    )
    return boxes


def assert_together(panes: list[list[float]]) -> None:
    for pane in panes[1:]:
        assert pane == pytest.approx(panes[0], abs=0.01)


def test_zoom_and_pan_keep_the_sides_together(browser: Browser, real: Path) -> None:
    browser.open(real, at="#1/side")
    before = in_panes(browser)
    assert len(before) == 3
    assert_together(before)
    x, y = browser.place(".pane", 0.3, 0.4)
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-1000)
    zoomed = in_panes(browser)
    assert_together(zoomed)
    assert zoomed[0][2] > 2 * before[0][2]
    pane = browser.box(".pane")
    at = [0.3 * pane["width"], 0.4 * pane["height"]]
    for axis in (0, 1):  # what was under the pointer is there still
        share = [(at[axis] - box[axis]) / box[axis + 2] for box in (before[0], zoomed[0])]
        assert share[0] == pytest.approx(share[1], abs=0.01)
    browser.drag(browser.place(".pane", 0.5, 0.5, 1), browser.place(".pane", 0.4, 0.6, 1))
    moved = in_panes(browser)
    assert_together(moved)
    assert moved[0][0] - zoomed[0][0] == pytest.approx(-0.1 * pane["width"], abs=1)
    assert moved[0][1] - zoomed[0][1] == pytest.approx(0.1 * pane["height"], abs=1)


def test_two_fingers_zoom_both_sides(browser: Browser, real: Path) -> None:
    browser.open(real, 390, 800, at="#1/side")
    before = in_panes(browser)
    x, y = browser.place(".pane", 0.5, 0.5)
    browser.touch([(x - 20, y), (x + 20, y)], [(x - 35, y), (x + 35, y)], [(x - 60, y), (x + 60, y)])
    after = in_panes(browser)
    assert_together(after)
    assert after[0][2] / before[0][2] == pytest.approx(3, rel=0.1)


def test_zoom_by_keys_buttons_and_double_click(browser: Browser, real: Path) -> None:
    browser.open(real)
    fitted = in_panes(browser)[0]
    browser.press("1")
    assert in_panes(browser)[0][2:] == pytest.approx([400, 300])
    assert browser.text("#percent") == "100 %"
    browser.press("+", "+")
    assert in_panes(browser)[0][2] == pytest.approx(400 * 1.25**2)
    browser.press("0")
    assert in_panes(browser)[0] == pytest.approx(fitted)
    x, y = browser.place(".pane", 0.5, 0.5)
    for count in (1, 2):
        browser.mouse("mousePressed", x, y, button="left", clickCount=count)
        browser.mouse("mouseReleased", x, y, button="left", clickCount=count)
    assert in_panes(browser)[0][2] == pytest.approx(400)
    browser.click("#zoom-fit")
    assert in_panes(browser)[0] == pytest.approx(fitted)
    for _ in range(40):
        browser.click("#zoom-in")
    assert in_panes(browser)[0][2] == pytest.approx(400 * 32)


def test_the_wheel_scrolls_the_page_where_there_is_nothing_to_zoom_out_of(browser: Browser, real: Path) -> None:
    browser.open(real, 1200, 600)
    x, y = browser.place("#stage", 0.5, 0.5)
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=200)
    browser.settle()
    assert browser.run("return scrollY") > 0


def test_enlarged_pixels_are_smooth_or_square(browser: Browser, tmp_path: Path) -> None:
    board = np.zeros((6, 8, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 255
    save(tmp_path / "in/x.png", board), save(tmp_path / "out/x.png", board)
    options = ["--quality", 100, "--out", tmp_path / "p.html"]
    assert compare(tmp_path / "in", tmp_path / "out", *options).exit_code == 0
    browser.open(tmp_path / "p.html")

    def between() -> float:
        """The share of pixels that are neither black nor white."""
        box = browser.box(".main img")
        rows = slice(round(box["y"] + 0.6 * box["height"]), round(box["y"] + 0.9 * box["height"]))
        part = browser.shot()[rows, round(box["x"]) + 2 : round(box["x"] + 0.45 * box["width"])]
        return float(((part > 60) & (part < 195)).mean())

    assert between() > 0.2
    browser.press("p")
    assert between() < 0.02
    assert browser.run("return document.querySelector('input[name=scaling]:checked').value") == "pixels"


def test_differences_are_painted_by_the_color_map(browser: Browser, tmp_path: Path) -> None:
    steps = [0, 1, 4, 16, 64]
    after = np.full((60, 40 * len(steps), 3), 100, np.uint8)
    for i, step in enumerate(steps):
        after[:, 40 * i : 40 * i + 40] += np.uint8(step)
    save(tmp_path / "in/x.png", np.full_like(after, 100)), save(tmp_path / "out/x.png", after)
    for options in ([], ["--beside"]):
        assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html", *options).exit_code == 0
        browser.open(tmp_path / "p.html", at="#1/difference")
        for times in (1, 4, 16):
            browser.click(f"input[name=amplify][value='{times}']")
            shot = browser.shot()
            for i, step in enumerate(steps):
                x, y = browser.place(".heat img", (i + 0.5) / len(steps), 0.5)
                wanted = 255 * colors_at(page_map(), min(1.0, times * step / 255))
                # The map is a JPEG of 8 bits: a step of it is amplified, too.
                assert np.abs(shot[round(y), round(x)] - wanted).max() < 6 + 1.5 * times, (options, times, step)
        assert browser.text("#legend-most") == "15.9 of 255"


def test_transparency_lies_on_a_chequerboard(browser: Browser, tmp_path: Path) -> None:
    pixels = np.dstack([plain(RED, 120, 160), np.full((120, 160), 255, np.uint8)])
    pixels[:, 80:, 3] = 0
    save(tmp_path / "in/x.png", pixels), save(tmp_path / "out/x.png", pixels)
    assert compare(tmp_path / "in", tmp_path / "out", "--out", tmp_path / "p.html").exit_code == 0
    browser.open(tmp_path / "p.html", at="#1/side")
    box = browser.box(".main img")
    shot = browser.shot()[round(box["y"]) + 60 : round(box["y"] + box["height"]) - 2]
    left, width = round(box["x"]), round(box["width"])
    assert np.abs(shot[:, left + 2 : left + width // 2 - 6] - RED).max() < 20
    colors, counts = np.unique(
        shot[:, left + width // 2 + 6 : left + width - 2].reshape(-1, 3), axis=0, return_counts=True
    )
    common = colors[np.argsort(counts)[-2:]]
    assert sorted(common[:, 0]) == [0xC9, 0xF2]
    assert counts[np.argsort(counts)[-2:]].sum() > 0.85 * counts.sum(), "the rest is where two squares meet"


def test_a_long_table_comes_as_one_scrolls(browser: Browser, tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 700, size=(8, 9), different=1)
    assert compare(before, after, "--most", 2, "--out", tmp_path / "p.html").exit_code == 0
    browser.open(tmp_path / "p.html")
    assert browser.text("#count") == "700"
    assert 200 <= len(names(browser)) < 700
    browser.run("document.getElementById('foot').scrollIntoView()")
    for _ in range(20):
        browser.settle()
        browser.run("document.getElementById('foot').scrollIntoView()")
    assert len(set(names(browser))) == 700
    browser.click(".sorter button")
    browser.click(".sorter button")
    assert names(browser)[:2] == ["699.png", "698.png"]


def idle(browser: Browser) -> list[str]:
    """Whether there is nothing before, and nothing after."""
    script = "return ['previous', 'next'].map(id => document.getElementById(id).getAttribute('aria-disabled'))"
    found: list[str] = browser.run(script)
    return found


def test_before_and_after_follow_the_table(browser: Browser, real: Path) -> None:
    browser.open(real)
    assert idle(browser) == ["true", "false"]
    browser.click(".sorter button")
    browser.click(".sorter button")
    assert (browser.text("#name"), names(browser)[-1]) == ("0.png", "0.png")
    assert idle(browser) == ["false", "true"], "it is the last now"
    browser.run("document.getElementById('search').focus()")
    browser.press("0.p")
    assert idle(browser) == ["true", "true"]
    browser.press("xyz")
    assert idle(browser) == ["true", "true"]


def test_a_button_with_nothing_more_to_do_keeps_the_focus(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(two)
    for button, told in (("next", "y.png"), ("previous", "x.png"), ("zoom-out", "x.png")):
        browser.run("document.getElementById(arguments[0]).focus()", button)
        for _ in range(12):
            browser.press(Keys.ENTER)
        assert browser.text("#name") == told
        assert browser.run("return document.activeElement.id") == button
        assert browser.run("return document.getElementById(arguments[0]).ariaDisabled", button) == "true"


def test_keys_that_mean_nothing_in_a_view_are_the_browsers(browser: Browser, two: Path) -> None:
    browser.open(two)
    script = (
        "const event = new KeyboardEvent('keydown', {key: arguments[0], cancelable: true, bubbles: true});"
        "document.body.dispatchEvent(event); return event.defaultPrevented"
    )
    for view, taken in (("s", True), ("b", False), ("d", False)):
        browser.press(view)
        for key in ("Home", "End", "ArrowLeft", "ArrowRight"):
            assert browser.run(script, key) is taken, (view, key)
    browser.press("b", "1", "+", "+", *["+"] * 12)
    assert browser.run(script, "ArrowLeft") is True, "the picture is larger than its pane: it moves"


def test_another_address_is_followed(browser: Browser, two: Path) -> None:
    browser.open(two)
    for address, name, view in (
        ("#2/side", "y.png", "side"),
        ("#1/side", "x.png", "side"),
        ("#1/difference", "x.png", "difference"),
        ("#7/slider", "x.png", "difference"),
        ("#pictures", "x.png", "difference"),
    ):
        browser.run("location.hash = arguments[0]", address)
        browser.settle()
        shown = browser.text("#name"), browser.run("return document.getElementById('stage').dataset.view")
        assert shown == (name, view), address


def names(browser: Browser) -> list[str]:
    return browser.texts("#body .picture button, #body .picture .name")


def test_the_table_sorts_and_the_pictures_follow(browser: Browser, real: Path) -> None:
    browser.open(real)
    as_it_was = names(browser)
    assert as_it_was == ["0.png", "1.png", "2-lonely.png", "2.png", "3.png", "4.png"]
    head = "Array.from(document.querySelectorAll('.sorter')).findIndex(it => it.textContent.startsWith('PSNR'))"
    column = browser.run(f"return {head}")

    def values() -> list[float]:
        cells = browser.run(
            "return [...document.querySelectorAll('#body tr')].map(row => row.cells[arguments[0]].textContent)", column
        )
        assert cells.pop() == "\u2013", "what is not there comes last"
        return [float(cell) for cell in cells]

    browser.click(".sorter button", column)
    assert values() == sorted(values())
    assert browser.run(f"return document.querySelectorAll('.sorter')[{column}].ariaSort") == "ascending"
    browser.click(".sorter button", column)
    assert values() == sorted(values(), reverse=True)
    order = names(browser)[:5]
    assert order != sorted(order)
    strip = browser.run("return [...document.querySelectorAll('#strip button')].map(button => button.title)")
    assert strip == order, "the pictures follow"
    browser.click("#body .picture button", 0)
    walked = [browser.text("#name")]
    for _ in range(4):
        browser.press("j")
        walked.append(browser.text("#name"))
    assert walked == order
    browser.click(".sorter button", column)
    assert names(browser) == as_it_was
    assert browser.run("return [...document.querySelectorAll('[aria-sort]:not([aria-sort=none])')].length") == 0


def test_the_table_is_searched(browser: Browser, real: Path) -> None:
    browser.open(real)
    browser.run("document.getElementById('search').focus()")
    browser.press("lonely")
    assert names(browser) == ["2-lonely.png"]
    assert browser.text("#count") == "1 of 6"
    assert "no match in" in browser.text("#body .state")
    browser.press("xyz")
    assert "No name or reason contains this text." in browser.text("#body")
    assert browser.text("#name") == "0.png", "letters that are typed are no commands"


def test_the_best_of_the_versions_is_marked_and_means_are_right(browser: Browser, real: Path) -> None:
    browser.open(real)
    facts = browser.run("return JSON.parse(document.getElementById('facts').textContent)")
    better = {i: column for i, column in enumerate(facts["columns"]) if column.get("better")}
    marked = browser.run(
        "return [...document.querySelectorAll('#body tr')].map(row => [...row.cells].map(cell => cell.className))"
    )
    for row, classes in zip(facts["rows"], marked, strict=True):
        for i, column in better.items():
            rivals = [row["cells"][k] for k, other in better.items() if other["label"] == column["label"]]
            known = [value for value in rivals if value is not None]
            best = (max if column["better"] == "higher" else min)(known, default=None)
            expected = len(known) > 1 and row["cells"][i] == best
            assert ("best" in classes[i + 2].split()) == expected
    means = browser.texts("#foot td")
    for i, column in enumerate(facts["columns"]):
        known = [row["cells"][i] for row in facts["rows"] if row["cells"][i] is not None]
        text = f"{np.mean(known):.{column['digits']}f}" if column["kind"] == "number" else ""
        assert means[i + 1] == text


def test_names_are_text_and_their_pictures_load(browser: Browser, tmp_path: Path) -> None:
    for name in EVIL:
        save(tmp_path / "in" / name, plain(RED)), save(tmp_path / "out" / name, plain(BLUE))
    page = tmp_path / "a #1 100%? <b>&.html"
    for options in ([], ["--beside"]):
        assert compare(tmp_path / "in", tmp_path / "out", "--out", page, *options).exit_code == 0
        browser.open(page)
        shown = sorted(name.replace("\n", "\\n").replace("\t", "\\t") for name in EVIL)
        assert names(browser) == shown
        for name in shown:
            assert browser.text("#name") == name
            loaded = browser.run("return [...document.querySelectorAll('#stage img')].map(image => image.naturalWidth)")
            assert loaded == [80, 80, 80]
            browser.press("j")
        assert browser.run("return document.querySelectorAll('b, td script, th script').length") == 0
        assert browser.text("title").startswith("before")


def test_the_page_may_load_nothing_from_elsewhere(browser: Browser, two: Path) -> None:
    browser.open(two)
    blocked = browser.driver.execute_async_script(
        """
        const done = arguments[0], blocked = [];
        document.addEventListener("securitypolicyviolation", event => {
          blocked.push(event.effectiveDirective);
          if (blocked.length === 4) done(blocked.sort());
        });
        new Image().src = "https://example.org/x.png";
        fetch("https://example.org/").catch(() => {});
        document.head.append(Object.assign(document.createElement("script"), { textContent: "window.broken = 1" }));
        document.head.append(Object.assign(document.createElement("style"), { textContent: "body { display: none }" }));
        """
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    assert browser.run("return window.broken") is None
    assert len(browser.complaints()) >= 4
    assert [failed["blockedReason"] for failed in browser.failures()] == ["csp"], "the picture; the rest is not begun"


def test_nothing_moves_while_the_page_comes(browser: Browser, real: Path) -> None:
    shifts = (
        "return new Promise(done => new PerformanceObserver(list => done(list.getEntries().filter("
        "it => !it.hadRecentInput).map(it => it.value))).observe({type: 'layout-shift', buffered: true})) "
    )
    browser.open(real)
    for key in ("d", "b", "s", "j"):
        browser.press(key)
    browser.driver.set_script_timeout(2)
    from selenium.common.exceptions import TimeoutException

    try:
        moved = sum(browser.run(shifts))
    except TimeoutException:
        moved = 0  # the observer has nothing to tell
    assert moved < 0.01


def test_dark_and_light(browser: Browser, two: Path) -> None:
    for dark in (False, True):
        browser.open(two, dark=dark)
        browser.run("localStorage.clear()")
        browser.open(two, dark=dark)
        for is_dark in (dark, not dark):
            brightness = browser.shot()[5, 5].mean()
            assert brightness < 60 if is_dark else brightness > 200
            assert browser.run("return document.getElementById('theme').ariaPressed") == str(is_dark).lower()
            browser.press("t")
    browser.run("localStorage.clear()")


def test_help_lists_what_every_key_does(browser: Browser, two: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(two)
    browser.press("?")
    assert browser.run("return document.getElementById('help').open")
    assert set("JKSBDXPAFT?01") <= set(browser.texts("#keys kbd"))
    browser.press("j")
    assert browser.text("#name") == "x.png", "the page waits below"
    browser.press(Keys.ESCAPE)
    assert not browser.run("return document.getElementById('help').open")


def test_every_key_works(browser: Browser, real: Path) -> None:
    browser.open(real)
    view = "return document.getElementById('stage').dataset.view"
    for key, wanted in (("d", "difference"), ("b", "side"), ("s", "slider")):
        browser.press(key)
        assert browser.run(view) == wanted
        assert browser.run("return document.querySelector('input[name=view]:checked').value") == wanted
        assert browser.run("return location.hash") == f"#1/{wanted}"
    labels = "return [...document.querySelectorAll('.tag select')].map(it => it.selectedOptions[0].text)"
    assert browser.run(labels) == ["before", "out"]
    browser.press("x")
    assert browser.run(labels) == ["out", "before"]
    browser.press("k")
    assert browser.text("#name") == "0.png", "there is none before the first"
    browser.press("d", "a")
    chosen = int(browser.run("return document.querySelector('input[name=amplify]:checked').value"))
    browser.press("a")
    after = int(browser.run("return document.querySelector('input[name=amplify]:checked').value"))
    assert after == (1 if chosen == 16 else 2 * chosen)


def test_versions_are_chosen_on_the_picture(browser: Browser, real: Path) -> None:
    browser.open(real)
    before = browser.shot()
    browser.run(
        "const it = document.querySelectorAll('.tag select')[1]; it.value = 2; it.dispatchEvent(new Event('change'))"
    )
    after = browser.shot()
    box = browser.box(".main img")
    rows = slice(round(box["y"] + 0.2 * box["height"]), round(box["y"] + 0.4 * box["height"]))
    left, middle, right = (round(box["x"] + part * box["width"]) for part in (0, 0.45, 1))
    assert (before[rows, left:middle] == after[rows, left:middle]).all()
    assert np.abs(before[rows, middle + 60 : right] - after[rows, middle + 60 : right]).mean() > 2


def test_a_missing_version_says_so(browser: Browser, tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 2)
    shutil.copytree(after, tmp_path / "more")
    (tmp_path / "more/0.png").unlink()
    assert compare(before, after, tmp_path / "more", "--out", tmp_path / "p.html").exit_code == 1
    browser.open(tmp_path / "p.html", at="#1/side")
    visible = "return [...document.querySelectorAll('.absent')].filter(it => it.offsetParent).map(it => it.textContent)"
    assert browser.run(visible) == ["more has no picture to show here"]
    browser.press("j")
    assert browser.run(visible) == []


def test_a_picture_that_cannot_be_shown_says_so(browser: Browser, tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 2)
    assert compare(before, after, "--beside", "--out", tmp_path / "p.html").exit_code == 0
    copies = {name: next((tmp_path / "p-files").glob(f"0001-*-{name}.jpg")) for name in ("0", "1", "1-difference")}
    copies["1"].write_bytes(b"no picture")
    copies["1-difference"].unlink()
    visible = "return [...document.querySelectorAll('.absent')].filter(it => it.offsetParent).map(it => it.textContent)"
    for view, what in (("slider", "out"), ("side", "out"), ("difference", "Difference of out from before")):
        browser.open(tmp_path / "p.html", at=f"#1/{view}")
        assert browser.run(visible) == [f"{what}: this picture cannot be shown. Its file is damaged or missing"]
    browser.press("j")
    assert browser.run(visible) == []
    # On its side of the divider alone: the other picture is seen as before.
    browser.open(tmp_path / "p.html")
    x, y = (round(v) for v in browser.place("#stage", 0.75, 0.2))
    right = browser.shot()[y, x]
    assert right.max() - right.min() == 0, "the stage's gray"


def test_a_page_that_is_cut_off_says_so(browser: Browser, two: Path, tmp_path: Path) -> None:
    text = two.read_text()
    (tmp_path / "p.html").write_text(text[: text.index('<template id="p1-0"')])
    browser.open(tmp_path / "p.html", at="#2/side")
    assert browser.texts(".absent:not([hidden])") == [
        f"{name}: this picture cannot be shown. Its file is damaged or missing" for name in ("before", "out")
    ]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_window_scrolls_in_one_direction_alone(browser: Browser, real: Path, width: int) -> None:
    browser.open(real, width, 800)
    for key in ("s", "b", "d"):
        browser.press(key)
        assert browser.run("return document.documentElement.scrollWidth") <= width


def test_urls_of_pictures_far_away_are_let_go(browser: Browser, tmp_path: Path) -> None:
    before, after = pair_of_folders(tmp_path, 12, size=(20, 30))
    assert compare(before, after, "--out", tmp_path / "p.html").exit_code == 0
    page = (tmp_path / "p.html").read_text()
    browser.driver.get("about:blank")
    counting = (
        "window.alive = new Set(); const make = URL.createObjectURL, drop = URL.revokeObjectURL;"
        "URL.createObjectURL = blob => { const url = make.call(URL, blob); alive.add(url); return url };"
        "URL.revokeObjectURL = url => { alive.delete(url); drop.call(URL, url) };"
    )
    added = browser.command("Page.addScriptToEvaluateOnNewDocument", source=counting)
    try:
        browser.open(tmp_path / "p.html")
        for _ in range(11):
            browser.press("j")
        assert 2 <= browser.run("return alive.size") <= 9
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])
    assert page.count("<template") == 36


@pytest.mark.slow
def test_two_hundred_pictures_of_a_megapixel_open_at_once(browser: Browser, tmp_path: Path) -> None:
    drawn = [cv2.GaussianBlur(picture(1000, 1000, seed=i), (0, 0), 1.2) for i in range(4)]
    for name, brighter in (("in", 0), ("out", 9)):
        for i, pixels in enumerate(drawn):
            first = save(tmp_path / name / f"{i}.jpg", np.minimum(pixels, 240) + np.uint8(brighter), quality=95)
            for number in range(i + 4, 200, 4):
                (tmp_path / name / f"{number}.jpg").hardlink_to(first)
    before, after = tmp_path / "in", tmp_path / "out"
    out = tmp_path / "p.html"
    assert compare(before, after, "--out", out).exit_code == 0
    assert 20e6 < out.stat().st_size < 80e6
    browser.open(out)
    loaded = browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    painted = browser.run("return performance.getEntriesByType('paint').map(it => it.startTime)")
    sys.stderr.write(
        f"{out.stat().st_size / 1e6:.1f} MB, painted after {max(painted):.0f} ms, loaded after {loaded:.0f} ms\n"
    )
    assert max(painted) < 2000
    assert loaded < 2000
    assert len(browser.texts("#strip li")) == 200
    began = browser.run("return performance.now()")
    browser.click("#body .picture button", 199)
    assert browser.text("#name") == browser.texts("#body .picture button")[199]
    assert browser.run("return performance.now()") - began < 1500
