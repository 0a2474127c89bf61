"""Products of two values that may both change."""

from neurodemon.engine.spans.looking import Call, Look, is_from
from neurodemon.engine.spans.places import ALL, NONE, Place, Region, Span
from neurodemon.engine.spans.written import rows_of_weighted
from neurodemon.graph.node import Node


class Product:
    """`matmul(a, b)` of two values that may both change: rows of a by themselves."""

    call: Call | None = None

    def forward(self, look: Look, node: Node) -> Region:
        """Rows of a that change; all rows where b does, but of weights that a mask makes 0."""
        weighted = rows_of_weighted(look, node)
        if weighted is not None:
            return weighted
        span, place = self._rows(look, node)
        if span is None or place is None:
            return ALL
        if len(look.changing(node)) == 1 and isinstance(span, Span):
            return span.moved(place)
        return Span(place, 0, look.count(node.name, place))

    def needs(self, look: Look, node: Node, region: Region) -> dict[str, Region]:
        """The same rows of a, all of b."""
        found: dict[str, Region] = dict.fromkeys(node.inputs, ALL)
        first = look.value(node.inputs[0])
        if isinstance(region, Span):
            found[node.inputs[0]] = region.moved(self._place(first.ndim, region.place.is_merged))
        return found

    @staticmethod
    def _place(n_axes: int, is_merged: bool) -> Place:  # noqa: FBT001  # of a place
        return Place(0, is_merged=True) if is_merged else Place(n_axes - 2)

    def _rows(self, look: Look, node: Node) -> tuple[Region | None, Place | None]:
        """The change in a, if it is one of rows, and where rows stand in the result."""
        names, out = node.inputs, look.own(node)
        if len(names) != 2 or out is None or not is_from(node, 0, names[0]):
            return None, None
        first = look.value(names[0])
        span = look.reach.get(names[0], NONE)
        if not isinstance(span, Span) or first.ndim != out.ndim:
            return None, None
        is_row = span.place == self._place(first.ndim, span.place.is_merged)
        is_fixed = look.value(names[1]).ndim == 2 or not span.place.is_merged
        if not is_row or not is_fixed or (span.place.is_merged and first.ndim != 2):
            return None, None
        return span, span.place
