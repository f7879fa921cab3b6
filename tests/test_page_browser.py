"""The page as readers meet it: in a browser, by pointer and keyboard, in three sizes, in light and dark."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import cooc
from tests.browser import SCHEMES, SIZES, Browser, started
from tests.page_results import index, results

PICTURES = os.environ.get("COOC_PICTURES")
"""A folder for pictures of the page, for people to look at."""

GRAPH = "cluster-index-old_birds-graph"
HOSTILE = """</script><img src=x onerror="document.title='broken'"><b>&amp;{{7*7}}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cooc.report(tmp_path_factory.mktemp("page") / "page.html", results(), index=index())


@pytest.fixture
def page(browser: Browser, path: Path) -> Browser:
    browser.show(path)
    return browser


@cache
def figures(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    held: dict[str, Any] = json.loads(found[1])
    return held


def nodes(path: Path, level: int) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = figures(path)[GRAPH]["spec"]["datasets"]["nodes"]
    return [node for node in held if node["level"] == level]


def edges(path: Path, level: int) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = figures(path)[GRAPH]["spec"]["datasets"]["edges"]
    return [edge for edge in held if edge["level"] == level]


DOTS = f'[data-drawing="{GRAPH}"] .terms_marks path'
LINES = f'[data-drawing="{GRAPH}"] .edges_marks line'
DOSE = "density-index-old_birds-dose"


def setting(figure: str, parameter: str) -> str:
    return f'[data-figure="{figure}"][data-parameter="{parameter}"]'


def dot(page: Browser, term: str) -> Any:
    return page.until(lambda: page.all(f'[data-drawing="{GRAPH}"] path[aria-label^="{term},"]'))[0]


def labels(page: Browser, figure: str) -> list[str]:
    """The names along the vertical axis of a figure, which has numbers along the other."""
    told: list[str] = page.run(
        "return [...document.querySelectorAll(`[data-drawing=\"${arguments[0]}\"] .role-axis-label text`)]"
        ".sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y).map(e => e.textContent)", figure,
    )  # fmt: skip
    return [each for each in told if each.isalpha()]


def test_every_figure_is_drawn_without_complaint_and_without_the_network(browser: Browser, path: Path) -> None:
    browser.complaints(), browser.requests()
    browser.open(path)
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []
    assert browser.run("return performance.getEntriesByType('resource').map(e => e.name)") == []
    drawn = browser.run(
        "return [...document.querySelectorAll('[data-drawing]')].map(e => [e.dataset.drawing,"
        "e.querySelectorAll('svg .mark-symbol path, svg .mark-rect path, svg .mark-line path').length])"
    )
    assert {name for name, _ in drawn} == set(figures(path)), browser.complaints()
    assert all(marks for _, marks in drawn), drawn
    assert browser.complaints() == []


def test_pointing_at_a_term_shows_its_counts_and_a_line(page: Browser, path: Path) -> None:
    from selenium.webdriver import ActionChains

    target = dot(page, "telegraph")
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", target)
    ActionChains(page.driver).move_to_element(target).perform()
    told = page.until(lambda: page.run(
        "const e = document.querySelector('#vg-tooltip-element.visible'); return e && e.textContent"
    ))  # fmt: skip
    known = next(node for node in nodes(path, 2) if node["term"] == "telegraph")
    assert str(known["occurrences"]) in told.replace(",", "") and known["example"][:40] in told


def test_choosing_a_term_with_the_pointer_shows_its_lines(page: Browser, path: Path) -> None:
    from selenium.webdriver import ActionChains

    target = dot(page, "telegraph")
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", target)
    ActionChains(page.driver).move_to_element(target).click().perform()
    page.until(lambda: page.all(f'[data-about="{GRAPH}"] table'))
    rows = page.all(f'[data-about="{GRAPH}"] tbody tr')
    lines = cooc.kwic(index(), "telegraph", top=None).rows()
    assert len(rows) == 8 and {row.find_element("css selector", "th").text for row in rows} == {"telegraph"}
    held = {f"{line['left']} {line['phrase']} {line['right']}" for line in lines}
    for row in rows:
        left, right = (each.text for each in row.find_elements("css selector", "td")[:2])
        assert any(line in f"{left} telegraph {right}" for line in held)


def test_every_term_of_the_graph_can_be_read_from_the_list_without_a_pointer(page: Browser, path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page.choose(f'[data-terms="{GRAPH}"]', "")
    terms = page.find(f'[data-terms="{GRAPH}"]')
    offered = [option.text for option in terms.find_elements("css selector", "option")][1:]
    assert sorted(offered) == sorted(node["term"] for node in nodes(path, 2))
    terms.send_keys(Keys.ARROW_DOWN)
    first = page.until(lambda: page.run(f"return document.querySelector('[data-about=\"{GRAPH}\"] h4')?.textContent"))
    assert first == sorted(offered, key=str.casefold)[0] == terms.get_attribute("value")
    beside = page.find(f'[data-about="{GRAPH}"] .beside button')
    name = beside.text
    beside.send_keys(Keys.ENTER)
    page.until(lambda: page.find(f'[data-about="{GRAPH}"] h4').text == name)


def test_a_threshold_hides_the_edges_below_it_by_the_chosen_measure(page: Browser, path: Path) -> None:
    held = edges(path, 2)
    assert len(page.all(LINES)) == len(held)
    page.choose(setting(GRAPH, "measure"), "npmi")
    least = sorted(edge["npmi"] for edge in held)[len(held) // 2]
    page.choose(setting(GRAPH, "least"), str(least))
    wanted = sum(edge["npmi"] >= least for edge in held)
    assert 0 < wanted < len(held)
    page.until(lambda: len(page.all(LINES)) == wanted)
    page.choose(setting(GRAPH, "measure"), "weight")
    page.until(lambda: len(page.all(LINES)) == len(held))


def test_choosing_a_cluster_fades_the_others(page: Browser, path: Path) -> None:
    held = nodes(path, 2)
    name = next(node["cluster"] for node in held if node["term"] == "auk")
    page.choose(setting(GRAPH, "cluster"), name)
    clear = sum(node["cluster"] == name for node in held)
    page.until(lambda: clear == page.run(
        f"return [...document.querySelectorAll('{DOTS}')].filter(e => e.getAttribute('opacity') !== '0.15').length"
    ))  # fmt: skip
    assert len(page.all(DOTS)) == len(held) > clear
    page.choose(setting(GRAPH, "cluster"), "all")


def test_another_neighbourhood_has_its_own_terms_and_clusters(page: Browser, path: Path) -> None:
    page.choose(setting(GRAPH, "level"), "1")
    page.until(lambda: len(page.all(DOTS)) == len(nodes(path, 1)))
    offered = [option.text for option in page.all(f'{setting(GRAPH, "cluster")} option')][1:]
    assert sorted(offered) == sorted({node["cluster"] for node in nodes(path, 1)})
    page.choose(setting(GRAPH, "level"), "2")
    page.until(lambda: len(page.all(DOTS)) == len(nodes(path, 2)))


def test_the_buttons_zoom_and_move_and_come_back(page: Browser) -> None:
    def places() -> list[str]:
        found: list[str] = page.run(
            f"return [...document.querySelectorAll('{DOTS}')].map(e => e.getAttribute('transform'))"
        )
        return found

    def press(how: str) -> list[str]:
        before = places()
        page.run("arguments[0].click()", page.find(f'[data-move="{how}"]'))
        page.until(lambda: places() != before)
        return places()

    begin, near = press("in"), press("in")
    assert begin != near and press("left") != near
    whole = press("whole")
    assert press("out") != whole and press("whole") == whole


def test_dragging_moves_the_graph(page: Browser) -> None:
    from selenium.webdriver import ActionChains

    first = f"return document.querySelector('{DOTS}').getAttribute('transform')"
    before, drawing = page.run(first), page.find(f'[data-drawing="{GRAPH}"] svg')
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", drawing)
    ActionChains(page.driver).move_to_element_with_offset(drawing, -300, 200).click_and_hold().move_by_offset(
        60, -40
    ).release().perform()
    page.until(lambda: page.run(first) != before)
    page.run("arguments[0].click()", page.find('[data-move="whole"]'))


def test_doses_follow_the_target_and_the_search(page: Browser) -> None:
    rows = [row for row in results()[0].terms.rows() if row["lift"] is not None]

    def wanted(target: str, part: str = "") -> list[str]:
        some = [row for row in rows if row["target"] == target and row["window"] == "5" and part in row["term"]]
        return [row["term"] for row in sorted(some, key=lambda row: -row["lift"])]

    page.until(lambda: labels(page, DOSE) == wanted("century"))
    page.choose(setting(DOSE, "of"), "kitchen, 5")
    page.until(lambda: labels(page, DOSE) == wanted("kitchen"))
    page.choose(setting(DOSE, "find"), "SM")
    page.until(lambda: labels(page, DOSE) == wanted("kitchen", "sm") == ["smew"])
    page.choose(setting(DOSE, "find"), "")
    page.choose(setting(DOSE, "of"), "century, 5")


def test_no_word_of_a_corpus_becomes_markup_or_a_program(browser: Browser, tmp_path: Path) -> None:
    saved = [cooc.page.documents.documents_of(each)[0] for each in results()]  # type: ignore[attr-defined]
    hostile = [poisoned({"provenance": dict(each.source), "rows": each.rows, **each.more}) for each in saved]
    path = cooc.report(tmp_path / "hostile.html", hostile, title=f"Results {HOSTILE}", notes=[HOSTILE])
    browser.complaints()
    browser.open(path)
    assert browser.run("return [...document.querySelectorAll('img, b, iframe, object')].length") == 0
    assert browser.driver.title == f"Results {HOSTILE}"
    assert "49" not in browser.find(".note").text and HOSTILE in browser.find(".note").text
    graph = browser.run("return document.querySelector('[data-terms]').dataset.terms")
    browser.choose("[data-terms]", browser.run("return document.querySelector('[data-terms]').options[1].value"))
    browser.until(lambda: HOSTILE in browser.find(f'[data-about="{graph}"]').text)
    assert browser.run("return [...document.querySelectorAll('img, b')].length") == 0
    assert browser.complaints() == []


KEPT = {"verb", "index", "digest", "measure", "cluster", "level", "where", "decade", "century", "window"}


def poisoned(value: Any, name: str = "") -> Any:
    """The same result, of a corpus whose every word is an attack."""
    if isinstance(value, dict):
        return {key: each if key == "parameters" else poisoned(each, key) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(each, name) for each in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) and name not in KEPT and value != "set" else value


FIRST = {("phone", "dark"), ("wide", "light")}
LOOKS = [
    pytest.param(size, scheme, marks=() if (size, scheme) in FIRST else pytest.mark.slow)
    for size in SIZES for scheme in SCHEMES
]  # fmt: skip


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_page_fits_and_its_colours_follow_the_scheme(
    browser: Browser, path: Path, size: str, scheme: str
) -> None:  # fmt: skip
    browser.open(path, size=size, scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= SIZES[size][0]
    wide = browser.run(
        "return [...document.querySelectorAll('[data-drawing] svg')].filter(e => "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.parentElement.dataset.drawing)"
    )
    assert wide == []
    ink = browser.run(
        "return getComputedStyle(document.querySelector('[data-drawing] .role-axis-label text')).fill"
    )  # fmt: skip
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    light, dark = brightness(paper), brightness(ink)
    assert (light > 200 > 100 > dark) if scheme == "light" else (light < 50 < 200 < dark)
    if PICTURES:
        browser.picture(Path(PICTURES) / f"{size}-{scheme}.png")


def brightness(color: str) -> float:
    return sum(map(int, re.findall(r"\d+", color)[:3])) / 3


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious(browser: Browser, path: Path, scheme: str) -> None:
    """In all of the page but what is like its neighbours: rows of a table from the third on, single matched sets."""
    browser.open(path, scheme=scheme)
    pytest.importorskip("axe_core_python", reason="pages are checked with axe: pip install axe-core-python")
    browser.choose(f'[data-terms="{GRAPH}"]', "auk")
    browser.until(lambda: browser.all(f'[data-about="{GRAPH}"] table'))
    browser.run(
        "for (const each of document.querySelectorAll('details')) each.open = true;"
        "for (const each of document.querySelectorAll('tbody tr:nth-child(n+3), .mark-rule path')) each.remove()"
    )
    browser.shown = None
    browser.run((files("axe_core_python") / "axe.min.js").read_text())
    found = browser.driver.execute_async_script(
        "const [done] = arguments;"
        "axe.run(document, {resultTypes: ['violations']}).then(done, e => done(String(e)))"
    )
    told = [
        (each["id"], each["impact"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]
    ]  # fmt: skip
    assert [each for each in told if each[1] in ("serious", "critical")] == []


@pytest.mark.slow
def test_every_control_has_a_name(page: Browser) -> None:
    tree = page.ask("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "combobox", "searchbox", "spinbutton", "link", "DisclosureTriangle", "textbox"}
    controls = [node for node in tree if node.get("role", {}).get("value") in roles]
    assert [node for node in controls if not node["name"]["value"].strip()] == []
    assert len(controls) > 30


def test_the_keyboard_reaches_the_results_first_and_then_every_control(browser: Browser, path: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(path)
    page = browser
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    assert page.run("return document.activeElement.className") == "skip"
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: page.run("return document.activeElement.id") == "main")
    seen = []
    for _ in range(25):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        seen.append(page.run("return [...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert seen == sorted(set(seen))


def test_without_scripts_the_tables_and_their_files_are_there(browser: Browser, path: Path) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    browser.shown = None
    try:
        browser.driver.get(path.as_uri())
        assert "switched off" in browser.find("noscript").text
        assert len(browser.all("table")) > 10 and len(browser.all("a[download]")) > 10
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_on_paper_there_are_no_controls_and_no_cut_tables(page: Browser) -> None:
    page.shown = None
    page.ask("Emulation.setDeviceMetricsOverride", width=720, height=1000, deviceScaleFactor=1, mobile=False)
    page.ask("Emulation.setEmulatedMedia", media="print")
    try:
        shown = page.run(
            "return [...document.querySelectorAll('nav, .zoom, .take, input')]"
            ".filter(e => e.getClientRects().length).length"
        )
        cut = page.run(
            "return [...document.querySelectorAll('main > section > .scroll')]"
            ".filter(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1).length"
        )
        assert (shown, cut) == (0, 0)
        assert page.find(setting(DOSE, "of")).is_displayed()
    finally:
        page.ask("Emulation.setEmulatedMedia", media="")
