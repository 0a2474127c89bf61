"""Pairs: how far one unit's value brings one run to another."""

import numpy as np
import pytest
import torch
from oracles.attention import decoder, prompts

import neurodemon as nd
from neurodemon.errors import PerturbationError

LENGTHS = (5, 5, 5)


def pairs() -> tuple[nd.Subject, list[tuple[object, object]]]:
    """A corrupt run and its clean partner."""
    metric = nd.logit_difference([3, 4, 5], [7, 8, 9])
    corrupt, clean = prompts(LENGTHS, seed=1), prompts(LENGTHS, seed=2)
    subject = nd.Subject(decoder(), [(corrupt[0], None)], metric, better="higher")
    return subject, [(clean[0], None)]


def test_patching_all_there_is_scores_one_and_what_stays_equal_scores_zero() -> None:
    subject, source = pairs()
    everything = nd.Group("head:in", "all", range(16), position=4)  # what is judged reads it alone
    effects = nd.pair_score(subject, [everything, "head:in[0]@1"], source)
    assert effects["pair_score"] == pytest.approx([0.0, 1.0], abs=1e-9) or effects[
        "pair_score"
    ] == pytest.approx([1.0, 0.0], abs=1e-9)


def test_a_score_is_patched_minus_base_over_source_minus_base() -> None:
    subject, source = pairs()
    effects = nd.pair_score(subject, "layers.0/position", source)
    metric, model = subject.cost, subject.model
    (inputs, target) = subject.batches[0]
    with torch.no_grad():
        base = float(metric(model(**inputs), target).mean())
        reached = float(metric(model(**source[0][0]), target).mean())  # type: ignore[arg-type]
    patched = base + np.array(effects["measured"])
    assert effects["base"] == pytest.approx([base] * 5)
    assert effects["source"] == pytest.approx([reached] * 5)
    assert effects["pair_score"] == pytest.approx((patched - base) / (reached - base))


def test_runs_that_do_not_differ_have_no_score() -> None:
    subject, _ = pairs()
    with pytest.raises(PerturbationError, match="the same mean cost"):
        nd.pair_score(subject, "layers.0", [(subject.batches[0][0], None)])
