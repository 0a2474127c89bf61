"""Which positions are real: told by the masks that go in, or by the user's own function."""

import pytest
import torch
from oracles.attention import decoder, prompts

import neurodemon as nd
from neurodemon.errors import SelectionError, SubjectError
from neurodemon.subjects.padding import read_padding
from neurodemon.terms.sites import Site

REAL = torch.tensor([[False, True, True], [True, True, True]])
AXES = ("example", "position", "unit")


def site(name: str, axes: tuple[str, ...] = AXES) -> Site:
    return Site(name, "linear", name, axes, (0, 3, 4)[: len(axes)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "inputs",
    [
        {"attention_mask": REAL.long()},
        {"attention_mask": REAL},
        {"src_key_padding_mask": ~REAL},
        {"attention_mask": torch.where(REAL, 0.0, -torch.inf)},
        {"attention_mask": REAL.float()},
    ],
)
def test_a_mask_by_its_usual_name_tells(inputs: dict[str, torch.Tensor]) -> None:
    found = read_padding(inputs).at(site("fc1"), 3)
    assert found is not None
    assert torch.equal(found, REAL)


def test_a_function_of_the_user_tells_whatever_the_inputs_are() -> None:
    inputs = torch.tensor([[0, 4, 5], [1, 2, 3]])
    found = read_padding(inputs, lambda ids: ids != 0).at(site("fc1"), 3)
    assert found is not None
    assert torch.equal(found, REAL)


def test_where_nothing_is_padded_or_other_positions_are_counted_nothing_is_told() -> None:
    padding = read_padding({"attention_mask": REAL})
    assert padding.at(site("pooled", ("example", "unit")), 1) is None
    assert padding.at(site("patches"), 7) is None
    assert read_padding({"attention_mask": torch.ones(2, 3)}).at(site("fc1"), 3) is None
    assert read_padding((REAL,)).at(site("fc1"), 3) is None
    assert read_padding({"attention_mask": torch.ones(2, 1, 3, 3)}).at(site("fc1"), 3) is None


def test_a_decoder_beside_an_encoder_has_a_mask_of_its_own() -> None:
    inputs = {"attention_mask": REAL, "decoder_input_ids": torch.ones(2, 3)}
    padding = read_padding(inputs)
    assert padding.at(site("encoder.block.0.fc"), 3) is not None
    assert padding.at(site("decoder.block.0.fc"), 3) is None
    assert padding.at(site("decoder.block.0.EncDecAttention.k"), 3) is not None
    own = read_padding({**inputs, "decoder_attention_mask": ~REAL})
    found = own.at(site("decoder.block.0.fc"), 3)
    assert found is not None
    assert torch.equal(found, ~REAL)


@pytest.mark.parametrize("mask", [torch.ones(3), "real", [1, 1]])
def test_a_mask_of_another_shape_is_refused(mask: object) -> None:
    with pytest.raises(SubjectError, match=r"expected a tensor of shape \(example, position\)"):
        read_padding({"attention_mask": mask})


def test_a_demon_at_padding_is_no_zero_among_the_others_but_not_counted() -> None:
    subject = nd.Subject(decoder(), [prompts((3, 2), width=4)], "next_token")
    effects = nd.measure(subject, "layers.0/position")
    assert effects["n_examples"] == [0, 1, 2, 2]
    assert effects["status"][0] == "padding"
    assert effects["measured"][0] is None or effects["measured"][0] != effects["measured"][0]


def test_means_and_spreads_leave_padding_out() -> None:
    inputs, target = prompts((6, 2, 3))
    subject = nd.Subject(decoder(), [(inputs, target)], "next_token")
    unpadded = [
        (
            {name: leaf[row : row + 1, -length:] for name, leaf in inputs.items()},
            target[row : row + 1, -length:],
        )
        for row, length in enumerate((6, 2, 3))
    ]
    alone = nd.Subject(decoder(), unpadded, "next_token")
    for perturbation in (nd.Mean(), nd.Add(nd.Std(0.5))):
        padded = nd.measure(subject, "layers.0.up", perturbation)["measured"]
        expected = nd.measure(alone, "layers.0.up", perturbation)["measured"]
        assert padded == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_a_curve_at_one_position_is_of_the_examples_that_have_it() -> None:
    subject = nd.Subject(decoder(), [prompts((4, 2, 3))], "next_token")  # padded on the left
    for position, n_examples in ((0, 1), (1, 2), (3, 3)):
        unit = f"layers.0.up[1]@{position}"
        measured = nd.measure(subject, unit, nd.Add(0.5))
        assert measured["n_examples"] == [n_examples]
        drawn = nd.curve(subject, unit, nd.Absolute(0.5), points=3)
        assert drawn.measured[2] - drawn.cost == pytest.approx(measured["measured"][0], abs=1e-12)
        assert drawn.per_example.shape == (3, n_examples)
        predicted = nd.predict(subject, unit, nd.Add(0.5), predictor="tangent")["predicted"][0]
        assert drawn.tangent[2] - drawn.cost == pytest.approx(predicted, abs=1e-12)
        assert drawn.slope * 0.5 == pytest.approx(predicted, abs=1e-12)
    padded = nd.Subject(decoder(), [prompts((3, 2), width=4)], "next_token")
    with pytest.raises(SelectionError, match="Every example is padded at"):
        nd.curve(padded, "layers.0.up[1]@0")


def test_a_resampled_position_takes_a_real_one_of_another_example() -> None:
    inputs, target = prompts((4, 2, 4))
    subject = nd.Subject(decoder(), [(inputs, target)], "next_token")
    effects = nd.measure(subject, "layers.0/position", nd.Resample(2))
    per_example = effects.per_example
    assert per_example is not None
    assert torch.isnan(torch.from_numpy(per_example[1, :2])).all()
    assert (per_example[:, 2] != 0).all()
    lone = prompts((4, 2))
    own = nd.measure(
        nd.Subject(decoder(), [lone], "next_token"), "layers.0/position", nd.Resample()
    )
    assert own.per_example is not None
    assert own.per_example[0, :2].tolist() == [0, 0], "no other example is real there"


def test_the_first_token_after_padding_is_judged_by_nothing() -> None:
    inputs, target = prompts((4, 2))
    ((_, bound),) = nd.Subject(decoder(), [(inputs, target)], "next_token").batches
    assert bound[1].tolist() == [-100, -100, -100, int(target[1, 3])]
    assert bound[0, 0] == -100 or bound[0, 0] == target[0, 0]
    assert bound[0, 1:].tolist() == target[0, 1:].tolist()


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_logit_difference_is_read_at_the_last_real_token(side: str) -> None:
    inputs, _ = prompts((4, 2))
    if side == "right":
        inputs = {name: torch.stack([leaf[0], leaf[1].roll(-2)]) for name, leaf in inputs.items()}
        inputs["position_ids"] = torch.stack([torch.arange(4), torch.tensor([0, 1, 0, 0])])
    metric = nd.logit_difference(3, 5)
    padded = nd.Subject(decoder(), [(inputs, None)], metric, better="higher")
    alone = []
    for row, length in enumerate((4, 2)):
        where = inputs["attention_mask"][row].bool()
        own = {name: leaf[row : row + 1, where] for name, leaf in inputs.items()}
        assert own["input_ids"].shape[1] == length
        alone.append((own, None))
    one_by_one = nd.Subject(decoder(), alone, metric, better="higher")
    found = nd.measure(padded, "layers.0.up").per_example
    expected = nd.measure(one_by_one, "layers.0.up").per_example
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_judged_token_that_an_example_does_not_have_is_refused() -> None:
    metric = nd.logit_difference(3, 5, position=2)
    with pytest.raises(SubjectError, match="an example has 2 real tokens"):
        nd.sites(nd.Subject(decoder(), [(prompts((4, 2))[0], None)], metric))


class FromTheLeft(torch.nn.Module):
    """A decoder that counts positions from the left, padding included."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = decoder()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Give logits for each token."""
        places = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        return self.inner(input_ids, attention_mask, places)


def test_a_check_warns_where_a_padded_example_is_not_what_it_is_alone() -> None:
    inputs, target = prompts((4, 2))
    told = nd.check(nd.Subject(decoder(), [(inputs, target)], "next_token"))
    assert {probe.name: probe.passed for probe in told.probes}["padding does nothing"]
    untold = {name: leaf for name, leaf in inputs.items() if name != "position_ids"}
    misled = nd.check(nd.Subject(FromTheLeft(), [(untold, target)], "next_token"))
    probe = {probe.name: probe for probe in misled.probes}["padding does nothing"]
    assert not probe.passed
    assert "position_ids" in probe.detail


class Sides(torch.nn.Module):
    """An encoder's tokens summed up for a decoder's, both of one length; a head after them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)
        self.head = torch.nn.Linear(4, 2)

    def forward(
        self, src: torch.Tensor, tgt: torch.Tensor, src_key_padding_mask: torch.Tensor
    ) -> torch.Tensor:
        """Give the decoder's tokens what the encoder's real ones say."""
        told = self.left(src).masked_fill(src_key_padding_mask[..., None], 0).sum(1)
        return self.head(torch.tanh(self.right(tgt) + told[:, None])).mean(1)


def test_a_decoder_as_long_as_its_encoder_does_not_get_its_mask() -> None:
    inputs = {"src": torch.randn(2, 3, 3), "tgt": torch.randn(2, 3, 3)}
    whole = {**inputs, "src_key_padding_mask": ~REAL}
    subject = nd.Subject(Sides(), [(whole, torch.tensor([0, 1]))], "cross_entropy")
    counts = {
        name: nd.measure(subject, f"{name}/position")["n_examples"]
        for name in ("left", "right", "head")
    }
    assert counts == {"left": [1, 2, 2], "right": [2, 2, 2], "head": [2, 2, 2]}


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (lambda _: torch.ones(4, 3), r"has 4 examples, the inputs 2"),
        (lambda _: torch.ones(2, 3, 3), r"has the shape \(2, 3, 3\)"),
        (
            lambda _: torch.ones(2, 5),
            r"has 5 positions; expected as many as a site has \(\[3\]\)",
        ),
        (lambda ids: ids.real_ones, "raised AttributeError"),
    ],
    ids=["examples", "axes", "positions", "error"],
)
def test_a_function_that_tells_no_mask_is_refused(mask, message):
    batch = (torch.tensor([[0, 4, 5], [1, 2, 3]]), torch.tensor([0, 1]))

    class Tokens(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.head = torch.nn.Embedding(6, 4), torch.nn.Linear(4, 2)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(torch.tanh(self.tokens(ids))).mean(1)

    subject = nd.Subject(Tokens(), [batch], "cross_entropy", mask=mask)
    with pytest.raises(SubjectError, match=message):
        nd.measure(subject, "tokens")


def test_a_mask_of_pairs_of_tokens_is_told_to_say_nothing() -> None:
    class Masked(torch.nn.Linear):
        def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return super().forward(x).mean(1) + 0 * attention_mask.sum((1, 2))

    inputs = {"x": torch.randn(2, 3, 4), "attention_mask": torch.ones(2, 3, 3)[..., :2]}
    subject = nd.Subject(Masked(4, 2), [(inputs, torch.tensor([0, 1]))], "cross_entropy")
    found = {probe.name: probe for probe in nd.check(subject).probes}["padding does nothing"]
    assert not found.passed
    assert "mask=lambda" in found.detail


def test_what_is_no_number_at_padding_stays_out_of_all_effects() -> None:
    generator = torch.Generator().manual_seed(3)
    src, tgt = (torch.randn(2, 3, 3, generator=generator) for _ in range(2))
    subjects, target = [], torch.tensor([0, 1])
    for filling in (0.0, torch.nan):
        inputs = {"src": src.masked_fill(~REAL[..., None], filling), "tgt": tgt}
        batch = ({**inputs, "src_key_padding_mask": ~REAL}, target)
        subjects.append(nd.Subject(Sides(), [batch], "cross_entropy"))
    for perturbation in (nd.Zero(), nd.Mean(), nd.Add(nd.Std(1)), nd.Resample(1)):
        clean, odd = (nd.audit(subject, "left", perturbation).effects for subject in subjects)
        assert odd["measured"] == pytest.approx(clean["measured"])
        assert odd["predicted"] == pytest.approx(clean["predicted"])
