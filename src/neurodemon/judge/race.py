"""The race: which (unit, example) pairs to measure next, so that a budget finds the leaders.

All units are predicted; then
1. some units, drawn at random, are measured on all examples: they show how wrong predictions
   and estimates are, and judge the predictors;
2. every unit is measured on a few examples, where the budget allows at least eight each;
3. again and again, the units of which it is unclear whether they belong to the top k get as
   many examples more as they have, and are finished where little is left (successive
   elimination); with a small budget the units that nothing speaks for are never drawn;
4. what is left finishes the found top k, and then the most likely of the others; before it is
   called enough, units never drawn are drawn twice, if all can be.
It is told each effect and knows no model, so that it can be raced on numbers alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodemon.judge.certify import Bound, certify, leaders, outside_chances
from neurodemon.judge.estimating import Estimate, Sampled, estimate
from neurodemon.judge.sampling import (
    LARGEST,
    draw_order,
    draw_probabilities,
    ordered_terms,
    positive_sizes,
    stratified_sample,
)

FEWEST_RANDOM, MOST_RANDOM = 20, 100  # units measured to calibrate: 19 are the least at 95 %
RANDOM_SHARE, MOST_RANDOM_SHARE = 0.12, 0.4  # of the budget for them, and at most for the fewest
RESERVE = 0.45  # of the budget kept for finishing the top k, at most
FIRST_SHARE = 0.5  # of what is free then, for the first look at every unit
FEWEST_FIRST, MOST_FIRST = 8, 32  # examples of every unit at the first look
GLANCE = 2  # examples of the units never drawn until the bound seemed met
LOOK_SHARE, LEAST_LOOK = 0.25, 0.02  # of what is free, for one later look; of the budget, at least
FINISH = 0.6  # of the examples measured: then a unit is rather finished
CAUTION = 2.0  # degrees of freedom in the search: heavier tails than are certified, so that
# units that little speaks for are looked at too (measured on MiniLM, 16 pairs, 7 %: recall .98
# instead of .96, benchmarks/audit.py)
UNCLEAR = 0.001  # a chance below it is not worth a draw

Drawn = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Field:
    """Who races, and for what.

    Attributes:
        predicted: the effect of each unit on each example as predicted, (example, unit).
        sizes: how large an effect is expected, of the same shape: where draws go first.
        counted: which examples count for which unit.
        strata: the site of each unit, as a number: random units are drawn evenly over sites.
        top: k, how many leaders to find.
        budget: how many pairs may be measured.
        recall: the share of the true leaders at which the race may stop.
        confidence: how surely.
        seed: of all that is drawn.
        has_pairs: whether single examples can be measured; else whole units only.
    """

    predicted: NDArray[np.float64]
    sizes: NDArray[np.float64]
    counted: NDArray[np.bool_]
    strata: NDArray[np.int64]
    top: int
    budget: int
    recall: float = 0.95
    confidence: float = 0.95
    seed: int = 0
    has_pairs: bool = True


class Race:
    """The race itself: ask it what to measure next, and tell it what came out.

    Args:
        field: who races, and for what.

    Example:
        >>> effects = np.random.default_rng(0).normal(size=(40, 30))
        >>> race = Race(Field(
        ...     effects, np.abs(effects), effects < np.inf, np.zeros(30, int), top=3, budget=1200
        ... ))
        >>> for units, examples in race.rounds():
        ...     race.tell(units, examples, effects[examples, units])
        >>> race.stopped, race.bound.missed
        ('all measured', 0)
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self.budget = field.budget
        self.stopped = "budget spent"
        n_examples, n_units = field.predicted.shape
        chance = np.random.default_rng([field.seed, n_examples, n_units])
        sizes = positive_sizes(field.sizes, field.counted)
        self._probabilities = draw_probabilities(sizes)
        self._order = draw_order(self._probabilities, chance)
        self._chance = chance
        self.n_examples = field.counted.sum(0)
        self._sizes = sizes.sum(0) / np.maximum(self.n_examples, 1)
        is_usable = field.counted & (np.abs(field.predicted) < LARGEST)  # and no NaN
        self._predicted = np.where(is_usable, field.predicted, 0.0)
        self.measured = np.full(field.predicted.shape, np.nan)
        self.is_known = np.zeros(field.predicted.shape, bool)
        self.n_drawn = np.zeros(n_units, np.int64)
        self.spent = 0
        self.random = np.zeros(0, np.int64)
        self._estimate: Estimate | None = None

    def rounds(self) -> Iterator[Drawn]:
        """Ask what to measure, again and again.

        Yields:
            Units and examples, one of each a pair, none twice. The next round is planned with
            what `tell` was told of this one.
        """
        yield from self._draw_random()
        reserve = self._reserve()
        yield from self._look_first(reserve)
        while drawn := self._look(reserve):
            yield drawn
        while drawn := self._finish():
            yield drawn

    def tell(
        self, units: NDArray[np.int64], examples: NDArray[np.int64], effects: NDArray[np.float64]
    ) -> None:
        """Take in what was measured.

        Args:
            units: of each pair.
            examples: of each pair.
            effects: what came out, float64.
        """
        self.measured[examples, units] = effects
        self.is_known[examples, units] = True
        self.n_drawn = self.is_known.sum(0)
        self.spent += len(units)
        self._estimate = None

    @property
    def is_broken(self) -> NDArray[np.bool_]:
        """Units with an effect that is no number, or too large to be added up."""
        return np.asarray((self.is_known & ~(np.abs(self.measured) < LARGEST)).any(0))

    @property
    def estimate(self) -> Estimate:
        """What is known of each unit."""
        if self._estimate is None:
            made = estimate(self.sampled)
            is_whole = made.is_exact & ~self.is_broken
            own = np.where(self.is_known & is_whole, self.measured, 0.0).sum(0)
            whole = own / np.maximum(self.n_examples, 1)  # no digit lost to the prediction
            self._estimate = replace(made, value=np.where(is_whole, whole, made.value))
        return self._estimate

    @property
    def sampled(self) -> Sampled:
        """All that was measured so far."""
        broken = self.is_broken
        is_whole = ~broken & (self.n_examples > 0)
        return Sampled(
            predicted=self._predicted,
            probabilities=self._probabilities,
            order=self._order,
            n_examples=self.n_examples,
            sizes=self._sizes,
            gaps=self.measured - self._predicted,
            n_drawn=self.n_drawn,
            is_broken=broken,
            calibration=self.random[is_whole[self.random]],
        )

    @property
    def bound(self) -> Bound:
        """How many leaders may have been missed."""
        return certify(self.estimate, self.field.top, self.field.confidence)

    def terms(self) -> list[NDArray[np.float64]]:
        """Give the terms for the mean gap of each unit, in the order drawn."""
        found = []
        for unit in range(len(self.n_drawn)):
            own = self._order[: self.n_drawn[unit], unit]
            gaps = self.measured[own, unit] - self._predicted[own, unit]
            q = self._probabilities[own, unit]
            size = self.n_examples[unit : unit + 1].astype(np.float64)
            found.append(ordered_terms(gaps[:, None], q[:, None], size)[:, 0])
        return found

    def _pairs(self, units: NDArray[Any], steps: NDArray[np.int64]) -> Drawn:
        """The next examples of some units, so many of each."""
        rows = np.repeat(units, steps)
        first = np.repeat(self.n_drawn[units], steps)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(steps) - steps, steps)
        return rows.astype(np.int64), self._order[first + within, rows].astype(np.int64)

    def _left(self) -> NDArray[np.int64]:
        """How many examples of each unit are not measured yet; 0 where it makes no sense."""
        return np.where(self.is_broken, 0, self.n_examples - self.n_drawn)

    def _draw_random(self) -> Iterator[Drawn]:
        """Measure some units at random, on all examples."""
        n_units = len(self.n_drawn)
        each = max(float(self.n_examples.mean()), 1.0)
        wanted = np.clip(RANDOM_SHARE * self.budget // each, FEWEST_RANDOM, MOST_RANDOM)
        count = int(min(wanted, MOST_RANDOM_SHARE * self.budget // each, n_units))
        if self.budget >= self.n_examples.sum():
            count = n_units
        self.random = stratified_sample(self.field.strata, count, self._chance)
        within = np.cumsum(self.n_examples[self.random]) <= self.budget
        self.random = self.random[within]
        if len(self.random):
            yield self._pairs(self.random, self.n_examples[self.random])

    def _reserve(self) -> int:
        """How much to keep for finishing the top k."""
        each = max(float(self.n_examples.mean()), 1.0)
        return int(min(self.field.top * each, RESERVE * self.budget))

    def _look_first(self, reserve: int) -> Iterator[Drawn]:
        """Measure every unit on a few examples, if the budget allows enough of them."""
        left = self._left()
        rest = np.flatnonzero(left > 0)
        free = self.budget - self.spent - reserve
        if not len(rest) or not self.field.has_pairs or free <= 0:
            return
        count = min(int(FIRST_SHARE * free / len(rest)), MOST_FIRST)
        if count >= FEWEST_FIRST:
            yield self._pairs(rest, np.minimum(left[rest], count))

    def _look(self, reserve: int) -> Drawn | None:
        """Look closer at the units of which it is unclear whether they belong to the top k."""
        free = self.budget - self.spent - reserve
        left = self._left()
        if free <= 0 or not self.field.has_pairs or not left.any():
            return None
        now = self.estimate
        found = leaders(now, self.field.top)
        cut = float(np.nan_to_num(np.abs(now.value[found]), nan=0.0).min(initial=np.inf))
        chances = now.chance_above(cut, CAUTION)
        unclear = np.where(left > 0, np.minimum(chances, 1 - chances), 0.0)
        units = np.flatnonzero(unclear > UNCLEAR)
        units = units[np.argsort(-unclear[units], kind="stable")]
        steps = np.minimum(np.maximum(self.n_drawn[units], 1), left[units])
        ends_soon = self.n_drawn[units] + steps > FINISH * self.n_examples[units]
        steps = np.where(ends_soon & (left[units] <= 3 * steps), left[units], steps)
        least = max(LEAST_LOOK * self.budget, steps[0] if len(steps) else 0)
        fits = np.cumsum(steps) <= max(LOOK_SHARE * free, least)
        fits &= np.cumsum(steps) <= free
        return self._pairs(units[fits], steps[fits]) if fits.any() else None

    def _finish(self) -> Drawn | None:
        """Finish the found top k, then the most likely of the others, until the bound is met."""
        left = self._left()
        free = self.budget - self.spent
        if not left.any():
            self.stopped = "all measured"
            return None
        now = self.estimate
        found = leaders(now, self.field.top)
        open_leaders = found[left[found] > 0]
        if not len(open_leaders) and self._is_met(now):
            self.stopped = "bound met"
            return self._glance(free)
        units = open_leaders
        if not len(units):
            chances = np.where(left > 0, outside_chances(now, self.field.top, CAUTION), -1.0)
            units = np.argsort(-chances, kind="stable")[: max(5, self.field.top // 2)]
            units = units[left[units] > 0]
        units = units[np.cumsum(left[units]) <= free]
        return self._pairs(units, left[units]) if len(units) else None

    def _glance(self, free: int) -> Drawn | None:
        """Look at the units never drawn, if all can be, before a bound rests on them."""
        # Of these is known only how far predictions are off as a rule: a unit far larger than
        # predicted, as none of the random ones is, would be missed and not counted as missed.
        unseen = np.flatnonzero((self.n_drawn == 0) & (self._left() > 0))
        if not len(unseen) or not self.field.has_pairs or free < len(unseen):
            return None
        count = min(free // len(unseen), GLANCE)
        self.stopped = "budget spent"
        return self._pairs(unseen, np.minimum(self._left()[unseen], count))

    def _is_met(self, now: Estimate) -> bool:
        """Whether the top k is known as surely as was asked for, and no unit alone is likely."""
        bound = self.bound
        allowed = int((1 - self.field.recall) * self.field.top + 1e-9)
        likely = outside_chances(now, self.field.top, CAUTION).max(initial=0.0)
        return bound.missed <= allowed and bool(likely < 1 - self.field.confidence)
