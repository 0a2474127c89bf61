"""Agreement and verdicts, against scipy, hand-made cases and laws."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neurodemon.judge import agreement
from neurodemon.judge.agreement import (
    SAMPLE_NEEDED,
    SLACK,
    THRESHOLDS,
    Threshold,
    agree,
    most_misjudged,
    verdict,
)
from neurodemon.terms.audits import Agreement

NAN, INF = math.nan, math.inf
FIXED = settings(deadline=None, max_examples=60, derandomize=True)
CLOSE = 1e-12  # float64, a handful of operations on numbers near 1

PERFECT = Agreement("fc1", "link", 100, 1.0, 0.99, 1.0, 1.0, 0.04, 0.0)

# Few distinct values make ties the norm, as dead ReLUs do.
effects = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, -1.0, 2.0]),
    st.floats(-1e3, 1e3).map(lambda value: round(value, 3)),
)


@st.composite
def pairs(draw, min_size=3, max_size=30):
    """Draw predicted and measured effects of the same units."""
    size = draw(st.integers(min_size, max_size))
    columns = npst.arrays(np.float64, size, elements=effects)
    return draw(columns), draw(columns)


def judged(predicted, measured, is_signal=None, predictor="link"):
    """Judge columns given as lists; by default each effect but 0 is a signal."""
    predicted, measured = np.array(predicted, float), np.array(measured, float)
    signal = np.isfinite(measured) & (measured != 0) if is_signal is None else np.array(is_signal)
    return agree(predicted, measured, site="fc1", predictor=predictor, is_signal=signal)


def assert_same(row, other, **expected):
    """Compare two rows number by number, to rounding; None only with None."""
    for name in ("pearson", "spearman", "sign", "slope", "median_relative_error", "tied"):
        value = expected.get(name, getattr(other, name))
        if value is None:
            assert getattr(row, name) is None, name
        else:
            assert getattr(row, name) == pytest.approx(value, rel=1e-9, abs=CLOSE), name


# Numbers, against scipy and by hand


def test_correlations_equal_those_of_scipy_with_many_ties():
    rng = np.random.default_rng(0)
    predicted, measured = rng.normal(size=(2, 500)).round(1)
    measured[rng.random(500) < 0.4] = 0.0
    predicted += 0.5 * measured
    row = judged(predicted, measured)
    assert row.pearson == pytest.approx(scipy.stats.pearsonr(predicted, measured)[0], abs=CLOSE)
    assert row.spearman == pytest.approx(scipy.stats.spearmanr(predicted, measured)[0], abs=CLOSE)


@FIXED
@given(pairs())
def test_correlations_equal_those_of_scipy_wherever_scipy_defines_them(columns):
    predicted, measured = columns
    row = judged(predicted, measured)
    if np.ptp(predicted) == 0 or np.ptp(measured) == 0:
        assert (row.pearson, row.spearman) == (None, None)
        return
    expected = scipy.stats.spearmanr(predicted, measured)[0]
    assert row.spearman == pytest.approx(expected, abs=1e-9)
    expected = np.corrcoef(predicted, measured)[0, 1]
    assert row.pearson == pytest.approx(expected, abs=1e-6)


def test_numbers_of_a_hand_made_case():
    row = judged([1.0, 2.0, -3.0, 0.0], [2.0, 1.0, -3.0, 0.0])
    assert row.n_units == 4
    assert row.pearson == pytest.approx(13 / 14, abs=CLOSE)  # Σpm / Σp², both means 0
    assert row.spearman == pytest.approx(0.8, abs=CLOSE)  # 1 − 6·Σd²/(n³−n), Σd² = 2
    assert row.sign == 1.0
    assert row.slope == pytest.approx(13 / 14, abs=CLOSE)
    assert row.median_relative_error == pytest.approx(0.5, abs=CLOSE)  # of ½, 1, 0
    assert row.tied == 0.25


def test_a_slope_of_two_means_that_effects_are_twice_what_was_predicted():
    assert judged([1.0, -2.0, 3.0], [2.0, -4.0, 6.0]).slope == pytest.approx(2.0, abs=CLOSE)


def test_row_carries_the_site_and_the_predictor():
    none = np.zeros(0)
    row = agree(none, none, site=None, predictor="tangent", is_signal=none.astype(bool))
    assert (row.site, row.predictor) == (None, "tangent")


def test_numbers_are_plain_python_numbers():
    row = judged([1.0, 2.0, -3.0], [2.0, 1.0, -3.0])
    assert {type(value) for value in list(vars(row).values())[3:9]} == {float}
    assert type(row.n_units) is int


# Units without a signal


def test_units_under_the_noise_floor_are_ties_not_ranks():
    predicted = [0.0, 0.0, 0.0, 1.0, 2.0]
    measured = [1e-9, -2e-9, 3e-9, 1.0, 2.0]
    row = judged(predicted, measured, is_signal=[False, False, False, True, True])
    assert row.spearman == pytest.approx(1.0, abs=CLOSE)
    assert row.tied == 0.6


def test_noise_taken_for_a_signal_spoils_the_ranking():
    """Negative control of the test above."""
    measured = [1e-9, -2e-9, 3e-9, 1.0, 2.0]
    assert judged([0.0, 0.0, 0.0, 1.0, 2.0], measured).spearman < 0.95


def test_noise_counts_neither_for_sign_nor_for_relative_error():
    row = judged([-5.0, 1.0, 2.0], [1e-9, 1.0, 2.0], is_signal=[False, True, True])
    assert (row.sign, row.median_relative_error) == (1.0, 0.0)


def test_a_zero_effect_called_a_signal_is_still_a_tie():
    row = judged([1.0, 2.0, 3.0], [0.0, 2.0, 3.0], is_signal=[True, True, True])
    assert row.median_relative_error == 0.0
    assert row.tied == pytest.approx(1 / 3, abs=CLOSE)


def test_without_any_signal_nothing_but_the_share_of_ties_is_defined():
    row = judged([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])
    assert row.tied == 1.0
    assert (row.pearson, row.spearman, row.sign, row.median_relative_error) == (None,) * 4
    assert row.slope == 0.0


def test_a_prediction_of_zero_has_no_sign_and_an_error_of_one():
    row = judged([0.0, 0.0, 1.0], [1.0, -1.0, 1.0])
    assert row.sign == pytest.approx(1 / 3, abs=CLOSE)
    assert row.median_relative_error == 1.0


# What is not finite, constant, or too small to say


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_pairs_with_a_non_finite_number_are_left_out_and_the_count_says_so(bad):
    predicted, measured = [1.0, 2.0, -3.0, 0.5], [2.0, 1.0, -3.0, 0.25]
    row = judged([*predicted, bad, 9.0], [*measured, 7.0, bad])
    assert row == judged(predicted, measured)
    assert row.n_units == 4


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e308])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_constant_column_has_no_correlation(constant, size):
    varied = np.arange(size) - 1.0
    for row in (judged([constant] * size, varied), judged(varied, [constant] * size)):
        assert (row.pearson, row.spearman) == (None, None)


def test_nothing_predicted_has_no_slope():
    assert judged([0.0, -0.0, 0.0], [1.0, 2.0, 3.0]).slope is None


def test_no_units_give_no_numbers():
    row = judged([], [])
    assert row == Agreement("fc1", "link", 0, None, None, None, None, None, 0.0)


def test_one_unit_has_a_sign_a_slope_and_an_error_but_no_correlation():
    row = judged([2.0], [1.0])
    assert row == Agreement("fc1", "link", 1, None, None, 1.0, 0.5, 1.0, 0.0)


def test_two_units_rank_perfectly_right_or_wrong():
    assert judged([1.0, 2.0], [3.0, 7.0]).spearman == pytest.approx(1.0, abs=CLOSE)
    assert judged([1.0, 2.0], [7.0, 3.0]).spearman == pytest.approx(-1.0, abs=CLOSE)


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e-9, 1e300])
def test_tiny_and_huge_effects_correlate_as_any(size):
    predicted, measured = np.array([1.0, 2.0, -3.0, 0.0]), np.array([2.0, 1.0, -3.0, 0.0])
    row = judged(size * predicted, size * measured)
    rounding = 1e-3 if size < 1e-307 else CLOSE  # denormal numbers have few digits
    assert row.pearson == pytest.approx(13 / 14, abs=rounding)
    assert row.slope == pytest.approx(13 / 14, abs=rounding)
    assert row.spearman == pytest.approx(0.8, abs=CLOSE)


def test_what_overflows_is_none_and_never_warns():
    assert judged([1e-320, 1e-321], [1e300, 1e300]).slope is None
    assert judged([1e308, 1e308], [-1e308, 1e-300]).median_relative_error is None


def test_neighbouring_numbers_are_not_constant():
    row = judged([1.0, 1.0 + 2**-52, 1.0], [0.0, 1.0, 0.0])
    assert row.pearson == pytest.approx(1.0, abs=CLOSE)


# Laws


@FIXED
@given(pairs(), st.floats(0.01, 100), st.floats(-100, 100))
def test_correlations_do_not_change_when_predictions_are_scaled_and_shifted(columns, scale, shift):
    predicted, measured = columns
    moved = scale * predicted + shift
    # Shifting may round two different predictions into one: then the law says nothing.
    if len(np.unique(moved)) < len(np.unique(predicted)):
        return
    before, after = judged(predicted, measured), judged(moved, measured)
    for name in ("pearson", "spearman"):
        value = getattr(before, name)
        assert getattr(after, name) == (None if value is None else pytest.approx(value, abs=1e-6))


@FIXED
@given(pairs(), st.floats(0.01, 100))
def test_a_common_unit_of_cost_changes_nothing(columns, scale):
    predicted, measured = columns
    assert_same(judged(scale * predicted, scale * measured), judged(predicted, measured))


@FIXED
@given(pairs(), st.floats(0.01, 100))
def test_the_slope_falls_as_predictions_are_scaled_up(columns, scale):
    predicted, measured = columns
    before, after = judged(predicted, measured), judged(scale * predicted, measured)
    expected = None if before.slope is None else before.slope / scale
    assert after.slope == (None if expected is None else pytest.approx(expected, abs=1e-6))


@FIXED
@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_units_does_not_matter(columns, random):
    predicted, measured = columns
    order = np.array(random.sample(range(len(predicted)), len(predicted)), int)
    assert_same(judged(predicted[order], measured[order]), judged(predicted, measured))


@FIXED
@given(pairs())
def test_turning_predictions_round_turns_correlations_and_slope_round(columns):
    predicted, measured = columns
    row, other = judged(-predicted, measured), judged(predicted, measured)
    turned = {
        name: None if getattr(other, name) is None else -getattr(other, name)
        for name in ("pearson", "spearman", "slope")
    }
    for name, value in turned.items():
        assert getattr(row, name) == (None if value is None else pytest.approx(value, abs=1e-9))


@FIXED
@given(pairs())
def test_a_perfect_prediction_is_ideal_in_every_number(columns):
    _, measured = columns
    row = judged(measured, measured)
    ideal = {"pearson": 1.0, "spearman": 1.0, "sign": 1.0, "slope": 1.0}
    ideal |= {"median_relative_error": 0.0}
    for name, value in ideal.items():
        got = getattr(row, name)
        assert got is None or got == pytest.approx(value, abs=CLOSE), name


def test_predictions_of_other_units_are_far_from_ideal():
    """Negative control of the law above: the right numbers at the wrong units."""
    measured = np.random.default_rng(1).normal(size=200)
    row = judged(np.roll(measured, 1), measured)
    assert abs(row.spearman) < 0.3
    assert row.median_relative_error > 0.5
    assert 0.3 < row.sign < 0.7


# Verdicts


def test_verdict_trusts_the_size_and_says_what_first_order_alone_is_worth():
    rows = [
        replace(PERFECT, predictor="first_order", spearman=0.76, median_relative_error=0.4),
        replace(PERFECT, predictor="link", spearman=0.94, median_relative_error=0.09),
        replace(PERFECT, predictor="linear_logits"),
    ]
    assert verdict(rows, "fc1") == (
        "fc1: trust the size of linear_logits (Spearman 0.99, median error 4 %); "
        "first_order alone ranks at 0.76."
    )


def test_verdict_trusts_the_ranking_where_sizes_are_off():
    rows = [replace(PERFECT, spearman=0.94, median_relative_error=0.19)]
    assert verdict(rows, "fc1") == (
        "fc1: trust the ranking of link, not the size (Spearman 0.94, median error 19 %)."
    )


def test_verdict_sends_to_measure_where_nothing_can_be_trusted():
    rows = [
        replace(PERFECT, predictor="first_order", spearman=-0.004, median_relative_error=30.0),
        replace(PERFECT, spearman=0.62, median_relative_error=0.8),
    ]
    assert verdict(rows, "fc1") == (
        "fc1: trust nothing, measure: even link falls short (Spearman 0.62, median error 80 %); "
        "first_order alone ranks at 0.00."
    )


def test_verdict_names_first_order_where_no_other_does_better():
    rows = [replace(PERFECT, predictor="first_order"), PERFECT]
    assert verdict(rows, "fc1") == (
        "fc1: trust the size of first_order (Spearman 0.99, median error 4 %); "
        "no other predictor does better."
    )


def test_verdict_with_first_order_alone_compares_it_with_nothing():
    assert verdict([replace(PERFECT, predictor="first_order")], "fc1").endswith(
        "median error 4 %)."
    )


def test_verdict_says_that_first_order_predicts_one_number_for_all():
    rows = [PERFECT, replace(PERFECT, predictor="first_order", spearman=None)]
    assert verdict(rows, "fc1").endswith("; first_order alone does not tell the units apart.")


def test_verdict_reads_the_rows_of_its_own_site_only():
    rows = [
        replace(PERFECT, site=None, spearman=0.1),
        replace(PERFECT, site="fc2", spearman=0.2),
        replace(PERFECT, spearman=0.96),
    ]
    assert "Spearman 0.96" in verdict(rows, "fc1")
    assert "Spearman 0.20" in verdict(rows, "fc2")
    assert verdict(rows, None).startswith("all sites: trust nothing")


@pytest.mark.parametrize(
    ("n_units", "words"), [(0, "no unit was"), (1, "only 1 unit was"), (2, "only 2 units were")]
)
def test_verdict_says_that_there_are_too_few_units(n_units, words):
    assert verdict([replace(PERFECT, n_units=n_units)], "fc1") == (
        f"fc1: {words} compared, too few to judge a predictor: measure."
    )


def test_verdict_judges_from_three_units_on():
    """Negative control of the test above."""
    assert "trust the size" in verdict([replace(PERFECT, n_units=3)], "fc1")


def test_verdict_of_an_unknown_site_says_that_no_unit_was_compared():
    assert "no unit was compared" in verdict([PERFECT], "fc9")


def test_verdict_says_that_every_effect_is_under_the_noise():
    assert verdict([judged([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])], "fc1") == (
        "fc1: no unit has an effect above the noise, so there is nothing to predict."
    )


def test_verdict_says_that_there_is_no_ranking():
    assert verdict([judged([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])], "fc1") == (
        "fc1: trust nothing, measure: effects (predicted or measured) are all the same."
    )


def test_a_predictor_without_a_number_for_many_units_is_not_trusted():
    rows = [
        replace(PERFECT, predictor="first_order", spearman=0.92, median_relative_error=0.3),
        replace(PERFECT, n_units=40, spearman=1.0),
    ]
    assert "trust the ranking of first_order" in verdict(rows, "fc1")
    assert "falls short (Spearman 1.00, median error 4 %, 40 of 100 units)" in verdict(
        [replace(rows[0], spearman=0.5), rows[1]], "fc1"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "trust the size"),
        ({"spearman": 0.95, "sign": 0.95, "median_relative_error": 0.1}, "trust the size"),
        ({"spearman": 0.949}, "trust the ranking"),
        ({"sign": 0.949}, "trust the ranking"),
        ({"sign": None}, "trust the ranking"),
        ({"median_relative_error": 0.101}, "trust the ranking"),
        ({"median_relative_error": None}, "trust the ranking"),
        ({"spearman": 0.9}, "trust the ranking"),
        ({"spearman": 0.899}, "trust nothing"),
    ],
)
def test_each_threshold_decides_at_its_number(change, words):
    assert words in verdict([replace(PERFECT, **change)], "fc1")


def test_verdict_names_wrong_signs_where_they_forbid_to_trust_the_size():
    assert verdict([replace(PERFECT, sign=0.88)], "fc1") == (
        "fc1: trust the ranking of link, not the size "
        "(Spearman 0.99, median error 4 %, 12 % of signs wrong)."
    )


def test_thresholds_stand_in_one_table(monkeypatch):
    """Negative control of the thresholds: raise one, and the verdict falls."""
    stricter = (Threshold("the size", 0.999, 0.95, 0.1, 0.95), *THRESHOLDS[1:])
    monkeypatch.setattr(agreement, "THRESHOLDS", stricter)
    assert "trust the ranking" in verdict([PERFECT], "fc1")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "no median error"),
        (0.0, "median error 0 %"),
        (1e-12, "median error under 0.1 %"),
        (0.004, "median error 0.4 %"),
        (0.27, "median error 27 %"),
        (1.5, "median error 150 %"),
        (1e9, "median error over 1000 %"),
    ],
)
def test_errors_are_spelled_in_percent(error, words):
    assert words in verdict([replace(PERFECT, median_relative_error=error)], "fc1")


def test_among_equals_as_printed_the_first_row_is_named():
    rows = [replace(PERFECT, predictor="a"), replace(PERFECT, predictor="b", spearman=0.9901)]
    assert "the size of a " in verdict(rows, "fc1")
    assert "the size of b " in verdict(rows[::-1], "fc1")


# The unit misjudged most


def test_most_misjudged_is_the_unit_furthest_off():
    assert most_misjudged(np.array([1.0, 2.0, 3.0]), np.array([1.5, -2.0, 3.0])) == 1


def test_most_misjudged_takes_the_first_of_equals():
    assert most_misjudged(np.array([1.0, 1.0]), np.array([2.0, 0.0])) == 0


def test_most_misjudged_passes_over_what_is_not_finite():
    predicted, measured = np.array([NAN, 0.0, INF, 5.0]), np.array([9.0, -INF, 1.0, 5.0])
    assert most_misjudged(predicted, measured) == 3


def test_most_misjudged_sees_a_gap_too_large_for_a_number():
    assert most_misjudged(np.array([0.0, 1e308]), np.array([1e308, -1e308])) == 1


@pytest.mark.parametrize("columns", [([], []), ([NAN], [1.0]), ([1.0], [INF])])
def test_most_misjudged_of_nothing_is_none(columns):
    assert most_misjudged(*(np.array(column, float) for column in columns)) is None


# Units drawn at random, and examples that vary


@pytest.mark.parametrize(
    ("n_units", "words"),
    [(0, "no unit was drawn at random and compared"), (1, "only 1 unit was drawn at random and")],
)
def test_verdict_says_that_too_few_units_were_drawn_at_random(n_units, words):
    rows = [replace(PERFECT, n_units=n_units)]
    assert words in verdict(rows, "fc1", is_sample=True)


def test_a_sample_of_units_is_judged_from_eight_on():
    rows = [replace(PERFECT, n_units=SAMPLE_NEEDED - 1)]
    assert verdict(rows, "fc1", is_sample=True) == (
        "fc1: only 7 units were drawn at random and compared, too few to judge a predictor: "
        "measure."
    )
    assert "trust the size" in verdict(rows, "fc1")
    rows = [replace(PERFECT, n_units=SAMPLE_NEEDED)]
    assert "trust the size" in verdict(rows, "fc1", is_sample=True)


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (None, "trust the size"),
        (0.95 - SLACK + 1e-9, "trust the size"),
        (0.84, "trust the ranking"),
        (0.79, "trust nothing"),
        (-0.5, "trust nothing"),
    ],
)
def test_a_ranking_that_varies_with_examples_is_trusted_less(low, words):
    row = replace(PERFECT, spearman_low=low, spearman_high=1.0)
    assert words in verdict([row], "fc1")


def test_verdict_says_how_far_the_ranking_varies_where_that_forbids_trust():
    row = replace(PERFECT, spearman=0.93, spearman_low=0.5, spearman_high=0.97)
    assert verdict([row], "fc1") == (
        "fc1: trust nothing, measure: even link falls short (Spearman 0.93, but 0.50 to 0.97 as "
        "examples vary, median error 4 %)."
    )


@pytest.mark.parametrize(
    ("spearman", "low"), [(0.99, 0.9), (0.93, 0.85), (0.5, 0.1), (0.93, None), (None, None)]
)
def test_verdict_is_silent_about_the_range_where_it_decides_nothing(spearman, low):
    row = replace(PERFECT, spearman=spearman, spearman_low=low, spearman_high=0.97)
    other = replace(PERFECT, predictor="tangent", spearman=0.1)
    assert "as examples vary" not in verdict([row, other], "fc1")
