"""Perturbations: refusals at the door, the spelling for tables, the command line's spelling."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodemon.errors import NeurodemonError, PerturbationError
from neurodemon.terms.perturbations import (
    PERTURBATIONS,
    Add,
    Mean,
    Noise,
    Patch,
    Perturbation,
    Resample,
    Scale,
    Set,
    Zero,
    parse_perturbation,
)
from neurodemon.terms.radii import Std

FIXED = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("perturbation", "text"),
    [
        (Zero(), "zero"),
        (Mean(), "mean"),
        (Add(-1), "add(-1)"),
        (Add(Std(0.5)), "add(0.5·std)"),
        (Scale(1.5), "scale(1.5)"),
        (Set(0.25), "set(0.25)"),
        (Noise(0.1), "noise(0.1, seed=0)"),
        (Noise(Std(1), 7), "noise(1·std, seed=7)"),
        (Resample(3), "resample(seed=3)"),
        (Patch([]), "patch"),
    ],
)
def test_a_perturbation_is_spelled_for_tables(perturbation, text):
    assert str(perturbation) == text


def test_the_list_of_perturbations_is_whole():
    assert set(PERTURBATIONS) == set(Perturbation.__args__)


def test_perturbations_are_values():
    assert Add(Std(0.5)) == Add(Std(0.5)) != Add(0.5)
    assert len({Zero(), Zero(), Mean(), Resample(1), Resample(1)}) == 3


def test_patches_are_equal_only_to_themselves():
    patch = Patch([])
    assert patch == patch  # noqa: PLR0124 (identity is what is tested)
    assert patch != Patch([])


def guard(kind, **fields):
    """Run a class's own guard; the type checker of our tests would refuse before it."""
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    made.__post_init__()


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, True, None, "1"])
@pytest.mark.parametrize(
    ("kind", "field"), [(Add, "dz"), (Scale, "factor"), (Set, "value"), (Noise, "std")]
)
def test_an_amount_that_is_no_finite_number_is_refused(kind, field, value):
    what = rf"{kind.__name__}\({field}\)"
    with pytest.raises(PerturbationError, match=f"^{what} is .*; expected a finite number"):
        guard(kind, **{field: value})


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, True])
@pytest.mark.parametrize("kind", [Add, Scale, Set, Noise])
def test_a_constructor_runs_its_guard(kind, value):
    with pytest.raises(PerturbationError, match="expected a finite number"):
        kind(value)


@pytest.mark.parametrize("std", [-0.1, Std(-1)])
def test_a_negative_spread_is_refused(std):
    with pytest.raises(PerturbationError, match=r"Noise\(std\) is .*; expected a std of at least"):
        Noise(std)
    assert Noise(0).std == 0


@pytest.mark.parametrize("seed", [1.5, True, None, "1"])
@pytest.mark.parametrize(("kind", "fields"), [(Noise, {"std": 1}), (Resample, {})])
def test_a_seed_that_is_no_whole_number_is_refused(kind, fields, seed):
    what = rf"{kind.__name__}\(seed\)"
    with pytest.raises(PerturbationError, match=f"^{what} is {seed!r}; expected a whole number"):
        guard(kind, **fields, seed=seed)
    guard(kind, **fields, seed=1)


@pytest.mark.parametrize(
    ("text", "perturbation"),
    [
        ("zero", Zero()),
        (" ZERO ", Zero()),
        ("mean", Mean()),
        ("add=-1", Add(-1)),
        ("add=1e-3", Add(0.001)),
        ("add=0.5std", Add(Std(0.5))),
        ("add=-2Std", Add(Std(-2))),
        ("scale=0.5", Scale(0.5)),
        ("set=1", Set(1)),
        ("noise=0.1", Noise(0.1)),
        ("noise=0.1:5", Noise(0.1, 5)),
        ("noise=1std:5", Noise(Std(1), 5)),
        ("resample", Resample(0)),
        ("resample=4", Resample(4)),
    ],
)
def test_the_command_lines_spelling_reads(text, perturbation):
    assert parse_perturbation(text) == perturbation


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ablate",
        "zero=1",
        "mean=0",
        "add",
        "add=",
        "add=std",
        "add=one",
        "scale=2std",
        "set",
        "noise",
        "noise=1:x",
        "noise=:1",
        "resample=1.5",
        "patch",
    ],
)
def test_a_text_that_names_no_perturbation_is_refused_with_those_there_are(text):
    with pytest.raises(PerturbationError) as caught:
        parse_perturbation(text)
    assert str(caught.value).startswith(f"{text!r} is no perturbation; expected zero, mean, add=")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("add=nan", r"Add\(dz\) is nan; expected a finite number"),
        ("add=infstd", r"Std\(factor\) is inf; expected a finite number"),
        ("scale=inf", r"Scale\(factor\) is inf; expected a finite number"),
        ("noise=-1", r"Noise\(std\) is -1.0; expected a std of at least 0"),
    ],
)
def test_a_number_that_cannot_be_used_is_refused_for_its_own_reason(text, message):
    with pytest.raises(PerturbationError, match=message):
        parse_perturbation(text)


def spell(perturbation):
    """Write a perturbation as the command line spells it: the inverse of reading it."""
    name = type(perturbation).__name__.lower()
    values = list(vars(perturbation).values())
    amounts = [
        f"{value.factor!r}std" if isinstance(value, Std) else repr(value) for value in values
    ]
    return f"{name}={':'.join(amounts)}" if amounts else name


finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, allow_infinity=False)


@FIXED
@given(finite, positive, st.integers(-(10**6), 10**12))
def test_spelling_and_reading_are_inverse(number, std, seed):
    for made in (
        *(Zero(), Mean(), Add(number), Add(Std(number)), Scale(number), Set(number)),
        *(Noise(std, seed), Noise(Std(std), seed), Resample(seed)),
    ):
        assert parse_perturbation(spell(made)) == made


@FIXED
@given(st.text() | st.from_regex(r"(zero|add|noise|resample|set)=?[-0-9.:stdeinf]{0,8}"))
def test_random_text_raises_nothing_but_our_errors(text):
    try:
        perturbation = parse_perturbation(text)
    except NeurodemonError:
        return
    assert isinstance(perturbation, PERTURBATIONS)
