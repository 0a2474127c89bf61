"""The acceptance experiments of theory.md (d) that need demons, each with its range, unchanged.

Tests run them for one seed and few examples, tests/long for the three seeds and 200 examples.
Each raises unless its range holds. How the networks are trained stands in `digit_nets`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from oracles.digit_nets import EPOCHS, digits, regression, stationary, subject_of, trained

from neurodemon.jobs.curving import curve, curves
from neurodemon.jobs.exploring import find, headroom
from neurodemon.jobs.measuring import measure
from neurodemon.jobs.predicting import delta, predict
from neurodemon.jobs.selecting import units
from neurodemon.judge.correlation import correlate_ranks
from neurodemon.judge.dispersion import fit_law, split_headroom
from neurodemon.judge.flatness import flatness
from neurodemon.judge.parting import false_negatives, share_of_false_negatives, top_by_headroom
from neurodemon.judge.trust import free_bound
from neurodemon.subjects.subject import Subject
from neurodemon.terms.findings import Findings, Scope
from neurodemon.terms.perturbations import Add, Zero
from neurodemon.terms.radii import Absolute, Radius, Std

Array = NDArray[np.float64]
FOUR = Std(4)  # the budget of theory.md §1.1
HIDDEN, ACTIVE, OUTPUT = ("0", "2"), ("1", "3"), "4"  # the sites of 64-32-32-10
STEPS = np.linspace(-4, 4, 41)  # std: where a prediction is asked for its least


def look(subject: Subject, site: str, radius: Radius = FOUR, scope: Scope = "each") -> Findings:
    """Let the demons of a site look for their best Δz."""
    (found,) = find(subject, units(subject, site), radius, (scope,))[scope]
    return found


def predicted_gain(subject: Subject, site: str, predictor: str, steps: Sequence[float]) -> Array:
    """The most that a predictor promises within the radius: (example, unit)."""
    said = [
        predict(subject, site, Add(Std(step)), predictor=predictor).per_example for step in steps
    ]
    return np.maximum(0.0, -np.min(said, axis=0))


def require_a1(seed: int, examples: int, epochs: Sequence[int] = EPOCHS) -> None:
    """Output CE: max|G + log(1 − |δ|)| < 1e-10 (B = 60)."""
    for epoch in epochs:
        found = look(
            subject_of("tanh", "cross_entropy", seed, epoch, examples), OUTPUT, Absolute(60)
        )
        assert np.abs(found.headroom + np.log1p(-np.abs(found.delta))).max() < 1e-10
        assert correlate_ranks(np.abs(found.delta), found.headroom) > 1 - 1e-9  # the same ranks


def require_a3(seed: int, examples: int) -> None:
    """first_order ≤ link ≤ linear_logits (LL) along whole curves, 0 violations (1e-9); LL is the truth in the last hidden layer."""
    subject = subject_of("relu", "cross_entropy", seed, 10, examples)
    for unit in ("0[3]", "1[3]", "2[5]", "3[5]"):
        for scope in ("shared", "each"):
            drawn = curve(subject, unit, FOUR, scope, points=41)
            first, link, logits = (
                drawn.predicted[name] for name in ("first_order", "link", "linear_logits")
            )
            assert (first <= link + 1e-9).all()
            assert (link <= logits + 1e-9).all()
            if unit[0] in "23":
                assert np.abs(logits - drawn.measured).max() < 1e-10


def require_a5(seed: int, examples: int, width: int = 32) -> None:
    """Stationarity: max|mean first_order − λ‖w‖²|/mean < 1e-3 (tanh, λ = 1e-3, L-BFGS, gradient < 1e-6); c < 1e-4."""
    decay = 1e-3
    model, data, norm = stationary(seed, decay, examples, width)
    assert norm < 1e-6
    subject = Subject(model, [data], "cross_entropy")
    for site, following in zip(ACTIVE, (2, 4), strict=True):
        first = predict(subject, site, Zero(), predictor="first_order").array("predicted")
        norms = decay * model[following].weight.detach().square().sum(0).numpy()
        assert np.abs(first - norms).max() / norms.mean() < 1e-3
        # it holds no data term: the true effects are others (theory.md §0.7)
        assert (measure(subject, site, Zero()).array("measured") / first).max() > 1.4
    for site in HIDDEN:
        assert cancellation(delta(subject, site).numpy()).max() < 1e-4
    some = headroom(subject, "0[0:3]", Std(1))
    assert some["cancelling"] == [True] * 3
    assert max(some["cancellation"]) < 1e-4


def require_a5_interpolating(seeds: Sequence[int], activation: str) -> None:
    """Interpolating net: c in 0.1–0.5 (of a layer: mean |mean δ| / mean |δ|; mean of the seeds).

    After 60 epochs, at a cost of .003. It is a stage, not a limit: trained on, c falls, to .03 after
    240 epochs of ReLU or tanh; and of a single seed at 60 epochs it is .09–.26.
    """
    for site in HIDDEN:
        found = []
        for seed in seeds:
            model = trained(activation, "cross_entropy", seed)[60]
            one = delta(Subject(model, [digits(seed)[0]], "cross_entropy"), site).numpy()
            found.append(np.abs(one.mean(0)).mean() / np.abs(one).mean())
        assert 0.1 <= np.mean(found) <= 0.5, (site, found)


def cancellation(deltas: Array) -> Array:
    """|mean δ| / mean |δ| of each unit."""
    return np.abs(deltas.mean(0)) / np.abs(deltas).mean(0)


def require_a7(seed: int, examples: int) -> None:
    """ReLU CE ep60 gain: |δ| 0.7–0.9, first_order > 0.93, linear_logits > 0.97; false
    negatives δ > 0.05, first_order < 0.03."""
    subject = subject_of("relu", "cross_entropy", seed, 60, examples)
    for site in HIDDEN:
        found = look(subject, site)
        scores = {
            "delta": np.abs(found.delta) * found.radius,
            "first_order": predicted_gain(subject, site, "first_order", (-4.0, 4.0)),  # monotone
            "linear_logits": predicted_gain(subject, site, "linear_logits", STEPS),
        }
        ranks = {name: correlate_ranks(score, found.headroom) for name, score in scores.items()}
        missed = {
            name: false_negatives(score, found.headroom).sum()
            / top_by_headroom(found.headroom).sum()
            for name, score in scores.items()
        }
        assert 0.7 <= ranks["delta"] <= 0.9, ranks
        assert ranks["first_order"] > 0.93, ranks
        assert ranks["linear_logits"] > 0.97, ranks
        assert missed["delta"] > 0.05, missed
        assert missed["first_order"] < 0.03, missed
        assert share_of_false_negatives(found) > 0.05  # |δ| alone, as the question reports it


def require_a8(seeds: Sequence[int], examples: int, activation: str, epoch: int) -> None:
    """Dispersion law vs measured within 0.12 (all six cells of §1.6; each a mean of the seeds).

    The law is of Newton steps, which know no radius: demons that end at theirs are left out. And
    at the activation, where h is the curvature of the loss alone: there are the table's s_δ, s_h
    and r. (At z of an untrained tanh net 94 % of the demons end at 4 std, and the law is far off.)
    """
    laws = []
    for seed in seeds:
        found = look(subject_of(activation, "cross_entropy", seed, epoch, examples), "3")
        inside = np.where(found.is_censored, np.nan, found.delta)
        laws.append(fit_law(inside, found.curvature, found.best_dz, found.headroom))
    gaps = [(law.gain - law.gain_measured, law.distance - law.distance_measured) for law in laws]
    assert (np.abs(np.mean(gaps, axis=0)) < 0.12).all(), laws


def require_a9(seed: int, examples: int, epochs: Sequence[int] = EPOCHS) -> None:
    """Trust radius: tanh Spearman > 0.9 vs 2ε|δ|/|h|, median ratio 0.75–1.05; free rule ≥ 0.93 of pairs.

    At the activation, where first order is the tangent; pairs that stay below 4 std. (Before it,
    first order bends with tanh, and is trusted up to seven times further than the tangent.)
    """
    for epoch in epochs:
        subject = subject_of("tanh", "cross_entropy", seed, epoch, examples)
        for site in (*HIDDEN, *ACTIVE):
            found = look(subject, site)
            bound = free_bound(found, "cross_entropy", found.cost)
            assert (found.trust_radius <= 1.2 * bound).mean() >= 0.93, (epoch, site)  # §1.7: ×1.2
            if site in HIDDEN:
                continue
            newton = 2 * 0.1 * np.abs(found.delta) / np.abs(found.curvature)
            is_free = (found.trust_radius < found.radius) & (newton < found.radius)
            measured, expected = found.trust_radius[is_free], newton[is_free]
            assert is_free.mean() > 0.25
            assert correlate_ranks(measured, expected) > 0.9, (epoch, site)
            assert 0.75 <= np.median(measured / expected) <= 1.05, (epoch, site)


def require_a10(
    seed: int, sites: Sequence[str] = HIDDEN, epochs: Sequence[int] = (0, 30, 300)
) -> None:
    """L1: |Spearman(|δ|, C)| < 0.1, Spearman(G, C) > 0.5 at ep300; L2 Spearman(|δ|, C) > 0.4."""
    for loss in ("absolute_error", "quadratic"):
        kept, data = regression(seed, loss)
        for epoch in epochs:
            subject = Subject(kept[epoch], [data], loss)
            for site in sites:
                found = look(subject, site)
                cost = np.broadcast_to(found.cost[:, None], found.delta.shape)
                of_influence = correlate_ranks(np.abs(found.delta), cost)
                if loss == "quadratic":
                    assert of_influence > 0.4, (epoch, site, of_influence)
                    continue
                assert abs(of_influence) < 0.1, (epoch, site, of_influence)
                if epoch == 300:
                    assert correlate_ranks(found.headroom, cost) > 0.5, site


def require_a11(seed: int, examples: int) -> None:
    """Flatness: window .25 sd > 0.95, 4 sd < 0.5 (tanh CE, ep60)."""
    subject = subject_of("tanh", "cross_entropy", seed, 60, examples)
    for site in HIDDEN:
        parts = list(curves(subject, units(subject, site), FOUR))
        dz, cost = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        found = flatness(dz, cost, dz.max(0) / 4)
        assert found["0.25"] > 0.95, (site, found)
        assert found["4"] < 0.5, (site, found)


def require_a15(seed: int, examples: int) -> None:
    """Variance shares ReLU + quadratic: influence and distance each 0.40–0.58, |shape| < 0.06."""
    subject = subject_of("relu", "quadratic", seed, 60, examples)
    for site in HIDDEN:
        found = look(subject, site)
        split = split_headroom(found.delta, found.best_dz, found.headroom)
        assert split is not None
        assert 0.40 <= split.influence <= 0.58, (site, split)
        assert 0.40 <= split.distance <= 0.58, (site, split)
        assert abs(split.shape) < 0.06, (site, split)
