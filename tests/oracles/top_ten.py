"""Acceptance A13 of theory.md: the exact top ten of 288 units, for a fifth of all measurements.

64-96-96-96-10 as in §1.11, mean zero ablation on 500 digits of the test set, in float32.
"""

import functools
from dataclasses import dataclass

import numpy as np
from oracles.digit_nets import COSTS, digits, perceptron, train

import neurodemon as nd

TOP = 10
MOST = 0.2  # of all measurements
LEAST_RIGHT = 0.95  # of the runs


@dataclass(frozen=True)
class Run:
    """What an audit within a budget found.

    Attributes:
        is_right: whether it found the exact top ten.
        cost: the share of all measurements that it took.
        missed: true leaders that it did not find.
        allowed: how many its certificate says may be missing.
        covered: the share of intervals that hold, of units that were measured in part.
    """

    is_right: bool
    cost: float
    missed: int
    allowed: int
    covered: float


@functools.cache
def subject(activation: str, seed: int, epochs: int) -> nd.Subject:
    """A trained network on 500 digits that it has not seen."""
    model = perceptron((64, 96, 96, 96, 10), activation, seed)
    data, (x, y) = digits(seed)
    model = train(model, data, COSTS["cross_entropy"], (epochs,), seed)[epochs]
    return nd.Subject(model.float(), [(x.float(), y)], "cross_entropy")


@functools.cache
def exact(activation: str, seed: int, epochs: int) -> np.ndarray:
    """The mean effect of each unit, all of it measured."""
    found = nd.audit(subject(activation, seed, epochs), top=TOP)
    assert found.certificate.kind == "exact"
    return np.array(found.effects["measured"], float)


def leaders(effects: np.ndarray) -> set[int]:
    """The ten units of largest |mean effect|."""
    return set(np.argsort(-np.abs(effects), kind="stable")[:TOP].tolist())


def run(net: tuple[str, int, int], seed: int, **wanted: object) -> Run:
    """Audit a network within a fifth, and compare with the truth."""
    truth = exact(*net)
    found = nd.audit(subject(*net), budget="20%", top=TOP, seed=seed, **wanted)
    effects, work = found.effects, found.work
    missed = len(leaders(truth) - leaders(np.array(effects["measured"], float)))
    low, high = (np.array(effects[name], float) for name in ("low", "high"))
    sampled = np.array(effects["evidence"]) == "sampled"
    return Run(
        is_right=missed == 0,
        cost=work.measurements / work.all_measurements,
        missed=missed,
        allowed=round(TOP * (1 - found.certificate.recall_bound)),
        covered=float(((low <= truth) & (truth <= high))[sampled].mean()),
    )


def first_order(net: tuple[str, int, int]) -> np.ndarray:
    """The mean effect of each unit, as the slope predicts it."""
    found = nd.predict(subject(*net), predictor="first_order")
    return np.array(found["predicted"], float)
