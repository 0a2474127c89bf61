"""Effects and audits: a panel for each site, a mark for each predictor, every number its own."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from oracles.drawables import PREDICTORS, caption_of, make_audit, make_effects, make_headroom

from neurodemon.errors import PlotError
from neurodemon.report.figures.effects import MOST_PANELS, draw_audit, draw_effects
from neurodemon.report.figures.paper import render


def titles_of(drawing):
    """Take the panels' titles."""
    return [axes.get_title(loc="left") for axes in drawing.axes]


def points_of(axes):
    """Take the points of a panel by their predictor."""
    return {one.get_label(): np.asarray(one.get_offsets()) for one in axes.collections}


def test_an_audit_has_a_panel_for_each_site_and_a_mark_for_each_predictor():
    audit = make_audit()
    drawing = draw_audit(audit)
    assert len(drawing.axes) == 2
    for place, axes in enumerate(drawing.axes):
        rows = slice(5 * place, 5 * place + 5)
        for predictor in PREDICTORS:
            expected = [audit.effects.array(name)[rows] for name in (predictor, "measured")]
            np.testing.assert_array_equal(points_of(axes)[predictor], np.column_stack(expected))
    markers = {one.get_paths()[0].vertices.tobytes() for one in drawing.axes[0].collections}
    assert len(markers) == len(PREDICTORS)


def test_an_audit_says_how_each_predictor_ranks():
    assert titles_of(draw_audit(make_audit())) == [
        "fc1\nSpearman 0.50, 0.75, 0.90, –",
        "fc2\nSpearman 0.50, 0.75, 0.90, –",
    ]


def test_both_axes_are_symmetric_logarithms_of_one_range_with_the_line_of_equals():
    axes = draw_audit(make_audit()).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("symlog", "symlog")
    assert axes.get_xlim() == axes.get_ylim()
    (equals,) = axes.get_lines()
    np.testing.assert_array_equal(equals.get_xdata(), equals.get_ydata())
    assert axes.get_xlabel() == "predicted effect [cost]"
    assert axes.get_ylabel() == "measured effect [cost]"


def test_effects_are_drawn_predicted_against_measured():
    effects = make_effects(1)
    (axes,) = draw_effects(effects).axes
    expected = np.column_stack([effects.array("predicted"), effects.array("measured")])
    np.testing.assert_array_equal(points_of(axes)["link"], expected)


@pytest.mark.parametrize(
    ("there", "missing"), [("measured", "predicted"), ("predicted", "measured")]
)
def test_effects_with_one_of_them_are_drawn_unit_by_unit(there, missing):
    effects = make_effects(1, **{missing: [None] * 5})
    drawing = draw_effects(effects)
    (axes,) = drawing.axes
    line = axes.get_lines()[1]  # behind the line at 0
    np.testing.assert_array_equal(line.get_ydata(), effects.array(there))
    assert line.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert there in drawing.get_suptitle()


def test_bars_span_95_percent():
    effects = make_effects(1, predicted=[None] * 5)
    (bars,) = draw_effects(effects).axes[0].collections
    heights = [float(np.ptp(segment[:, 1])) for segment in bars.get_segments()]
    np.testing.assert_allclose(heights, 2 * 1.96 * 0.01, rtol=1e-12)


def test_rows_without_a_pair_are_counted():
    measured = make_effects().array("measured")
    measured[[0, 7]] = np.nan, np.inf
    drawing = draw_effects(make_effects(measured=measured))
    assert sum(len(points_of(axes)["link"]) for axes in drawing.axes) == 8
    assert "Not drawn: 2 units without finite numbers by link." in caption_of(drawing)
    assert "Not drawn" not in caption_of(draw_effects(make_effects()))


def test_rows_without_a_lone_number_are_counted():
    drawing = draw_effects(make_effects(1, predicted=[None] * 5, measured=[1, 2, None, 3, 4]))
    assert "Not drawn: 1 unit without a finite effect." in caption_of(drawing)


@pytest.mark.parametrize(
    "effects",
    [
        make_effects(1, predicted=[None] * 5, measured=[np.nan] * 5),
        make_effects().take(np.array([], int)),
    ],
)
def test_effects_without_a_finite_number_are_refused(effects):
    with pytest.raises(PlotError, match=rf"None of the {len(effects)} rows has a finite predicted"):
        draw_effects(effects)


def test_an_audit_without_a_finite_pair_is_refused():
    with pytest.raises(
        PlotError, match="None of the 10 rows of this audit has a finite prediction"
    ):
        draw_audit(make_audit(measured=[np.nan] * 10))


@pytest.mark.parametrize("value", [0.0, 0.3, -1e-12, 1e30, 1e-200])
def test_one_unit_is_enough_whatever_its_effect(value):
    effects = make_effects(1, 1, measured=[value], predicted=[value])
    (axes,) = draw_effects(effects).axes
    low, high = axes.get_xlim()
    assert low < value < high
    render(draw_effects(effects), "png")


def test_a_site_that_has_no_finite_number_keeps_its_panel():
    measured = [np.nan] * 5 + [1.0] * 5
    assert titles_of(draw_effects(make_effects(measured=measured))) == ["fc1", "fc2"]


def test_of_many_sites_those_with_the_largest_effects_are_drawn():
    drawing = draw_effects(make_effects(MOST_PANELS + 6))
    assert len(drawing.axes) == MOST_PANELS
    assert titles_of(drawing)[0] == "fc7"  # effects grow with the site's number
    assert "the 24 sites with the largest effects; 6 more are not." in caption_of(drawing)
    assert "sites" not in caption_of(draw_effects(make_effects(MOST_PANELS)))


@pytest.mark.parametrize(("n_units", "is_image"), [(1000, False), (5000, True)])
def test_many_points_are_an_image_in_the_svg(n_units, is_image):
    svg = render(draw_effects(make_effects(2, n_units)), "svg")
    assert (b"<image" in svg) is is_image


def test_a_name_with_dollars_is_no_formula():
    drawing = draw_effects(make_effects(1, site=["_a$x$"] * 5))
    render(drawing, "svg")
    assert titles_of(drawing) == [r" _a\$x\$"]


def test_headroom_s_effects_have_a_measured_side_too():
    effects = make_headroom(3, measured=[-1.0, -2.0, -3.0])
    assert "measured" in draw_effects(effects).get_suptitle()


def make_partial():
    """An audit of which the first three of each five units were measured throughout."""
    audit = make_audit()
    measured = audit.effects.array("measured")
    kinds = ["exact", "exact", "exact", "sampled", "predicted"] * 2
    is_exact = np.array([kind == "exact" for kind in kinds])
    effects = audit.effects.with_columns({
        "evidence": kinds,
        "low": measured - ~is_exact,
        "high": measured + 2 * ~is_exact,
    })
    return replace(audit, effects=effects), is_exact


def test_estimates_are_pale_and_have_their_intervals():
    audit, is_exact = make_partial()
    drawing = draw_audit(audit)
    for place, axes in enumerate(drawing.axes):
        rows = np.arange(5 * place, 5 * place + 5)
        for own, label in ((is_exact, PREDICTORS[0]), (~is_exact, "_estimates")):
            kept = rows[own[rows]]
            expected = [audit.effects.array(name)[kept] for name in (PREDICTORS[0], "measured")]
            marks = next(one for one in axes.collections if one.get_label() == label)
            np.testing.assert_array_equal(marks.get_offsets(), np.column_stack(expected))
            assert (marks.get_alpha() is None) == (label != "_estimates")
        (bars,) = (one for one in axes.collections if isinstance(one, LineCollection))
        kept = rows[~is_exact[rows]]
        said, low, high = (audit.effects.array(name)[kept] for name in ("predicted", "low", "high"))
        np.testing.assert_array_equal(
            bars.get_segments(), [[[x, a], [x, b]] for x, a, b in zip(said, low, high, strict=True)]
        )
        assert axes.get_ylim()[1] >= high.max()
    assert "Pale: 4 units of 10 measured on some examples or on none." in caption_of(drawing)
    assert all("; n = " in title for title in titles_of(drawing))


def test_an_audit_of_everything_has_no_pale_mark():
    audit, _ = make_partial()
    whole = audit.effects.with_columns({"evidence": ["exact"] * 10})
    drawing = draw_audit(replace(audit, effects=whole))
    labels = [one.get_label() for axes in drawing.axes for one in axes.collections]
    assert sorted(set(labels)) == sorted(PREDICTORS)
    assert "Pale" not in caption_of(drawing)


def test_a_panel_of_estimates_alone_keeps_the_legend():
    audit, _ = make_partial()
    guessed = audit.effects.with_columns({"evidence": ["sampled"] * 10})
    drawing = draw_audit(replace(audit, effects=guessed))
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == list(PREDICTORS)
