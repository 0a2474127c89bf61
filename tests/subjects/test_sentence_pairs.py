"""Pairs of sentences: drawn from a seed, different, of varied length."""

import itertools
import string

import pytest

from neurodemon.errors import SubjectError
from neurodemon.subjects.sentence_pairs import MOST_PAIRS, TEMPLATES, WORDS, sentence_pairs


def test_a_seed_gives_the_same_pairs_and_another_seed_others():
    assert sentence_pairs(50, 3) == sentence_pairs(50, 3)
    assert sentence_pairs(50, 3) != sentence_pairs(50, 4)


def test_the_first_few_of_many_are_those_of_few():
    assert sentence_pairs(200)[:7] == sentence_pairs(7)


def test_no_first_sentence_comes_twice_and_none_is_compared_with_itself():
    pairs = sentence_pairs(MOST_PAIRS)
    assert len({pair.first for pair in pairs}) == MOST_PAIRS
    assert all(pair.first != pair.second for pair in pairs)


def test_both_kinds_come_and_lengths_vary():
    pairs = sentence_pairs(200)
    kinds = [pair.kind for pair in pairs]
    assert 60 < kinds.count("paraphrase") < 140
    lengths = sorted(len(pair.first.split()) for pair in pairs)
    assert lengths[0] <= 4
    assert lengths[-1] >= 15


def test_each_template_has_words_for_all_its_blanks():
    blanks = {
        name
        for text in itertools.chain(*TEMPLATES)
        for _, name, _, _ in string.Formatter().parse(text)
        if name
    }
    assert blanks == set(WORDS)


@pytest.mark.parametrize("count", [0, MOST_PAIRS + 1])
def test_too_few_and_too_many_are_refused(count: int):
    with pytest.raises(SubjectError, match=f"{count} sentence pairs were asked for; expected 1 to"):
        sentence_pairs(count)
