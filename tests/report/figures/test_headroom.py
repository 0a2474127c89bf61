"""Headroom: each unit is a point of its verdict, or counted as not drawn."""

import numpy as np
import pytest
from oracles.drawables import VERDICTS, caption_of, make_effects, make_headroom

from neurodemon.errors import PlotError
from neurodemon.report.figures.headroom import draw_headroom, has_headroom
from neurodemon.report.figures.paper import render
from neurodemon.terms.effects import Effects


def points_of(axes):
    """Take the points of a panel by their verdict."""
    return {one.get_label().split()[0]: np.asarray(one.get_offsets()) for one in axes.collections}


@pytest.mark.parametrize("panel", [0, 1])
def test_each_unit_stands_at_its_numbers_under_its_verdict(panel):
    effects = make_headroom()
    points = points_of(draw_headroom(effects).axes[panel])
    influence, gain = np.abs(effects.array("delta")), effects.array("headroom")
    x = influence if panel else 2 * influence
    for place, verdict in enumerate(VERDICTS):
        expected = np.column_stack([x, gain])[place :: len(VERDICTS)]
        np.testing.assert_allclose(points[verdict], expected, rtol=1e-15)


def test_the_legend_counts_the_verdicts_in_the_order_of_judgement():
    (legend,) = draw_headroom(make_headroom(13)).legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words[:6] == [
        "DEAD  3", "CONVERGED  2", "SATURATED  2", "KINK  2", "CURVED  2", "AGREES  2",
    ]  # fmt: skip
    assert [word[:5] for word in words[6:]] == ["κ = ½", "κ = 1", "κ = 1"]


@pytest.mark.parametrize(("place", "shape"), [(0, 0.5), (1, 1.0), (2, 1.5)])
def test_the_lines_are_where_kappa_is_so_much(place, shape):
    line = draw_headroom(make_headroom()).axes[0].get_lines()[place]
    np.testing.assert_allclose(line.get_ydata(), shape * np.asarray(line.get_xdata()), rtol=1e-15)


def test_only_the_panel_of_the_promise_has_these_lines():
    assert len(draw_headroom(make_headroom()).axes[1].get_lines()) == 0


def test_units_that_a_logarithm_cannot_show_are_counted_with_the_reason():
    headroom = make_headroom().array("headroom")
    headroom[:3] = 0, 0, np.nan
    drawing = draw_headroom(make_headroom(headroom=headroom))
    assert sum(map(len, points_of(drawing.axes[0]).values())) == 9
    assert "Not drawn: 3 of 12 units (2 whose headroom or |δ|·|best Δz| is 0" in (
        caption_of(drawing)
    )
    assert "1 of which a number is not finite" in caption_of(drawing)


def test_where_all_are_drawn_nothing_is_said_to_be_missing():
    drawing = draw_headroom(make_headroom())
    assert sum(map(len, points_of(drawing.axes[0]).values())) == 12
    assert "Not drawn" not in caption_of(drawing)


def test_units_that_are_all_zero_leave_the_panels_empty_and_say_so():
    drawing = draw_headroom(make_headroom(2, headroom=[0.0, 0.0]))
    assert [text.get_text() for text in drawing.axes[0].texts] == [
        "no unit has both numbers above 0"
    ]
    assert "Not drawn: 2 of 2 units" in caption_of(drawing)


def test_a_verdict_that_a_plug_in_brought_is_drawn_last():
    drawing = draw_headroom(make_headroom(2, verdict=["NEW", "AGREES"]))
    assert list(points_of(drawing.axes[0])) == ["AGREES", "NEW"]


def test_a_row_without_a_verdict_is_drawn_too():
    assert len(points_of(draw_headroom(make_headroom(1, verdict=[None])).axes[0])["none"]) == 1


@pytest.mark.parametrize(
    "effects",
    [
        make_headroom(2, delta=[np.nan, np.nan]),
        make_headroom(2, best_dz=[np.inf, None]),
        make_headroom(2).take(np.array([], int)),
    ],
)
def test_effects_without_a_finite_row_are_refused(effects):
    with pytest.raises(PlotError, match=rf"None of the {len(effects)} rows has a finite delta"):
        draw_headroom(effects)


def test_one_unit_is_enough():
    assert len(draw_headroom(make_headroom(1)).axes) == 2


def test_effects_of_another_verb_are_refused():
    assert has_headroom(make_headroom())
    assert not has_headroom(make_effects())
    with pytest.raises(PlotError, match=r"expected delta, best_dz, headroom, verdict among them"):
        draw_headroom(make_effects())


@pytest.mark.parametrize(("n_units", "images"), [(2000, 0), (10_000, 2)])
def test_many_points_are_an_image_in_the_svg(n_units, images):
    svg = render(draw_headroom(make_headroom(n_units)), "svg")
    assert (svg.count(b"<image") >= images) if images else (b"<image" not in svg)
    assert len(svg) < 2_000_000


def test_sites_and_what_was_asked_stand_in_the_title():
    effects = make_headroom(4, site=["a", "b", "c", "d"], perturbation=["best Δz, each"] * 4)
    title = draw_headroom(effects).get_suptitle()
    assert "4 units: a, b, c and 1 more site (best Δz, each)" in title


@pytest.mark.parametrize(("scope", "is_said"), [("each", True), ("shared", False)])
def test_in_scope_each_it_is_said_that_a_point_is_of_means(scope, is_said):
    effects = make_headroom(perturbation=[f"best Δz within 4·std, {scope}"] * 12)
    assert ("a point is of means" in caption_of(draw_headroom(effects))) is is_said


def test_notes_stand_under_the_figure():
    effects = make_headroom()
    noted = Effects(effects.table, None, ("3 units are constant.",))
    assert "3 units are constant." in caption_of(draw_headroom(noted))
