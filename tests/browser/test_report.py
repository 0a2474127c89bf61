"""The report in a browser: alone, for everybody, sorted by keyboard, whole on paper."""

import pytest
from oracles.drawables import make_headroom, make_question
from oracles.reports import make_budgeted_audit, make_budgeted_effects

from neurodemon.report.html.page import Shown, write_page

PAPER = {"width": 680, "height": 1009}  # pixels of A4 at 96 dpi, less margins of 15 mm
HIDDEN = """() => [...document.querySelectorAll("td, th, dd, dt, p, li, svg, h1, h2, h3")]
    .filter((one) => !one.checkVisibility({contentVisibilityAuto: true}))
    .map((one) => one.tagName)"""
CUT = """() => [...document.querySelectorAll(".scroll, pre")]
    .filter((one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.getAttribute("aria-label") ?? one.tagName)"""
FOCUSED = "() => document.activeElement.textContent"


def make_shown():
    """Make an audit with everything on its page, of which one unit has no number."""
    measured = [None, *make_budgeted_effects().array("measured")[1:]]
    none = {"measured": measured, "predicted": measured}
    return Shown(make_budgeted_audit(make_budgeted_effects(**none)), missing="1 of 2 parts.")


MAKERS = {
    "audit": make_shown,
    "headroom": lambda: Shown(make_headroom()),
    "question": lambda: Shown(make_question()),
}


@pytest.fixture
def report(tmp_path):
    """Write the report of an audit."""
    path = tmp_path / "report.html"
    write_page(make_shown(), path)
    return path


def own(tmp_path, body):
    """Write a page of one's own, with its faults."""
    path = tmp_path / "own.html"
    head = '<html lang="en"><head><meta charset="utf-8"><title>own</title></head>'
    path.write_text(f"<!doctype html>{head}<body><main><h1>own</h1>{body}</main></body></html>")
    return path


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [("audit", "light"), ("audit", "dark"), ("headroom", "light"), ("question", "dark")],
)
def test_a_report_asks_for_nothing_complains_of_nothing_and_keeps_nobody_out(
    tmp_path, open_page, kind, scheme
):
    path = tmp_path / "report.html"
    write_page(MAKERS[kind](), path)
    opened = open_page(path, scheme)
    assert opened.asked == [path.as_uri()]
    assert opened.faults() == []
    assert opened.said == []


def test_dark_is_darker_than_light(report, open_page):
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    colours = [open_page(report, scheme).page.evaluate(paper) for scheme in ("light", "dark")]
    assert colours == ["rgb(255, 255, 255)", "rgb(21, 24, 28)"]


def test_a_column_is_sorted_by_keyboard_alone(report, open_page):
    page = open_page(report).page
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == "effect":
            break
    assert page.evaluate(FOCUSED) == "effect"
    table = page.locator("table.sortable").first
    head = table.locator("thead th", has_text="effect")
    for order, first in (("descending", "+0.7279"), ("ascending", "−0.3857")):
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == order
        cells = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
        assert (cells[0].strip(), cells[-1].strip()) == (first, "–")


def test_words_are_sorted_too_and_only_one_head_says_so(report, open_page):
    page = open_page(report).page
    table = page.locator("table.sortable").first
    table.locator("th button", has_text="rank").press("Space")
    table.locator("th button", has_text="unit").press("Space")
    assert table.locator("th[aria-sort]").all_inner_texts() == ["unit"]
    names = table.locator("tbody th").all_inner_texts()
    assert names[:3] == ["fc1[0]", "fc1[1]", "fc1[2]"]
    assert names.index("fc1[10]") > names.index("fc1[9]")


@pytest.mark.parametrize("kind", MAKERS)
def test_paper_shows_everything(tmp_path, open_page, kind):
    path = tmp_path / "report.html"
    write_page(MAKERS[kind](), path)
    page = open_page(path, "dark").page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(HIDDEN) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") == PAPER["width"]


def test_without_scripts_tables_stand_and_heads_are_text(report, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("button").count() == 0
    assert page.locator("table.sortable").first.locator("tbody tr").count() == 30
    context.close()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<p style="color:#bbb;background:#fff">pale</p>', "color-contrast"),
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "image-alt"),
        ("<table><tr><td>1</td></tr></table><svg role='img'></svg>", "svg-img-alt"),
    ],
)
def test_a_page_that_keeps_people_out_is_caught(tmp_path, open_page, body, fault):
    assert fault in open_page(own(tmp_path, body)).faults()


def test_a_page_that_asks_for_more_is_caught(tmp_path, open_page):
    opened = open_page(own(tmp_path, '<img alt="" src="http://127.0.0.1:9/a.png">'))
    assert "http://127.0.0.1:9/a.png" in opened.asked
    assert opened.said  # nobody answers there


def test_a_page_that_hides_or_cuts_on_paper_is_caught(tmp_path, open_page):
    folded = "<details><summary>more</summary><p>folded</p></details>"
    frame = '<div class="scroll" style="height:9px;overflow:auto"><p>1</p><p>2</p></div>'
    page = open_page(own(tmp_path, folded + frame)).page
    page.emulate_media(media="print")
    assert page.evaluate(HIDDEN) == ["P"]
    assert page.evaluate(CUT) == ["DIV"]
