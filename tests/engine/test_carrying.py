"""Several points go through a region at once; the slow twin carries one after the other."""

import pytest
import torch
from oracles.models import ZOO

import neurodemon as nd
from neurodemon.engine.bench import Bench, spread
from neurodemon.engine.layout import take_units
from neurodemon.engine.region import move
from neurodemon.jobs.benching import make_benches

NAMES = ("residual cnn", "residual mlp", "conv1d", "position major", "relu mlp")


def benches_of(name: str) -> list[Bench]:
    """One bench for each site of a network of the zoo."""
    case = ZOO[name]().to(torch.float64)
    subject = nd.Subject(case.model, case.batches, case.cost)
    subject.refresh()
    blocks = [nd.units(subject, site.name).blocks[0] for site in nd.sites(subject)]
    return [bench for block in blocks for bench in make_benches(subject, block).benches]


@pytest.mark.parametrize("name", NAMES)
def test_points_carried_at_once_equal_points_carried_one_by_one(name: str) -> None:
    found = benches_of(name)
    assert any(bench._is_alone and bench._region.nodes for bench in found)
    for bench in found:
        dz = torch.randn(
            3, 1, len(bench.block), generator=torch.Generator().manual_seed(0)
        ).double()
        wholes = [spread(one, bench._z, bench.block) for one in dz]
        apart = [move(bench.recording, bench.block, one, bench._region).moved for one in wholes]
        expected = torch.cat([take_units(one, bench.block) for one in apart])
        assert torch.allclose(bench._carry(dz), expected, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_a_region_that_reads_other_examples_values_is_not_alone() -> None:
    apart = [bench for bench in benches_of("residual mlp") if not bench._is_alone]
    assert apart  # a sum with a skip connection: its other side is an example's own
