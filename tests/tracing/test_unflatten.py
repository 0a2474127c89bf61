"""A Linear that reads examples and positions in one axis is given them apart."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neurodemon as nd


class Merging(nn.Module):
    """A Linear on (example·position, feature), as one writes it by hand."""

    def __init__(self, *, is_parted: bool) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(4, 5), nn.Linear(5, 3)
        self.is_parted = is_parted

    def forward(self, x: Tensor) -> Tensor:
        """Merge, project, part."""
        flat = self.inner(x.reshape(-1, 4))
        if not self.is_parted:
            flat = flat - flat.mean(0)  # mixes the examples
        return self.head(torch.tanh(flat.reshape(x.shape[0], -1, 5)).mean(1))


def merging(*, is_parted: bool = True) -> nd.Subject:
    torch.manual_seed(0)
    batches = [(torch.randn(3, 6, 4).double(), torch.tensor([0, 1, 2]))]
    return nd.Subject(Merging(is_parted=is_parted).double(), batches, "cross_entropy")


def test_a_merged_linear_is_a_site_with_positions() -> None:
    site = nd.sites(merging())["inner"]
    assert site.axes == ("example", "position", "unit")
    assert site.shape == (0, 6, 5)
    assert nd.sites(merging())["inner:in"].shape == (0, 6, 4)


def test_its_effects_are_those_of_a_weight_set_to_zero() -> None:
    subject = merging()
    found = nd.measure(subject, "inner").per_example
    assert found is not None
    inputs, target = subject.batches[0]
    clean = subject.cost(subject.model(inputs), target)
    for unit in range(5):
        other = copy.deepcopy(subject.model)
        with torch.no_grad():
            other.inner.weight[unit], other.inner.bias[unit] = 0, 0
            expected = (subject.cost(other(inputs), target) - clean).numpy()
        assert np.abs(found[:, unit] - expected).max() < 1e-12


def test_where_it_is_not_parted_again_nothing_is_done() -> None:
    assert "inner" not in [site.name for site in nd.sites(merging(is_parted=False))]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_the_heads_of_multihead_attention_are_those_of_its_output_weights(
    batch_first: bool,  # noqa: FBT001  # a case
    need_weights: bool,  # noqa: FBT001  # a case
) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn = nn.MultiheadAttention(8, 2, batch_first=batch_first)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = x if batch_first else x.transpose(0, 1)
            mixed, _ = self.attn(x, x, x, need_weights=need_weights)
            return self.head(mixed.mean(1 if batch_first else 0))

    torch.manual_seed(0)
    model = Encoder().double().eval()
    inputs, target = torch.randn(3, 6, 8).double(), torch.tensor([0, 1, 2])
    subject = nd.Subject(model, [(inputs, target)], "cross_entropy")
    found = nd.measure(subject, "attn.out_proj:in/head").per_example
    assert found is not None
    assert found.shape == (3, 2)
    assert "2 heads at 1 output projection" in str(nd.check(subject))
    clean = subject.cost(model(inputs), target)
    for head in range(2):
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.attn.out_proj.weight[:, 4 * head : 4 * head + 4] = 0
            expected = (subject.cost(other(inputs), target) - clean).numpy()
        assert np.abs(found[:, head] - expected).max() < 1e-12
