"""The selection grammar: what each piece of text means, and what is refused, and where."""

import re
from dataclasses import FrozenInstanceError
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, find, given, settings
from hypothesis import strategies as st

from neurodemon.errors import NeurodemonError, SelectionError, UnitIndexError
from neurodemon.terms.selection import Selector, Span, parse_selection

FIXED = settings(deadline=None, derandomize=True, max_examples=300)


def parse_one(text):
    (selector,) = parse_selection(text)
    return selector


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("fc1", Selector("fc1")),
        ("encoder.layer.3.intermediate.dense", Selector("encoder.layer.3.intermediate.dense")),
        ("layers.*.fc1", Selector("layers.*.fc1")),
        ("**", Selector("**")),
        ("fc1:in", Selector("fc1", "in")),
        (":in", Selector("", "in")),
        (":out", Selector("", "out")),
        ("block:relu", Selector("block", "relu")),
        ("block:*", Selector("block", "*")),
        ("block:add#2", Selector("block", "add", call=2)),
        ("fc#2", Selector("fc", call=2)),
        ("fc#1", Selector("fc")),
        ("fc#*", Selector("fc", call=None)),
        ("lstm[out=1]", Selector("lstm", out=1)),
        ("lstm[out=0]", Selector("lstm")),
        ("rnn#2[out=1]", Selector("rnn", call=2, out=1)),
        (":in[out=1]", Selector("", "in", out=1)),
        ("fc1[17]", Selector("fc1", span=Span(17, 18))),
        ("fc1[0:12]", Selector("fc1", span=Span(0, 12))),
        ("fc1[5:]", Selector("fc1", span=Span(5, None))),
        ("fc1[:5]", Selector("fc1", span=Span(0, 5))),
        ("fc1[:]", Selector("fc1", span=Span(0, None))),
        ("fc1@5", Selector("fc1", position=5)),
        ("fc1[17]@5", Selector("fc1", span=Span(17, 18), position=5)),
        ("rnn#2[out=1][3]@0", Selector("rnn", None, 2, 1, "unit", Span(3, 4), 0)),
        ("fc1/head", Selector("fc1", axis="head")),
        ("fc1/head[3]", Selector("fc1", axis="head", span=Span(3, 4))),
        ("fc1:in/head[0:2]", Selector("fc1", "in", axis="head", span=Span(0, 2))),
        ("fc1/head[3]@5", Selector("fc1", axis="head", span=Span(3, 4), position=5)),
        ("fc1/head@5", Selector("fc1", axis="head", position=5)),
        ("fc1@5/head[3]", Selector("fc1", axis="head", span=Span(3, 4), position=5)),
        ("fc1/position", Selector("fc1", axis="position")),
        ("fc1/position[5]", Selector("fc1", axis="position", span=Span(5, 6))),
        ("fc1/position[0:4]", Selector("fc1", axis="position", span=Span(0, 4))),
    ],
)
def test_each_form_of_the_grammar_reads(text, selector):
    assert parse_one(text) == selector


def test_commas_separate_patterns_and_white_space_around_them_is_free():
    assert parse_selection(" fc1[3] ,\tblock:relu,**\n") == (
        Selector("fc1", span=Span(3, 4)),
        Selector("block", "relu"),
        Selector("**"),
    )


def test_a_selector_is_frozen_and_hashable():
    selector = parse_one("fc1[3]@2")
    assert {selector: 1}[parse_one("fc1[3]@2")] == 1
    with pytest.raises(FrozenInstanceError):
        selector.path = "fc2"


@pytest.mark.parametrize(
    "text", ["fc1", ":in", "block:add#2", "fc#*", "lstm[out=1]", "a.**.b*:*#3[out=12]"]
)
def test_the_text_of_the_site_is_spelled_again(text):
    assert parse_one(text + "[3]@2").site_text == text


@pytest.mark.parametrize(
    ("span", "text", "is_single"),
    [
        (Span(17, 18), "17", True),
        (Span(0, 12), "0:12", False),
        (Span(5, None), "5:", False),
        (Span(5, 5), "5:5", False),
    ],
)
def test_a_span_is_spelled_as_written(span, text, is_single):
    assert str(span) == text
    assert span.is_single is is_single


@pytest.mark.parametrize(
    ("text", "column", "found", "expected"),
    [
        ("", 1, "the end", "the name of a site, such as 'fc1'"),
        ("  ", 3, "the end", "the name of a site, such as 'fc1'"),
        ("fc1,", 5, "the end", "the name of a site"),
        ("fc1,,fc2", 5, "','", "the name of a site"),
        ("[3]", 1, "'['", "the name of a site"),
        ("#2", 1, "'#'", "the name of a site"),
        (".fc1", 1, "'.'", "a part before and after each dot"),
        ("a..b", 3, "'.'", "a part before and after each dot"),
        ("a.", 3, "the end", "a part before and after each dot"),
        ("a.b**.c", 3, "'b'", "'**' alone between dots"),
        ("***", 1, "'*'", "'**' alone between dots"),
        ("fc1:", 5, "the end", "'in' or an operation's name"),
        ("fc1:out", 5, "'o'", "the output of a module is 'fc1' alone"),
        ("fc1:in:in", 7, "':'", "',' before another pattern, or the end"),
        ("fc1#", 5, "the end", "the number of a call, counted from 1"),
        ("fc1#0", 5, "'0'", "the number of a call, counted from 1"),
        ("fc1#-1", 5, "'-'", "the number of a call, counted from 1"),
        ("fc1[out=x]", 9, "'x'", "the number of a tensor"),
        ("fc1[out=1", 10, "the end", "']'"),
        ("fc1[", 5, "the end", "an index such as 17, or a run such as 0:12"),
        ("fc1[]", 5, "']'", "an index such as 17"),
        ("fc1[-]", 5, "'-'", "an index such as 17"),
        ("fc1[²]", 5, "'²'", "an index such as 17"),
        ("fc1[3", 6, "the end", "']'"),
        ("fc1[3:x]", 7, "'x'", "the end of the run, or ']'"),
        ("fc1[::2]", 6, "':'", "the end of the run, or ']'"),
        ("fc1[0:4:2]", 8, "':'", "']'"),
        ("fc1[" + "9" * 19 + "]", 5, "'9'", "of at most 18 digits"),
        ("fc1]", 4, "']'", "',' before another pattern, or the end"),
        ("fc1[3][out=1]", 7, "'['", "',' before another pattern, or the end"),
        ("fc1@", 5, "the end", "the number of a position after '@'"),
        ("fc1@x", 5, "'x'", "the number of a position after '@'"),
        ("fc1 fc2", 5, "'f'", "',' before another pattern, or the end"),
        ("fc1/", 4, "'/'", "'/head' or '/position'"),
        ("fc1/unit[3]", 4, "'/'", "'/head' or '/position'"),
        ("fc1/heads", 9, "'s'", "',' before another pattern, or the end"),
        ("fc1[3]/head", 7, "'/'", "no '[…]' or '@' before '/head'"),
        ("fc1[3]/position", 7, "'/'", "no '[…]' or '@' before '/position'"),
        ("fc1@3/position", 6, "'/'", "no '[…]' or '@' before '/position'"),
        ("fc1/position[3]@2", 16, "'@'", "',' before another pattern, or the end"),
        ("fc1@1/head@2", 11, "'@'", "',' before another pattern, or the end"),
    ],
)
def test_malformed_text_is_refused_at_its_place(text, column, found, expected):
    with pytest.raises(SelectionError) as caught:
        parse_selection(text)
    first, shown, caret, hint = str(caught.value).splitlines()
    assert first.startswith(
        f"Selection {text!r} cannot be read at column {column}: found {found}, expected "
    )
    assert expected in first
    assert shown == f"    {text}"
    assert caret == "    " + " " * (column - 1) + "^"
    assert hint.startswith("Example: '")


def test_the_caret_stays_in_place_under_white_space_that_breaks_lines():
    with pytest.raises(SelectionError) as caught:
        parse_selection("fc1\n\tfc2")
    assert str(caught.value).splitlines()[1:3] == ["    fc1  fc2", "         ^"]


def test_the_example_in_the_message_reads():
    with pytest.raises(SelectionError) as caught:
        parse_selection("")
    example_text = re.search("Example: '(.*)'", str(caught.value))[1]
    assert len(parse_selection(example_text)) == 3


@pytest.mark.parametrize("text", ["fc1[-1]", "fc1[-3:]", "fc1[:-2]", "fc1@-1", "a/head[-1]"])
def test_negative_indices_are_refused_because_counting_starts_at_0(text):
    with pytest.raises(UnitIndexError, match=r"is negative; counting starts at 0"):
        parse_selection(text)


@pytest.mark.parametrize(
    ("pattern", "name", "is_meant"),
    [
        ("fc1", "fc1", True),
        ("fc1", "fc10", False),
        ("fc1", "a.fc1", False),
        ("f.1", "fc1", False),
        ("fc1", "fc1:in", False),
        ("fc1", "fc1#2", False),
        ("fc1", "fc1[out=1]", False),
        ("fc*", "fc", True),
        ("fc*", "fc1.a", False),
        ("layers.*.fc1", "layers.3.fc1", True),
        ("layers.*.fc1", "layers.3.4.fc1", False),
        ("layers.*.fc1", "layers.fc1", False),
        ("**.attention.output.dense", "attention.output.dense", True),
        ("**.attention.output.dense", "encoder.layer.0.attention.output.dense", True),
        ("**.dense", "undense", False),
        ("encoder.**", "encoder.layer.0", True),
        ("encoder.**", "encoder", True),
        ("encoder.**", "encoders", False),
        ("a.**.b", "a.b", True),
        ("a.**.b", "a.x.y.b", True),
        ("a.**.b", "ab", False),
        ("**", "a", True),
        ("**", "a.b.c", True),
        ("**", "a:in", False),
        ("**", ":in", False),
        ("**:in", ":in", True),
        ("*:in", ":in", False),
        ("**:in", "a.b:in", True),
        ("block:*", "block:relu", True),
        ("block:*", "block", False),
        ("block:re*", "block:relu", True),
        ("block:add", "block:add#2", False),
        ("block:add#2", "block:add#2", True),
        ("block:add#*", "block:add", True),
        ("block:add#*", "block:add#12", True),
        ("fc#1", "fc", True),
        ("fc#2", "fc", False),
        ("lstm[out=1]", "lstm[out=1]", True),
        ("lstm[out=1]", "lstm[out=2]", False),
        ("lstm[out=1]", "lstm", False),
        ("rnn#*[out=1]", "rnn#2[out=1]", True),
        (":out", ":out", True),
        (":out", ":in", False),
        ("a?", "ab", False),
        ("a*b", "a/b", True),
    ],
)
def test_a_pattern_means_exactly_these_names(pattern, name, is_meant):
    assert parse_one(pattern).matches(name) is is_meant


def slow_word(pattern, word):
    """Match `*` letter by letter: the slow, obvious twin."""
    if not pattern:
        return not word
    if pattern[0] == "*":
        return slow_word(pattern[1:], word) or (word != "" and slow_word(pattern, word[1:]))
    return word[:1] == pattern[0] and slow_word(pattern[1:], word[1:])


def slow_parts(patterns, parts):
    """Match `**` part by part: the slow, obvious twin."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(slow_parts(patterns[1:], parts[start:]) for start in range(len(parts) + 1))
    head = bool(parts) and slow_word(patterns[0], parts[0])
    return head and slow_parts(patterns[1:], parts[1:])


def slow_match(pattern, name):
    """Match a path with a tail or without, as the grammar says it in words."""
    path, colon, tail = pattern.partition(":")
    name_path, name_colon, name_tail = name.partition(":")
    parts = name_path.split(".") if name_path else []
    return (
        colon == name_colon
        and slow_word(tail, name_tail)
        and slow_parts(path.split(".") if path else [], parts)
    )


name_parts = st.text("ab1+", min_size=1, max_size=4)
glob_parts = st.text("ab*", min_size=1, max_size=4).filter(lambda part: "**" not in part)
tails = st.sampled_from(["", ":in", ":add", ":relu"])
globs = st.builds(
    lambda parts, tail: ".".join(parts) + tail,
    st.lists(st.just("**") | glob_parts, min_size=1, max_size=4),
    tails | st.sampled_from([":*", ":a*", ":*l*"]),
)
names = st.builds(
    lambda parts, tail: ".".join(parts) + tail, st.lists(name_parts, min_size=1, max_size=4), tails
)


@FIXED
@example(".".join(["**"] * 3), "a")
@example("**:in", ":in")
@given(globs, names | st.sampled_from([":in", ":out"]))
def test_a_glob_agrees_with_the_slow_matcher(pattern, name):
    assert parse_one(pattern).matches(name) is slow_match(pattern, name)


def test_the_drawn_globs_tell_our_matcher_from_fnmatch():
    pairs = st.tuples(globs, names)
    find(pairs, lambda pair: slow_match(*pair) and "*" in pair[0])
    find(pairs, lambda pair: slow_match(*pair) != fnmatchcase(pair[1], pair[0]))


grammar_text = st.lists(
    st.sampled_from([*"ab.*:#[]=@/-0123 ,", "[out=", "/head", "/position"]), max_size=12
).map("".join)


@FIXED
@given(st.text() | grammar_text)
def test_random_text_raises_nothing_but_our_errors(text):
    try:
        selectors = parse_selection(text)
    except NeurodemonError:
        return
    assert len(selectors) == text.count(",") + 1


def test_the_random_texts_reach_both_ends():
    def reads(text):
        try:
            return bool(parse_selection(text))
        except NeurodemonError:
            return False

    find(grammar_text, lambda text: len(text) > 5 and reads(text))
    find(grammar_text, lambda text: not reads(text))
