"""Attention heads are found by name, on what the output projection reads, or declared."""

from types import SimpleNamespace

import pytest
import torch
from oracles.attention import HEADS, KEY_HEADS, decoder, prompts
from torch import Tensor, nn

import neurodemon as nd
from neurodemon.errors import SubjectError
from neurodemon.terms.sites import Site
from neurodemon.tracing.heads import Attention, find_attention, with_heads


def module(**children: nn.Module) -> nn.Module:
    """A module with such children."""
    made = nn.Module()
    for name, child in children.items():
        made.add_module(name, child)
    return made


def linear() -> nn.Module:
    return nn.Linear(8, 8)


def test_grouped_queries_have_fewer_heads_of_keys_and_values() -> None:
    subject = nd.Subject(decoder(), [prompts((5, 3))], "next_token")
    heads = {site.name: site.heads for site in nd.sites(subject) if site.heads}
    own = {
        "q_proj": HEADS,
        "k_proj": KEY_HEADS,
        "v_proj": KEY_HEADS,
        "o_proj:in": HEADS,
    }
    assert heads == {f"layers.0.attn.{name}": n for name, n in own.items()}


def test_a_fused_projection_is_known_by_its_name_and_its_count_by_the_config() -> None:
    attn = module(c_attn=linear(), c_proj=linear())
    attn.config = SimpleNamespace(num_attention_heads=4)
    model = module(attn=attn, mlp=module(c_fc=linear(), c_proj=linear()))
    assert find_attention(model) == [Attention("attn", "attn.c_proj", 4, ())]


def test_berts_output_projection_stands_beside_its_attention() -> None:
    own = module(query=linear(), key=linear(), value=linear())
    own.num_attention_heads = 2
    model = module(attention=module(self=own, output=module(dense=linear())))
    paths = tuple(f"attention.self.{name}" for name in ("query", "key", "value"))
    (found,) = find_attention(model)
    assert found == Attention("attention.self", "attention.output.dense", 2, paths)


def test_a_feed_forward_has_no_heads() -> None:
    mlp = module(c_fc=linear(), c_proj=linear())
    mlp.num_heads = 2  # without a projection to queries it is no attention
    assert find_attention(mlp) == []


class Mixing(nn.Module):
    """Attention under names of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(6, 18), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        """Attend with two heads."""
        q, k, v = (
            part.unflatten(-1, (2, 3)).transpose(1, 2) for part in self.enter(x).chunk(3, -1)
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.leave(mixed.transpose(1, 2).flatten(2)).mean(1)


def mixing(heads: dict[str, int] | None = None) -> nd.Subject:
    torch.manual_seed(0)
    batches = [(torch.randn(4, 5, 6), torch.tensor([0, 1, 2, 0]))]
    return nd.Subject(Mixing(), batches, "cross_entropy", heads=heads)


def test_heads_that_are_not_known_say_how_to_declare_them() -> None:
    with pytest.raises(nd.NeurodemonError, match=r"heads=\{'leave:in': N\}"):
        nd.units(mixing(), "leave:in/head")
    declared = mixing({"leave:in": 2})
    assert len(nd.units(declared, "leave:in/head")) == 2
    assert "2 heads at 1 output projection" in str(nd.check(declared))


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"leave:in": 4}, "does not divide the 6 units"),
        ({"leave:in": 0}, "a whole number from 1 on"),
        ({"mix:in": 2}, "matches no site"),
        ({"leave:in[": 2}, "no pattern of sites"),
    ],
)
def test_heads_declared_wrongly_are_refused(heads: dict[str, int], message: str) -> None:
    with pytest.raises(SubjectError, match=message):
        nd.sites(mixing(heads))


def test_a_site_whose_units_do_not_divide_has_no_heads() -> None:
    site = Site("attn.c_proj:in", "input", "x", ("example", "unit"), (0, 7))
    attn = module(c_attn=linear(), c_proj=linear())
    attn.n_head = 4
    assert with_heads([site], module(attn=attn), {})[0].heads is None


class Squared(nn.Linear):
    """A projection that is not linear: its heads do not add up."""

    def forward(self, x: Tensor) -> Tensor:
        """Project and square."""
        return super().forward(x).square()


def test_heads_that_do_not_add_up_are_told() -> None:
    subject = mixing({"leave:in": 2})
    subject.model.leave = Squared(6, 6)
    found = {probe.name: probe for probe in nd.check(subject).probes}["heads add up"]
    assert not found.passed
    assert "what reads them is not linear" in found.detail
