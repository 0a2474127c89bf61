"""From a selection to units: which sites of a model a text means, and which of their units.

Nothing is skipped silently: a pattern that matches no site, an index out of range and a
position where there are none all raise, and the message says what the model does have.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from neurodemon.errors import SelectionError, SiteNotFoundError, UnitIndexError
from neurodemon.terms.groups import Direction, Group
from neurodemon.terms.selection import Selector, Span, parse_selection
from neurodemon.terms.sites import Site
from neurodemon.terms.units import NO_INDEX, UnitBlock, UnitSet


def select(text: str, sites: Sequence[Site]) -> UnitSet:
    """Find the units that a selection means.

    Nothing is skipped: `SelectionError` for a text that cannot be read or that asks a site
    for an axis it does not have, `SiteNotFoundError` for a pattern that matches no site,
    `UnitIndexError` for an index or position outside any site that its pattern matches.

    Args:
        text: patterns separated by commas (the grammar: `terms.selection`).
        sites: the sites of the model; names and aliases both match.

    Returns:
        The units, in the order of the patterns and, within one, of the sites; none twice.

    Example:
        >>> site = Site("fc1", "linear", "linear", ("example", "unit"), (0, 32))
        >>> [str(unit) for unit in select("fc1[0:2], *[31]", [site])]
        ['fc1[0]', 'fc1[1]', 'fc1[31]']
    """
    blocks = tuple(
        _block(site, selector)
        for selector in parse_selection(text)
        for site in _matching(selector, sites)
    )
    return UnitSet(()) + UnitSet(blocks)  # adding drops the units that stand there twice


def _matching(selector: Selector, sites: Sequence[Site]) -> list[Site]:
    """Take the sites that a pattern means; of a wildcard that asks for heads, those with heads."""
    found = [site for site in sites if any(selector.matches(name) for name in site.names)]
    if not found:
        names = nearest_names(selector.site_text.replace("*", ""), sites)
        nearest = f"Nearest: {', '.join(map(repr, names))}." if names else "There are no sites."
        headed = [site.name for site in sites if site.heads is not None]
        if selector.axis == "head" and headed:
            nearest = f"Sites with heads: {', '.join(map(repr, headed[:6]))}."
        raise SiteNotFoundError(
            f"Site {selector.site_text!r} not found. {nearest} List all with nd.sites(subject)."
        )
    if selector.axis == "head" and "*" in selector.site_text:  # which of them have heads
        having = [site for site in found if site.heads is not None]
        if not having:
            names = [site.name for site in sites if site.heads is not None]
            raise SelectionError(
                f"'{selector.site_text}/head' matches {len(found)} sites, of none of which the "
                f"heads are known. Sites with heads: {', '.join(names[:6]) or 'none'}. Declare "
                "others, N being their number: nd.Subject(..., heads={'SITE:in': N})."
            )
        return having
    return found


def nearest_names(wanted: str, sites: Sequence[Site]) -> list[str]:
    """Find the three names and aliases most like a text, the nearest first.

    Args:
        wanted: what was looked for, without wildcards.
        sites: the sites there are.

    Returns:
        Three names, or all if there are fewer; upper and lower case count as alike.

    Example:
        >>> axes, shape = ("example", "unit"), (0, 8)
        >>> nearest_names("FC1", [Site(n, "linear", n, axes, shape) for n in ("conv", "fc1")])
        ['fc1', 'conv']
    """
    likeness = SequenceMatcher(b=wanted.lower(), autojunk=False)

    def ratio(name: str) -> float:
        likeness.set_seq1(name.lower())
        return likeness.ratio()

    return nlargest(3, dict.fromkeys(name for site in sites for name in site.names), key=ratio)


def _block(site: Site, selector: Selector) -> UnitBlock:
    """Take the units of one site that a pattern means."""
    if selector.axis == "head":
        return _heads(site, selector)
    if selector.axis == "position":
        positions = _run(selector.span, _count_positions(site), "position", site)
        return UnitBlock(site, "position", np.full_like(positions, NO_INDEX), positions)
    indices = _run(selector.span, site.n_units, "unit", site)
    if selector.position is None:
        return UnitBlock(site, site.unit_kind, indices, np.full_like(indices, NO_INDEX))
    span = Span(selector.position, selector.position + 1)
    position = _run(span, _count_positions(site), "position", site)
    return UnitBlock(site, "cell", indices, np.repeat(position, len(indices)))


def _heads(site: Site, selector: Selector) -> UnitBlock:
    """Take attention heads; raise if it is not known how the units divide into heads."""
    if site.heads is None:
        raise SelectionError(
            f"'{selector.site_text}/head' asks for the heads of site {site.name!r}, and how its "
            f"{site.n_units} units divide into heads is not known. Heads live on the input of an "
            "attention's output projection, such as 'attn.o_proj:in/head', and on the outputs of "
            "its key and value projections (nd.sites(subject) has a column of them; parts of a "
            "fused projection are groups: nd.Group). Declare others, N being their number: "
            f"nd.Subject(..., heads={{{site.name!r}: N}})."
        )
    heads = _run(selector.span, site.heads, "head", site)
    position = NO_INDEX
    if selector.position is not None:
        span = Span(selector.position, selector.position + 1)
        position = int(_run(span, _count_positions(site), "position", site)[0])
    return UnitBlock(site, "head", heads, np.full_like(heads, position))


def gather(made: Group | Direction, sites: Sequence[Site]) -> UnitBlock:
    """Make units of a group or of directions: at the one site that their text names.

    Args:
        made: what the user made.
        sites: the sites of the model.

    Returns:
        The units.

    Raises:
        SelectionError: the text names several sites or more than a site, or the vectors do not
            fit.
        SiteNotFoundError: it names none.
        UnitIndexError: a feature or position is out of range.
    """
    selectors = parse_selection(made.site)
    found = _matching(selectors[0], sites)
    is_plain = selectors[0].span is None and selectors[0].axis == "unit"
    if len(selectors) > 1 or len(found) > 1 or not is_plain or selectors[0].position is not None:
        raise SelectionError(
            f"{made.name!r} is at {made.site!r}, which names {[site.name for site in found][:5]}; "
            "expected the name of one site, without '[…]', '@' or '/' (a position is said by "
            "position=3)."
        )
    return made.block(found[0])


def _count_positions(site: Site) -> int:
    """Count a site's positions; raise if it has no position axis."""
    if not site.has_positions:
        raise SelectionError(
            f"Site {site.name!r} has no positions, only units: its axes are "
            f"{', '.join(site.axes)}. Leave out '@' and '/position' here."
        )
    return site.n_positions


def _run(span: Span | None, count: int, what: str, site: Site) -> NDArray[np.int64]:
    """Spell a span out as indices; raise unless all of them exist and there is one."""
    span = Span(0, None) if span is None else span
    end = count if span.end is None else span.end
    if not span.first < end <= count:
        is_empty = span.end is not None and span.first >= span.end
        raise UnitIndexError(
            f"{what if span.is_single else what + 's'} {span} of site {site.name!r} "
            f"{'is' if span.is_single else 'are'} {'an empty run' if is_empty else 'out of range'}"
            f": it has {count} {what}{'' if count == 1 else 's'}"
            f"{f', 0 to {count - 1}' if count else ''}."
        )
    return np.arange(span.first, end, dtype=np.int64)
