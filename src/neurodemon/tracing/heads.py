"""Where a model's attention heads are: found by the names that its attention modules use.

Heads live on the *input* of the output projection, before they are mixed, and on the outputs
of the query, key and value projections (with grouped-query attention fewer of the latter).
A small table of names; what it does not know, the user declares.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from neurodemon.errors import SelectionError, SubjectError
from neurodemon.terms.selection import parse_selection
from neurodemon.terms.sites import Site

COUNTS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nhead", "heads")
OUTPUTS = ("o_proj", "out_proj", "c_proj", "out_lin", "proj", "dense", "wo", "o")
READERS = (
    "q_proj", "query", "q_lin", "q", "c_attn", "query_key_value", "qkv_proj", "qkv", "in_proj",
    "wq", "Wqkv", "Wq",
)  # fmt: skip
QUERIES_KEYS_VALUES = (
    "q_proj", "k_proj", "v_proj", "query", "key", "value", "q_lin", "k_lin", "v_lin", "q", "k",
    "v", "wq", "wk", "wv",
)  # fmt: skip
BESIDE = "output.dense"  # of `attention.self`, in BERT and its kin


@dataclass(frozen=True)
class Attention:
    """One attention module, as far as its heads go.

    Attributes:
        path: its path in the model.
        output: the path of its output projection.
        n_heads: how many heads that projection reads.
        projections: the paths of its query, key and value projections.
    """

    path: str
    output: str
    n_heads: int
    projections: tuple[str, ...]


def find_attention(model: nn.Module) -> list[Attention]:
    """Find the attention modules of a model whose names are known."""
    modules = dict(model.named_modules())
    return [found for path in modules for found in _read(path, modules)]


def with_heads(
    sites: Sequence[Site], model: nn.Module, declared: Mapping[str, int]
) -> tuple[Site, ...]:
    """Say of each site how many heads stand side by side in its units.

    Args:
        sites: the sites.
        model: the model, whose attention modules are looked for by name.
        declared: pattern of sites → number of heads, by the user; these come first.

    Returns:
        The sites, `heads` filled in where it is known.

    Raises:
        SubjectError: a declared pattern matches no site, or its number does not divide the
            site's units.
    """
    if not isinstance(declared, Mapping):
        raise SubjectError(
            f"heads is {declared!r}; expected a dict from sites to numbers, such as "
            "{'blocks.*.mix:in': 8}."
        )
    known = _by_site(sites, find_attention(model))
    for pattern, count in declared.items():
        _require_count(pattern, count)
        for site in _matching(pattern, sites):
            if site.n_units % count:
                raise SubjectError(
                    f"heads={{{pattern!r}: {count}}} does not divide the {site.n_units} units of "
                    f"site {site.name!r}; expected a number that does."
                )
            known[site.name] = count
    return tuple(replace(site, heads=known.get(site.name)) for site in sites)


def _require_count(pattern: str, count: object) -> None:
    """Refuse what is no number of heads."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SubjectError(f"heads={{{pattern!r}: {count!r}}}; expected a whole number from 1 on.")


def _by_site(sites: Sequence[Site], attention: Sequence[Attention]) -> dict[str, int]:
    """The number of heads by the site's name."""
    by_output = {f"{one.output}:in": one for one in attention}
    by_projection = {path: one for one in attention for path in one.projections}
    sizes: dict[str, int] = {}
    found: dict[str, int] = {}
    for site in sites:
        for name in _plain_names(site):
            if name not in by_output or "unit" not in site.axes:
                continue
            own = by_output[name]
            if site.n_units % own.n_heads == 0:
                found[site.name] = own.n_heads
                sizes[own.path] = site.n_units // own.n_heads
    for site in sites:
        for name in _plain_names(site):
            size = sizes.get(by_projection[name].path) if name in by_projection else None
            if size and site.name not in found and site.n_units % size == 0:
                found[site.name] = site.n_units // size
    return found


def _plain_names(site: Site) -> Iterator[str]:
    """The names of a site without the number of the call."""
    for name in site.names:
        yield name.partition("#")[0]


def _matching(pattern: str, sites: Sequence[Site]) -> list[Site]:
    """The sites that a declared pattern means."""
    try:
        (selector,) = parse_selection(pattern)
    except (SelectionError, ValueError) as error:
        raise SubjectError(
            f"heads={{{pattern!r}: …}} is no pattern of sites: {error}; expected one, such as "
            "'layers.*.attn.proj:in'."
        ) from error
    found = [site for site in sites if any(selector.matches(name) for name in site.names)]
    if not found:
        raise SubjectError(
            f"heads={{{pattern!r}: …}} matches no site; expected the input of an attention's "
            "output projection, such as 'layers.*.attn.proj:in'. List all with nd.sites(subject)."
        )
    return found


def _read(path: str, modules: Mapping[str, nn.Module]) -> Iterator[Attention]:
    """Read one module as an attention module, if it is one that the table knows."""
    module = modules[path]
    children = dict(module.named_children())
    is_packed = isinstance(module, nn.MultiheadAttention)
    if not is_packed and not any(name in children for name in READERS):
        return
    count = _count(module)
    output = next((_join(path, name) for name in OUTPUTS if name in children), None)
    parent, _, last = path.rpartition(".")
    if output is None and last == "self" and _join(parent, BESIDE) in modules:
        output = _join(parent, BESIDE)
    if count is None or output is None:
        return
    own = tuple(_join(path, name) for name in QUERIES_KEYS_VALUES if name in children)
    yield Attention(path, output, count, own)


def _count(module: nn.Module) -> int | None:
    """How many heads a module says it has: its own attribute, else its config's."""
    for holder in (module, getattr(module, "config", None)):
        for name in COUNTS:
            count = getattr(holder, name, None)
            if isinstance(count, int) and not isinstance(count, bool) and count > 0:
                return count
    return None


def _join(path: str, name: str) -> str:
    """Put a name behind a path."""
    return f"{path}.{name}" if path else name
