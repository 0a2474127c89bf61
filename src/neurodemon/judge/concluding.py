"""Conclude: the answer to "is influence error?" in plain sentences, from the tables alone.

Every number of a sentence is spelled as its table spells it. What a sentence claims, the
numbers of this network decide: where they say otherwise, so does the sentence.
"""

from collections.abc import Callable, Sequence

from neurodemon.terms.findings import Scope
from neurodemon.terms.questions import WINDOWS, Layer, Parting
from neurodemon.terms.text import spell_number, spell_share

WORDS = ((0.9, "closely"), (0.7, "fairly"), (0.3, "loosely"), (-0.3, "hardly"))
OPPOSITE = "the wrong way round"
DEMONS: dict[Scope, str] = {
    "each": "a demon that sees its example (scope each)",
    "shared": "a blind demon with one Δz for all examples (scope shared)",
}
ALIKE = 0.9  # a rank correlation from here on is a ranking
ROUGHLY = 0.6  # below this it is none
LOCAL = 0.3  # by so much the slope must rank worse far from the optimum to be called local
HALVED = 0.5  # what has fallen below this part of what it was, has fallen
NAMED = 3  # partings that the answer names
SITES_LISTED = 3  # of more, the lowest and the highest are told


def conclude(layers: Sequence[Layer], partings: Sequence[Parting]) -> tuple[str, ...]:
    """Answer the questions of the book's readers.

    Args:
        layers: steps ascending.
        partings: units where influence and error part.

    Returns:
        A paragraph each: is influence error, where it fails, where training drives it, flat
        near the optimum, do we not want influential units, and the short answer.
    """
    if not layers:
        return ("Is influence error? No demon's cost stayed finite, so this cannot be answered.",)
    last = max(row.step for row in layers)
    now = [row for row in layers if row.step == last]
    own = _once(now)
    before = {row.site: row for row in _once(layers) if row.step < last}
    pairs = [(before[row.site], row) for row in own if row.site in before]
    return tuple(
        sentence
        for sentence in (
            _is_it_error(now, has_steps=bool(pairs)),
            _where_it_fails(now, [one for one in partings if one.step == last]),
            _where_training_drives_it(pairs),
            _is_it_flat(own),
            _which_factor_goes(pairs, own),
            _in_short(now, pairs),
        )
        if sentence
    )


def _once(layers: Sequence[Layer]) -> list[Layer]:
    """Each site once, at its first step and in its first scope."""
    return list({row.site: row for row in reversed(layers)}.values())[::-1]


def _is_it_error(now: Sequence[Layer], *, has_steps: bool) -> str:
    """How far |δ| ranks as headroom and as distance do."""
    gains, distances = (
        [value for row in now if (value := getattr(row, name)) is not None]
        for name in ("rank_gain", "rank_distance")
    )
    verdict = "No, they are two quantities" if gains else "They are two quantities"
    if gains and min(gains) >= ALIKE:
        is_both = bool(distances) and min(distances) >= ALIKE
        verdict = (
            "They are two quantities, that here rank alike"
            if is_both
            else (
                "No, they are two quantities; but as a ranking of what is to be won it serves here"
            )
        )
    text = f"Is influence error? {verdict}, tied by headroom = κ·|δ|·|best Δz|."
    text += f" At step {now[0].step}, for" if has_steps else " For"
    parts = [
        f"{DEMONS[scope]} {_ranks(rows)}"
        for scope in DEMONS
        if (rows := [row for row in now if row.scope == scope])
    ]
    text += f" {'; for '.join(parts)}."
    if gains and distances and max(distances) < min(gains):
        text += " It tells how much there is to win, not how far off a unit is."
    return text + _within(now)


def _ranks(rows: Sequence[Layer]) -> str:
    """What |δ| ranks, in one scope."""
    return (
        f"|δ| ranks headroom {_how_well(rows, 'rank_gain')} and distance "
        f"{_how_well(rows, 'rank_distance')}"
    )


def _within(now: Sequence[Layer]) -> str:
    """The same inside one example, where only units differ."""
    rows = [row for row in now if row.rank_gain_within is not None]
    if not rows:
        return ""
    return (
        f" Inside one example, from unit to unit, it ranks headroom "
        f"{_how_well(rows, 'rank_gain_within')} and distance "
        f"{_how_well(rows, 'rank_distance_within')}."
    )


def _how_well(rows: Sequence[Layer], name: str) -> str:
    """Put rank correlations into words, with their numbers."""
    values = [value for row in rows if (value := getattr(row, name)) is not None]
    if not values:
        return "not at all (too few demons, or all alike in one of the two)"
    worst, best = _word(min(values)), _word(max(values))
    words = worst if worst == best else f"{worst} to {best}"
    return f"{words} ({_at(rows, lambda row: getattr(row, name))})"


def _word(value: float) -> str:
    """A word for a rank correlation."""
    return next((word for least, word in WORDS if value >= least), OPPOSITE)


def _where_it_fails(now: Sequence[Layer], partings: Sequence[Parting]) -> str:
    """The demons with the most to win that influence passes over."""
    rows = [row for row in now if row.false_negatives is not None]
    if not rows:
        return "Where does it fail? No demon can lower the cost at all: there is nothing to miss."
    parts = []
    for scope in DEMONS:
        own = [row for row in rows if row.scope == scope]
        if own:
            told = _at(own, lambda row: row.false_negatives, spell_share)
            parts.append(f"{told} in scope {scope}")
    told = "; ".join(parts)
    if not any(row.false_negatives for row in rows):
        return (
            f"Where does it fail? Here, not at the top: of the top 5 % of the demons by headroom "
            f"none stands in the lower half by |δ| ({told})."
        )
    text = (
        f"Where does it fail? Of the top 5 % of the demons by headroom, so many stand in the "
        f"lower half by |δ|: {told}. A small influence certifies nothing."
    )
    named = sorted(partings, key=lambda one: (-one.share, -one.headroom))[:NAMED]
    told = "; ".join(
        f"{one.unit} in scope {one.scope}, {spell_share(one.share)} of its demons, {one.cause} "
        f"(its |δ| is {spell_number(one.influence)}, its headroom {spell_number(one.headroom)})"
        for one in named
    )
    return f"{text} Most of all they are missed at {told}." if named else text


def _where_training_drives_it(pairs: Sequence[tuple[Layer, Layer]]) -> str:
    """The norm of the mean beside the mean of the norms, before and after."""
    if not pairs:
        return (
            "Where does training drive it? One stage of training alone cannot tell: give steps or "
            "checkpoints."
        )
    is_known = all(row.norm_of_mean_trained is not None for pair in pairs for row in pair)
    names = ("norm_of_mean_trained", "mean_of_norms_trained") if is_known else (
        "norm_of_mean", "mean_of_norms"
    )  # fmt: skip
    where = " on the examples it was trained on" if is_known else ""
    told = [
        f"at {old.site} ‖mean δ‖ goes from {_pair(old, new, names[0])} and mean ‖δ‖ from "
        f"{_pair(old, new, names[1])}"
        for old, new in _ends(pairs)
    ]
    return (
        f"Where does training drive it? From step {pairs[0][0].step} to step {pairs[0][1].step}"
        f"{where} {'; '.join(told)}. {_silenced(pairs, names)}"
        + (_elsewhere(pairs) if is_known else "")
    )


def _silenced(pairs: Sequence[tuple[Layer, Layer]], names: tuple[str, str]) -> str:
    """What has fallen: the mean, each example's own, or neither."""
    mean_fell = all(_fell(old, new, names[0]) for old, new in pairs)
    quiet = [new.site for old, new in pairs if _fell(old, new, names[1])]
    mean_more = all(_parts(new, names) < HALVED * _parts(old, names) for old, new in pairs)
    if mean_fell and not quiet:
        return "Training silences the mean of δ, not each example's own."
    if mean_fell and len(quiet) < len(pairs):
        where = ", ".join(quiet)
        return f"Training silences the mean of δ everywhere, each example's own at {where} only."
    if mean_fell:
        how = "more than" if mean_more else "and"
        return f"Training silences the mean of δ, {how} each example's own."
    if len(quiet) == len(pairs):
        return "Training silences each example's δ, and their mean less."
    return "Training has not silenced the mean of δ at every site."


def _elsewhere(pairs: Sequence[tuple[Layer, Layer]]) -> str:
    """The same on the examples that are studied, where they are not those of the training."""
    told = [
        f"at {old.site} ‖mean δ‖ goes from {_pair(old, new, 'norm_of_mean')} and mean ‖δ‖ from "
        f"{_pair(old, new, 'mean_of_norms')}"
        for old, new in _ends(pairs)
    ]
    return f" On the examples studied here {'; '.join(told)}."


def _is_it_flat(own: Sequence[Layer]) -> str:
    """How far from the optimum the slope grows with the distance."""
    text = "Flat near the optimum, steeper further away? "
    names = [f"{window:g}" for window in WINDOWS]
    told = [name for name in names if any(row.flatness.get(name) is not None for row in own)]
    if not told:
        return f"{text}No unit's curve has its optimum inside the radius, so it cannot be told."
    near, far = ([row.flatness.get(name) for row in own] for name in (told[0], told[-1]))
    nearest = min(value for value in near if value is not None)
    farthest = min(value for value in far if value is not None)
    numbers = ", within ".join(
        f"{name} std {_at(own, lambda row, name=name: row.flatness.get(name))}"  # type: ignore[misc]
        for name in dict.fromkeys((told[0], told[-1]))
    )
    near_enough = "yes" if nearest >= ALIKE else "roughly"
    if nearest < ROUGHLY:
        claim = "Not even near it does the slope rank with the distance"
    elif nearest - farthest >= LOCAL:
        claim = f"Near the optimum, {near_enough}; further away the curves bend and it is no longer true"
    else:
        claim = f"Here, {near_enough}, as far as the demons go"
    return f"{text}{claim}: the rank correlation of slope and distance is, within {numbers}."


def _which_factor_goes(pairs: Sequence[tuple[Layer, Layer]], own: Sequence[Layer]) -> str:
    """The two factors of δ, before and after."""
    text = "Do we not want influential units? δ = ∂C/∂output · ∂output/∂z. "
    names = ("output_slope", "unit_slope")
    if any(getattr(row, name) is None for row in own for name in names):
        return f"{text}Of this output and cost the two are not told (the notes say why)."
    if not pairs:
        told = (_at(own, lambda row, name=name: getattr(row, name)) for name in names)  # type: ignore[misc]
        return "{}Here ‖∂C/∂output‖ is {}; ‖∂output/∂z‖ is {}.".format(text, *told)
    told_pairs = [
        f"at {old.site} ‖∂output/∂z‖ goes from {_pair(old, new, 'unit_slope')}"
        for old, new in _ends(pairs)
    ]
    old, new = pairs[0]
    numbers = f"‖∂C/∂output‖ goes from {_pair(old, new, 'output_slope')}; {'; '.join(told_pairs)}."
    output_fell = all(_fell(old, new, "output_slope") for old, new in pairs)
    unit_fell = any(_fell(old, new, "unit_slope") for old, new in pairs)
    if output_fell and not unit_fell:
        claim = (
            "Yes, of influence on the output: that stays or grows, and what training takes away "
            "is ∂C/∂output"
        )
    elif output_fell:
        claim = "Training takes away ∂C/∂output, and at some site ∂output/∂z as well"
    else:
        claim = "Training has not taken ∂C/∂output away here"
    return f"{text}{claim}: {numbers}"


def _in_short(now: Sequence[Layer], pairs: Sequence[tuple[Layer, Layer]]) -> str:
    """The short answer, as far as the numbers bear it out."""
    text = (
        "Which units should be influential? Those the output needs, by ∂output/∂z; none by ∂C/∂z, "
        "which is what is still wrong, seen from one unit. In short: a large influence certifies "
        "error only where the curvature is bounded"
    )
    if any(row.false_negatives for row in now):
        text += "; a small influence certifies nothing"
    names, where = ("norm_of_mean", "mean_of_norms"), ""
    if pairs and pairs[0][0].norm_of_mean_trained is not None:
        names = ("norm_of_mean_trained", "mean_of_norms_trained")
        where = ", on what it was trained on"
    is_silenced = [
        _fell(old, new, names[0]) and _parts(new, names) < _parts(old, names) for old, new in pairs
    ]
    if pairs and all(is_silenced):
        text += f"; training silences the mean of δ before each example's own{where}"
    return f"{text}."


def _at(
    rows: Sequence[Layer],
    read: Callable[[Layer], float | None],
    spell: Callable[[float | None], str] = spell_number,
) -> str:
    """Tell a number site by site; of many sites the least and the greatest."""
    known = [(value, row.site) for row in rows if (value := read(row)) is not None]
    if len(known) > SITES_LISTED:
        known.sort(key=lambda one: one[0])
        (low, there), (high, here) = known[0], known[-1]
        return f"from {spell(low)} at {there} to {spell(high)} at {here}"
    return ", ".join(f"{spell(value)} at {site}" for value, site in known)


def _ends(pairs: Sequence[tuple[Layer, Layer]]) -> Sequence[tuple[Layer, Layer]]:
    """All sites where they are few, else the first and the last."""
    return pairs if len(pairs) <= SITES_LISTED else (pairs[0], pairs[-1])


def _pair(old: Layer, new: Layer, name: str) -> str:
    """Tell a number before and after."""
    return f"{spell_number(getattr(old, name))} to {spell_number(getattr(new, name))}"


def _fell(old: Layer, new: Layer, name: str) -> bool:
    """Whether a number is less than half of what it was."""
    before, after = getattr(old, name), getattr(new, name)
    return bool(before is not None and after is not None and after < HALVED * before)


def _parts(row: Layer, names: tuple[str, str]) -> float:
    """The norm of the mean in parts of the mean norm."""
    whole = getattr(row, names[1])
    return float(getattr(row, names[0]) / whole) if whole else 0.0
