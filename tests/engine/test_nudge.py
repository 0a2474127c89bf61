"""Δz by its definition. Oracle: NumPy on the values by hand."""

import numpy as np
import pytest
import torch
from oracles.memory import Watch

from neurodemon.engine import nudge as rules
from neurodemon.engine.nudge import Reference, needs_statistics, nudge, seeded, statistics
from neurodemon.errors import PerturbationError
from neurodemon.terms.perturbations import Add, Mean, Noise, Patch, Resample, Scale, Set, Zero
from neurodemon.terms.radii import Std

Z = torch.tensor([[[1.0, 5.0], [2.0, 5.0]], [[3.0, 5.0], [6.0, 5.0]]], dtype=torch.float64)


def reference() -> Reference:
    """Statistics, other values and a generator."""
    return Reference(statistics([Z]), Z.flip(0), seeded(0, "test"))


def test_statistics_are_over_examples_and_positions_of_all_batches() -> None:
    found = statistics([Z[:1], Z[1:]])
    assert found.mean.tolist() == [3, 5]
    assert float(found.std[0]) == pytest.approx(np.std([1, 2, 3, 6]))


def test_where_a_unit_is_constant_the_sites_std_stands_in() -> None:
    found = statistics([Z])
    assert found.n_constant == 1
    assert float(found.std[1]) == pytest.approx(np.std(Z.numpy()))


def test_where_the_whole_site_is_constant_one_stands_in() -> None:
    found = statistics([torch.full((1, 1, 3), 7.0)])
    assert found.std.tolist() == [1, 1, 1]
    assert found.n_constant == 3


def test_a_constant_that_float32_only_rounds_is_constant() -> None:
    z = torch.full((1000, 1, 2), 0.1, dtype=torch.float32)
    z[:, :, 1] = torch.linspace(0, 1, 1000)[:, None]
    assert statistics([z]).n_constant == 1


@pytest.mark.parametrize("sizes", [(5, 1, 4), (10,), (1,) * 10, (0, 7, 3)])
def test_batch_by_batch_is_as_all_at_once(sizes: tuple[int, ...]) -> None:
    z = 1e6 + torch.randn(10, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = statistics(iter(z.split(sizes)))
    flat = z.numpy().reshape(-1, 4)
    assert found.mean.numpy() == pytest.approx(flat.mean(0), rel=1e-15)
    assert found.std.numpy() == pytest.approx(flat.std(0), rel=1e-9)
    assert float(found.site_std) == pytest.approx(flat.std(), rel=1e-9)


def test_statistics_hold_one_batch_at_a_time() -> None:
    with Watch() as watch:
        statistics(torch.zeros(50, 10, 4) + place for place in range(20))
    assert watch.most < 10 * torch.zeros(50, 10, 4).nbytes


def test_std_of_values_far_from_zero_keeps_its_precision() -> None:
    z = torch.tensor([1e8, 1e8 + 100], dtype=torch.float64).reshape(2, 1, 1)
    assert float(statistics([z]).std) == pytest.approx(50)


@pytest.mark.parametrize(
    ("perturbation", "expected"),
    [
        (Zero(), -Z),
        (Add(2), torch.full_like(Z, 2.0)),
        (Scale(3), 2 * Z),
        (Set(4), 4 - Z),
        (Mean(), torch.tensor([3.0, 5.0], dtype=torch.float64) - Z),
        (Resample(), Z.flip(0) - Z),
        (Patch([]), Z.flip(0) - Z),
    ],
    ids=str,
)
def test_dz_by_definition(perturbation: object, expected: torch.Tensor) -> None:
    assert torch.allclose(nudge(perturbation, Z, reference()), expected)


def test_add_std_adds_so_many_std_of_each_unit() -> None:
    found = nudge(Add(Std(-2)), Z, reference())
    assert torch.allclose(found[0, 0], -2 * statistics([Z]).std)


def test_noise_has_its_std_and_comes_from_the_generator_alone() -> None:
    z = torch.zeros(400, 5, 20)
    draws = [nudge(Noise(0.5), z, Reference(generator=seeded(1, "a"))) for _ in range(2)]
    assert torch.equal(*draws)
    assert float(draws[0].std()) == pytest.approx(0.5, rel=0.01)
    assert float(draws[0].mean()) == pytest.approx(0, abs=0.01)
    other = nudge(Noise(0.5), z, Reference(generator=seeded(2, "a")))
    assert (
        abs(float(torch.corrcoef(torch.stack([draws[0].flatten(), other.flatten()]))[0, 1])) < 0.02
    )


def test_seeds_differ_by_number_and_by_words() -> None:
    states = [
        seeded(*words).initial_seed() for words in ((0, "a"), (1, "a"), (0, "b"), (0, "a", 1))
    ]
    assert len(set(states)) == 4
    assert seeded(0, "a").initial_seed() == states[0]


def test_dz_has_the_dtype_of_z() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        for perturbation in (Zero(), Mean(), Add(Std(1)), Noise(1.0)):
            assert nudge(perturbation, Z.to(dtype), reference()).dtype == dtype


def test_dz_leaves_z_alone() -> None:
    z = Z.clone()
    for perturbation in (Zero(), Mean(), Scale(2), Resample(), Noise(1.0)):
        nudge(perturbation, z, reference())
    assert torch.equal(z, Z)


@pytest.mark.parametrize("perturbation", [Mean(), Add(Std(1)), Noise(Std(1))], ids=str)
def test_statistics_that_are_needed_and_missing_are_refused(perturbation: object) -> None:
    assert needs_statistics(perturbation)
    with pytest.raises(PerturbationError, match="needs the site's mean and std"):
        nudge(perturbation, Z, Reference(generator=seeded(0)))


@pytest.mark.parametrize(
    "perturbation", [Zero(), Add(1), Noise(1.0), Scale(2), Resample()], ids=str
)
def test_the_others_need_none(perturbation: object) -> None:
    assert not needs_statistics(perturbation)


@pytest.mark.parametrize("other", [None, Z[:1]])
def test_values_that_do_not_fit_are_refused(other: torch.Tensor | None) -> None:
    with pytest.raises(PerturbationError, match=r"expected \(2, 2, 2\)"):
        nudge(Resample(), Z, Reference(other=other))


def test_batches_of_unlike_units_have_no_statistics() -> None:
    with pytest.raises(PerturbationError, match=r"The batches have \[1, 2\] units here"):
        statistics([Z, Z[:, :, :1]])


def test_values_of_several_lengths_have_statistics_together() -> None:
    assert statistics([Z, Z[:, :1]]).mean[0] == pytest.approx(16 / 6)


def test_a_perturbation_without_a_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(rules._RULES, Zero)
    with pytest.raises(
        PerturbationError, match=r"Zero\(\) is no perturbation; expected one of Mean"
    ):
        nudge(Zero(), Z, Reference())
