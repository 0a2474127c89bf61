"""HTML from functions: text never becomes an element."""

import pytest

from neurodemon.report.html.markup import Markup, element, escape, joined, paragraphs, section


def test_text_is_escaped_and_markup_is_not():
    inner = element("b", "a & b")
    assert element("p", "<script>", inner) == "<p>&lt;script&gt;<b>a &amp; b</b></p>"


def test_attributes_are_escaped_and_named_as_html_names_them():
    made = element("td", class_='"x"', aria_sort="none", hidden=True, open=False, title=None)
    assert made == '<td class="&quot;x&quot;" aria-sort="none" hidden></td>'


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\r", "\ud800"])
def test_signs_that_no_page_may_hold_become_a_box(sign):
    assert escape(f"a{sign}b\n") == "a\ufffdb\n"


def test_pieces_are_joined_in_order():
    assert joined(["a<", Markup("<br>")]) == "a&lt;<br>"


def test_empty_sentences_and_empty_sections_leave_nothing():
    assert paragraphs(["", "one", ""], "remark") == '<p class="remark">one</p>'
    assert section("Title") == ""
    assert section("Title", "text") == "<section><h2>Title</h2>text</section>"
