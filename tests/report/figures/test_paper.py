"""Paper: one look, and nothing of matplotlib's own touched."""

import json
import subprocess
import sys

import matplotlib as mpl
import pytest
from matplotlib.text import Text
from oracles.drawables import make_audit, make_curve, make_effects, make_headroom, make_question

from neurodemon.report.figures.curves import draw_curve
from neurodemon.report.figures.effects import draw_audit, draw_effects
from neurodemon.report.figures.headroom import draw_headroom
from neurodemon.report.figures.paper import (
    LONGEST_NAME,
    SMALLEST,
    name,
    new_drawing,
    number,
    own_style,
    plain,
    render,
)
from neurodemon.report.figures.questions import draw_question

PROBE = """
import json, sys
sys.path.insert(0, {tests!r})
from oracles.drawables import make_curve, make_headroom
import matplotlib
before = matplotlib.rcParams.copy()  # to read "backend" would load pyplot
from neurodemon.report.figures.curves import draw_curve
from neurodemon.report.figures.headroom import draw_headroom
from neurodemon.report.figures.paper import render
for figure in [draw_curve(make_curve()), draw_headroom(make_headroom())]:
    render(figure, "png"), render(figure, "svg")
{more}
print(json.dumps([
    "matplotlib.pyplot" in sys.modules, "torch" in sys.modules, matplotlib.rcParams.copy() == before
]))
"""


def probe(tests, more=""):
    """Draw in a new process; say whether pyplot and torch came along, and settings stayed."""
    statements = PROBE.format(tests=str(tests), more=more)
    command = [sys.executable, "-W", "error", "-c", statements]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def every_drawing():
    """Draw one of each kind."""
    yield draw_curve(make_curve(notes=("A note.",)))
    yield draw_headroom(make_headroom())
    yield draw_effects(make_effects())
    yield draw_effects(make_effects(predicted=[None] * 10))
    yield draw_audit(make_audit())
    yield from draw_question(make_question()).values()
    yield from draw_question(make_question((5,), tuple("abcdefghij"))).values()


def test_drawing_needs_neither_pyplot_nor_torch_and_leaves_the_settings(request):
    assert probe(request.config.rootpath / "tests") == [False, False, True]


def test_the_probe_sees_pyplot_and_a_changed_setting(request):
    more = "import matplotlib.pyplot\nmatplotlib.rcParams['font.size'] = 3"
    assert probe(request.config.rootpath / "tests", more) == [True, False, False]


def test_settings_are_put_back_even_after_an_error():
    before = mpl.rcParams["font.size"]

    def fail():
        with own_style():
            assert mpl.rcParams["svg.hashsalt"] == "neurodemon"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert mpl.rcParams["svg.hashsalt"] is None
    assert mpl.rcParams["font.size"] == before


def test_the_user_s_settings_do_not_change_a_figure():
    plainly = render(draw_curve(make_curve()), "png")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9}):
        assert render(draw_curve(make_curve()), "png") == plainly


def test_no_letter_is_smaller_than_8_points():
    for drawing in every_drawing():
        sizes = {text.get_fontsize() for text in drawing.findobj(Text) if text.get_text()}
        assert min(sizes) >= SMALLEST


def test_every_figure_says_in_words_what_it_shows_and_names_its_axes():
    for drawing in every_drawing():
        assert len(drawing.alt) > 40
        assert drawing.get_suptitle()
        assert any(axes.get_xlabel() for axes in drawing.axes)


def test_a_notebook_gets_a_png():
    assert draw_curve(make_curve())._repr_png_().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    ("text", "spelled"), [("fc1", "fc1"), ("a$b$", r"a\$b\$"), ("_orig_mod", " _orig_mod")]
)
def test_names_are_neither_formulas_nor_left_out(text, spelled):
    assert plain(text) == spelled


def test_of_a_long_name_the_end_is_kept():
    assert name("x" * LONGEST_NAME) == "x" * LONGEST_NAME
    assert name("encoder." * 9 + "fc[7]").endswith("encoder.fc[7]")
    assert name("encoder." * 9 + "fc[7]").startswith("…")
    assert len(name("x" * 99)) == LONGEST_NAME


def test_numbers_have_a_true_minus():
    assert number(-0.00123456) == "−0.001235"


def test_long_titles_are_broken_at_their_words():
    with own_style():
        title = new_drawing("word " * 60, 5.0, 3.0, alt="").get_suptitle()
    assert max(map(len, title.splitlines())) <= 58
