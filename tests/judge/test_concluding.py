"""The answer says what the numbers say, also where they say otherwise; each number is in a table."""

from itertools import product

import pytest
from oracles.layers import PARTING, PLAIN, asked, layer, unfounded

from neurodemon.judge.concluding import conclude

LAST = {"step": 1260, "output_slope": 0.04, "norm_of_mean": 0.004, "unit_slope": 0.85}
TRAINED = layer(**LAST)


def answer(*layers, partings=()):
    """Conclude; every number must stand in a table."""
    told = conclude(list(layers), list(partings))
    assert unfounded(asked(told, list(layers), list(partings))) == set()
    return " ".join(told)


def test_the_usual_answer():
    told = answer(PLAIN, TRAINED, partings=[PARTING])
    assert "No, they are two quantities, tied by headroom = κ·|δ|·|best Δz|." in told
    assert "At step 1260, for a demon that sees its example (scope each) |δ| ranks headroom fairly (0.8 at fc1) and distance hardly (0.25 at fc1)" in told  # fmt: skip
    assert "It tells how much there is to win, not how far off a unit is." in told
    assert "Inside one example, from unit to unit, it ranks headroom fairly (0.75 at fc1)" in told
    assert "12 % at fc1 in scope each. A small influence certifies nothing." in told
    assert "fc1[2] in scope each, 7.8 % of its demons, dead here" in told
    assert "‖mean δ‖ goes from 0.1 to 0.004 and mean ‖δ‖ from 0.4 to 0.4" in told
    assert "Training silences the mean of δ, not each example's own." in told
    assert "Near the optimum, yes; further away the curves bend" in told
    assert "within 0.25 std 0.98 at fc1, within 4 std 0.15 at fc1" in told
    assert "Yes, of influence on the output" in told
    assert told.endswith(
        "a large influence certifies error only where the curvature is bounded; a small influence "
        "certifies nothing; training silences the mean of δ before each example's own."
    )


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        ((0.95, 0.93), "They are two quantities, that here rank alike, tied by"),
        ((0.95, 0.5), "as a ranking of what is to be won it serves here"),
        ((0.4, 0.6), "ranks headroom loosely (0.4 at fc1) and distance loosely (0.6 at fc1)"),
        ((-0.5, 0.1), "ranks headroom the wrong way round (-0.5 at fc1)"),
        ((None, None), "not at all (too few demons, or all alike in one of the two)"),
    ],
)
def test_the_ranks_decide_whether_influence_is_error(ranks, words):
    told = answer(layer(rank_gain=ranks[0], rank_distance=ranks[1]))
    assert words in told
    assert ("It tells how much" in told) is (ranks in {(0.95, 0.5), (0.95, 0.93)})


def test_sites_that_differ_get_both_words():
    told = answer(layer(rank_gain=0.4), layer(site="fc2", rank_gain=0.95))
    assert "loosely to closely (0.4 at fc1, 0.95 at fc2)" in told


def test_of_many_sites_the_least_and_the_greatest_are_told():
    rows = [layer(site=f"fc{place}", rank_gain=place / 10) for place in (5, 2, 9, 4)]
    assert "hardly to closely (from 0.2 at fc2 to 0.9 at fc9)" in answer(*rows)
    later = [layer(**LAST, site=row.site) for row in rows]
    told = answer(*rows, *later)
    assert "at fc5 ‖mean δ‖" in told
    assert "at fc4 ‖mean δ‖" in told
    assert "at fc9 ‖mean δ‖" not in told


def test_both_scopes_are_told_apart():
    told = answer(PLAIN, layer(scope="shared", rank_gain=0.95, rank_gain_within=None))
    assert "(scope each) |δ| ranks headroom fairly (0.8 at fc1)" in told
    assert "(scope shared) |δ| ranks headroom closely (0.95 at fc1)" in told


def test_a_blind_demon_alone_has_nothing_inside_one_example():
    told = answer(layer(scope="shared", rank_gain_within=None, rank_distance_within=None))
    assert "Inside one example" not in told


def test_where_nothing_is_missed_nothing_is_said_against_small_influence():
    told = answer(layer(false_negatives=0.0), layer(false_negatives=0.0, scope="shared"))
    assert "none stands in the lower half by |δ| (0 % at fc1 in scope each; 0 % at fc1" in told
    assert "small influence certifies nothing" not in told


def test_where_no_demon_wins_there_is_nothing_to_miss():
    assert "No demon can lower the cost at all" in answer(layer(false_negatives=None))


def two(changes_now, **changes):
    """Two sites, before and after."""
    before = [layer(**changes), layer(**changes, site="fc2")]
    return [*before, *(layer(**LAST | now, site=one) for now, one in changes_now)]


@pytest.mark.parametrize(
    ("mean", "each", "words"),
    [
        (0.001, 0.04, "silences the mean of δ, more than each example's own."),
        (0.01, 0.04, "silences the mean of δ, and each example's own."),
        (0.01, 0.4, "silences the mean of δ, not each example's own."),
        (0.09, 0.04, "silences each example's δ, and their mean less."),
        (0.09, 0.4, "has not silenced the mean of δ at every site."),
    ],
)
def test_what_training_silences_is_what_has_fallen(mean, each, words):
    now = {"norm_of_mean": mean, "mean_of_norms": each}
    told = answer(*two([(now, "fc1"), (now, "fc2")]))
    assert f"Training {words}" in told
    is_before = mean < 0.05 and mean / each < 0.25  # fallen by itself, and in parts of the other
    assert ("training silences the mean of δ before" in told) is is_before


def test_a_site_that_falls_silent_alone_is_named():
    fell, stayed = {"mean_of_norms": 0.04}, {"mean_of_norms": 0.4}
    told = answer(*two([(fell, "fc1"), (stayed, "fc2")]))
    assert "the mean of δ everywhere, each example's own at fc1 only." in told


def test_the_examples_of_the_training_are_what_training_is_judged_by():
    old = layer(norm_of_mean_trained=0.2, mean_of_norms_trained=0.5)
    new = layer(
        **LAST | {"norm_of_mean": 0.3}, norm_of_mean_trained=0.002, mean_of_norms_trained=0.45
    )
    told = answer(old, new)
    assert "on the examples it was trained on at fc1 ‖mean δ‖ goes from 0.2 to 0.002" in told
    assert "On the examples studied here at fc1 ‖mean δ‖ goes from 0.1 to 0.3" in told
    assert "silences the mean of δ, not each example's own" in told


def test_one_stage_cannot_tell_what_training_does():
    told = answer(PLAIN)
    assert "One stage of training alone cannot tell" in told
    assert "‖∂C/∂output‖ is 0.9 at fc1; ‖∂output/∂z‖ is 0.11 at fc1." in told
    assert "At step" not in told


@pytest.mark.parametrize(
    ("near", "far", "words"),
    [
        (0.98, 0.95, "Here, yes, as far as the demons go"),
        (0.7, 0.65, "Here, roughly, as far as the demons go"),
        (0.7, 0.1, "Near the optimum, roughly; further away"),
        (0.5, 0.1, "Not even near it does the slope rank with the distance"),
        (0.98, 0.15, "Near the optimum, yes; further away"),
    ],
)
def test_the_windows_decide_whether_it_is_flat_near_the_optimum(near, far, words):
    assert words in answer(layer(flatness={"0.25": near, "4": far}))


def test_one_window_is_told_once_and_none_not_at_all():
    assert "within 1 std 0.95 at fc1." in answer(layer(flatness={"1": 0.95, "4": None}))
    assert "No unit's curve has its optimum inside" in answer(layer(flatness={"1": None}))


@pytest.mark.parametrize(
    ("output", "unit", "words"),
    [
        (0.04, 0.85, "what training takes away is ∂C/∂output"),
        (0.04, 0.02, "Training takes away ∂C/∂output, and at some site ∂output/∂z as well"),
        (0.8, 0.85, "Training has not taken ∂C/∂output away here"),
    ],
)
def test_the_factors_decide_which_one_goes(output, unit, words):
    told = answer(PLAIN, layer(**LAST | {"output_slope": output, "unit_slope": unit}))
    assert words in told


def test_without_a_vector_of_outputs_the_factors_are_not_told_apart():
    assert "Of this output and cost the two are not told" in answer(layer(unit_slope=None))


def test_every_number_stands_in_a_table_whatever_is_missing():
    holes = [{}, {"rank_gain": None}, {"false_negatives": None}, {"flatness": {}}]
    holes += [{"output_slope": None}, {"rank_gain_within": None}]
    for old, new in product(holes, holes):
        assert answer(layer(**old), layer(**LAST | new), partings=[PARTING])


def test_without_any_finite_number_there_is_no_answer():
    assert conclude([], []) == (
        "Is influence error? No demon's cost stayed finite, so this cannot be answered.",
    )


def test_the_watch_on_numbers_sees_one_that_stands_nowhere():
    """The negative control."""
    assert unfounded(asked(("It is 0.8123 at fc1.",), [PLAIN], [])) == {"0.8123"}
