"""The question: five figures whose lines have the layers' own numbers."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.drawables import VERDICTS, caption_of, make_layer, make_question

from neurodemon.errors import PlotError
from neurodemon.report.figures import questions
from neurodemon.report.figures.palette import BLACK
from neurodemon.report.figures.paper import new_drawing, render
from neurodemon.report.figures.questions import draw_question
from neurodemon.report.figures.story import write_names
from neurodemon.terms.questions import Question

STEPS = [0, 10, 100]
FIGURES = ["ranks", "norms", "verdicts", "flatness", "factors"]


def lines_of(axes):
    """Take the lines of a panel that follow the numbers, not the one at 0."""
    return [line for line in axes.get_lines() if line.get_color() != "0.8"]


def titles_of(drawing):
    """Take the panels' titles."""
    return [axes.get_title(loc="left") for axes in drawing.axes]


def labels_of(axes):
    """Take what is written under a panel."""
    return [text.get_text() for text in axes.get_xticklabels()]


def test_there_are_five_figures_in_order():
    assert list(draw_question(make_question())) == FIGURES


def test_ranks_are_drawn_for_each_scope_and_site_over_the_steps():
    drawing = draw_question(make_question())["ranks"]
    assert titles_of(drawing) == [
        "|δ| with headroom (shared)", "|δ| with |best Δz| (shared)",
        "|δ| with headroom (each)", "|δ| with |best Δz| (each)",
    ]  # fmt: skip
    first, _, second, _ = lines_of(drawing.axes[2])[:4]
    np.testing.assert_array_equal(first.get_xdata(), STEPS)
    np.testing.assert_allclose(first.get_ydata(), [0.9, 0.89, 0.88], rtol=1e-12)
    np.testing.assert_allclose(second.get_ydata(), [0.8, 0.79, 0.78], rtol=1e-12)


def test_within_examples_is_dashed_and_not_defined_in_scope_shared():
    drawing = draw_question(make_question())["ranks"]
    within = {panel: lines_of(drawing.axes[panel])[1] for panel in (0, 2)}
    assert {line.get_linestyle() for line in within.values()} == {"--"}
    assert np.isnan(within[0].get_ydata()).all()
    np.testing.assert_allclose(within[2].get_ydata(), [0.5, 0.5, 0.5], rtol=1e-12)


def test_the_legend_names_the_sites_and_the_two_patterns():
    (legend,) = draw_question(make_question())["ranks"].legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["fc1", "fc2", "pooled", "within examples"]


def test_norms_stand_beside_each_other_on_one_logarithmic_range():
    drawing = draw_question(make_question())["norms"]
    left, middle, right = drawing.axes
    assert left.get_yscale() == middle.get_yscale() == "log"
    assert left.get_ylim() == middle.get_ylim()
    np.testing.assert_allclose(lines_of(left)[0].get_ydata(), [0.01, 0.005, 0.01 / 3], rtol=1e-12)
    np.testing.assert_allclose(lines_of(middle)[0].get_ydata(), [0.1] * 3, rtol=1e-12)
    np.testing.assert_allclose(lines_of(right)[0].get_ydata(), [0.1, 0.05, 0.1 / 3], rtol=1e-12)


def test_norms_of_zero_are_gaps_and_counted():
    layers = (make_layer(step=0), make_layer(step=1, norm_of_mean=0.0))
    drawing = draw_question(Question("?", (), layers, (), (0, 1)))["norms"]
    assert np.isnan(lines_of(drawing.axes[0])[0].get_ydata()[1])
    assert "Not drawn in part: 1 row, where one of the norms is 0." in caption_of(drawing)
    assert "Not drawn" not in caption_of(draw_question(make_question())["norms"])


def test_the_shares_of_the_verdicts_are_stacked_for_each_site_scope_and_step():
    drawing = draw_question(make_question())["verdicts"]
    assert titles_of(drawing) == ["fc1 (shared)", "fc1 (each)", "fc2 (shared)", "fc2 (each)"]
    heights = [[bar.get_height() for bar in one] for one in drawing.axes[0].containers]
    shares = np.array([0.1, 0.2, 0.1, 0.0, 0.25, 0.35])
    np.testing.assert_allclose(heights, np.repeat(shares[:, None], 3, axis=1), atol=1e-12)
    tops = [bar.get_y() + bar.get_height() for bar in drawing.axes[0].containers[-1]]
    np.testing.assert_allclose(tops, [1, 1, 1], rtol=1e-12)
    assert labels_of(drawing.axes[3]) == ["0", "10", "100"]
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == list(VERDICTS)


def test_windows_of_each_scope_have_panels_of_their_own():
    question = make_question()
    other = replace(question.layers[1], flatness={"0.25": 0.1, "4.0": 0.2})
    layers = (question.layers[0], other, *question.layers[2:])
    drawing = draw_question(replace(question, layers=layers))["flatness"]
    assert titles_of(drawing)[2:4] == ["step 100 (shared)", "step 0 (each)"]
    assert "shared: one Δz for all examples" in caption_of(drawing)


def test_windows_that_are_the_same_in_both_scopes_are_drawn_once():
    drawing = draw_question(make_question())["flatness"]
    assert titles_of(drawing) == ["step 0", "step 10", "step 100"]
    (line, _) = lines_of(drawing.axes[0])
    assert list(line.get_xdata()) == [0.25, 0.5, 1, 2, 4]
    np.testing.assert_array_equal(line.get_ydata(), [0.99, 0.9, 0.8, 0.5, np.nan])
    assert labels_of(drawing.axes[-1]) == [".25", ".5", "1", "2", "4"]


def test_of_many_steps_four_windows_are_drawn_and_it_is_said():
    drawing = draw_question(make_question(tuple(range(7))))["flatness"]
    assert [title[:6] for title in titles_of(drawing)[:4]] == [
        "step 0",
        "step 2",
        "step 4",
        "step 6",
    ]
    assert "Drawn: 4 of 7 steps." in caption_of(drawing)


def test_the_factors_are_the_output_s_and_each_site_s():
    left, right = draw_question(make_question())["factors"].axes
    (line,) = lines_of(left)
    assert line.get_color() == BLACK
    np.testing.assert_allclose(line.get_ydata(), [0.7, 0.35, 0.7 / 3], rtol=1e-12)
    np.testing.assert_allclose(lines_of(right)[1].get_ydata(), [0.5] * 3, rtol=1e-12)


def test_factors_that_are_not_known_leave_empty_panels_that_say_so():
    layer = make_layer(output_slope=None, unit_slope=None)
    drawing = draw_question(Question("?", (), (layer,), (), (0,)))["factors"]
    for axes in drawing.axes:
        assert [text.get_text() for text in axes.texts] == ["not defined here"]
    assert "1 row, where a factor is 0 or not known" in caption_of(drawing)


def test_one_step_is_drawn_site_by_site():
    drawn = draw_question(make_question((1000,)))
    axes = drawn["ranks"].axes[-1]
    assert axes.get_xlabel() == "site, at step 1,000"
    assert labels_of(axes) == ["fc1", "fc2"]
    assert [list(line.get_xdata()) for line in lines_of(axes)] == [[0], [0], [1], [1]]
    assert titles_of(drawn["verdicts"]) == ["shared", "each"]
    assert labels_of(drawn["verdicts"].axes[0]) == ["fc1", "fc2"]
    assert list(lines_of(drawn["factors"].axes[0])[0].get_ydata()) == [0.7, 0.7]


def test_several_steps_lie_along_with_their_numbers():
    axes = draw_question(make_question((0, 10, 1000)))["ranks"].axes[-1]
    assert axes.get_xlabel() == "step of training"
    assert labels_of(axes) == ["0", "10", "1,000"]
    assert axes.get_xscale() == "symlog"
    assert draw_question(make_question((0, 10, 20)))["ranks"].axes[-1].get_xscale() == "linear"


def test_rows_out_of_order_are_drawn_in_the_order_of_the_steps():
    question = make_question()
    shuffled = replace(question, layers=question.layers[::-1])
    line = lines_of(draw_question(shuffled)["ranks"].axes[2])[0]
    np.testing.assert_array_equal(line.get_xdata(), STEPS)


def test_one_scope_has_one_row_of_panels():
    drawn = draw_question(Question("?", (), (make_layer(),), (), (0,)))
    assert titles_of(drawn["ranks"]) == ["|δ| with headroom (each)", "|δ| with |best Δz| (each)"]


def test_of_many_sites_the_verdicts_of_the_first_are_drawn_and_it_is_said(monkeypatch):
    monkeypatch.setattr(questions, "MOST_SITES", 2)
    sites = tuple(f"encoder.layer.{n}.intermediate.dense" for n in range(4))
    drawn = draw_question(make_question((0, 1, 2), sites))
    assert "Not drawn: 2 later sites." in caption_of(drawn["verdicts"])
    for drawing in drawn.values():
        render(drawing, "png")


def test_a_question_without_layers_is_refused():
    with pytest.raises(PlotError, match="This question has no layers; expected at least one row"):
        draw_question(Question("Is influence error?", (), (), (), ()))


def test_of_many_steps_some_are_named_under_the_bars():
    drawn = draw_question(make_question(tuple(range(30)), ("fc1",)))
    assert labels_of(drawn["verdicts"].axes[-1]) == [str(step) for step in range(0, 30, 3)]


def test_norms_are_those_of_the_training_where_they_are_known():
    asked = make_question()
    studied = draw_question(asked)["norms"]
    assert "On the examples studied." in caption_of(studied)
    layers = tuple(
        replace(row, norm_of_mean_trained=0.25, mean_of_norms_trained=0.5) for row in asked.layers
    )
    drawing = draw_question(replace(asked, layers=layers))["norms"]
    assert "On the examples it was trained on." in caption_of(drawing)
    for panel, height in enumerate((0.25, 0.5, 0.5)):
        assert all(set(line.get_ydata()) == {height} for line in lines_of(drawing.axes[panel]))


def test_long_names_under_an_axis_are_written_aslant():
    long = ["encoder.layer.3.intermediate.dense"] * 9
    for names, side in ((["a", "b"], "center"), (long, "right")):
        axes = new_drawing("t", 4.0, 3.0, alt="a").subplots()
        write_names(axes, names)
        found = {label.get_horizontalalignment() for label in axes.get_xticklabels()}
        assert found == {side}
