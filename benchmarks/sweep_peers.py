"""The others: each does what neurodemon does, as its users would write it.

A contender takes a subject, a case and how many units, and gives cost after − cost before per
example and unit, so that all answers can be held against each other. None of them is a
dependency: benchmarks/requirements-peers.txt.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from sweep_cases import HEADS, LAYERS, TOKENS, WIDTH, Case
from torch import Tensor, nn

import neurodemon as nd

Contender = Callable[[nd.Subject, Case, int], Tensor]


PEERS = ("captum", "nnsight", "transformer_lens")  # of requirements-peers.txt


def batch_of(subject: nd.Subject) -> tuple[Any, Any]:
    """The one batch of a subject."""
    ((inputs, target),) = list(subject.batches)
    return inputs, target


def cost_of(subject: nd.Subject) -> Tensor:
    """The cost of each example: one plain forward pass."""
    inputs, target = batch_of(subject)
    with torch.no_grad():
        return subject.cost(output_of(subject, inputs), target)


def output_of(subject: nd.Subject, inputs: Any) -> Any:
    """Run a subject's model, as the subject would."""
    if subject.call is not None:
        return subject.call(subject.model, inputs)
    return subject.model(**inputs) if isinstance(inputs, dict) else subject.model(inputs)


def zero(value: Tensor, case: Case, unit: int) -> Tensor:
    """Give a module's value with one unit at zero."""
    value = value.clone()
    if case.kind == "channel":
        value[:, unit] = 0
    elif case.kind == "neuron":
        value[..., unit] = 0
    elif case.kind == "head":
        size = value.shape[-1] // 12
        value[..., unit * size : (unit + 1) * size] = 0
    else:
        head, size = unit % HEADS, WIDTH // HEADS
        value[:, unit // HEADS, head * size : (head + 1) * size] = 0
    return value


def is_input(case: Case) -> bool:
    """Whether the units of a case stand at the input of its module."""
    return case.kind in {"head", "cell"}


def hook_loop(subject: nd.Subject, case: Case, count: int) -> Tensor:
    """One forward pass for each unit, with a hook."""
    module = subject.model.get_submodule(case.module)
    clean, found = cost_of(subject), []
    for unit in range(count):
        if is_input(case):
            handle = module.register_forward_pre_hook(
                lambda _m, args, own=unit: (zero(args[0], case, own), *args[1:])
            )
        else:
            handle = module.register_forward_hook(
                lambda _m, _i, out, own=unit: zero(out, case, own)
            )
        found.append(cost_of(subject) - clean)
        handle.remove()
    return torch.stack(found, 1)


def captum(per_pass: int) -> Contender:
    """Captum's LayerFeatureAblation, so many units in a pass."""

    def run(subject: nd.Subject, case: Case, count: int) -> Tensor:
        from captum.attr import LayerFeatureAblation

        inputs, target = batch_of(subject)
        names = list(inputs) if isinstance(inputs, dict) else []
        tensors = [inputs[name] for name in names if isinstance(inputs[name], Tensor)]
        fixed = {n: inputs[n] for n in names if not isinstance(inputs[n], Tensor)}
        keys = [name for name in names if name not in fixed]

        def forward(*arguments: Tensor) -> Tensor:
            if not names:
                return subject.cost(output_of(subject, arguments[0]), arguments[1])
            own = {**dict(zip(keys, arguments, strict=False)), **fixed}
            return subject.cost(output_of(subject, own), (*arguments, None)[len(keys)])

        module = subject.model.get_submodule(case.module)
        mask = _mask(subject, case, count)
        attribution = LayerFeatureAblation(forward, module).attribute(
            tuple(tensors) if names else inputs,
            layer_baselines=0,
            additional_forward_args=None if target is None else (target,),
            layer_mask=mask,
            attribute_to_layer_input=is_input(case),
            perturbations_per_eval=per_pass,
        )
        attribution = attribution[0] if isinstance(attribution, tuple) else attribution
        flat, groups = attribution.flatten(1), mask.expand(1, *attribution.shape[1:]).flatten()
        places = torch.stack([(groups == unit).nonzero()[0, 0] for unit in range(count)])
        return -flat[:, places]

    return run


def _mask(subject: nd.Subject, case: Case, count: int) -> Tensor:
    """Number the features of a module's value by the unit they belong to; all others are one."""
    shape = list(_value_of(subject, case).shape)
    units = torch.full([1, *shape[1:]], count)
    for unit in range(count):
        units[zero(torch.ones(1, *shape[1:]), case, unit) == 0] = unit
    return units


def _value_of(subject: nd.Subject, case: Case) -> Tensor:
    seen: list[Tensor] = []
    module = subject.model.get_submodule(case.module)
    handle = module.register_forward_hook(
        lambda _m, args, out: seen.append(args[0] if is_input(case) else out)
    )
    cost_of(subject)
    handle.remove()
    return seen[0]


def nnsight(subject: nd.Subject, case: Case, count: int) -> Tensor:
    """nnsight: one trace for each unit. Where the subject has its own call, it has no model."""
    from nnsight import NNsight

    inputs, target = batch_of(subject)
    model = NNsight(_Called(subject))
    clean, found = cost_of(subject), []
    for unit in range(count):
        module = model.model
        for part in case.module.split("."):
            own = f"E_{part}" if hasattr(module, f"E_{part}") else part  # a name of nnsight's own
            module = module[int(part)] if part.isdigit() else getattr(module, own)
        with torch.no_grad(), model.trace(inputs):
            if is_input(case):
                module.input = zero(module.input, case, unit)
            else:
                module.output = zero(module.output, case, unit)
            output = model.output.save()
        found.append(subject.cost(output, target) - clean)
    return torch.stack(found, 1)


class _Called(nn.Module):
    """A subject's model and its call as one module."""

    def __init__(self, subject: nd.Subject) -> None:
        super().__init__()
        self.model, self._subject = subject.model, subject

    def forward(self, inputs: Any) -> Any:
        """Call the model."""
        return output_of(self._subject, inputs)


def transformer_lens(subject: nd.Subject, case: Case, count: int) -> Tensor:
    """TransformerLens: `run_with_hooks` on `hook_z`, one pass for each head and position."""
    model = _lens_of(subject)
    inputs, target = batch_of(subject)
    tokens, layer = inputs["input_ids"], int(case.module.split(".")[2])
    with torch.no_grad():
        clean, found = subject.cost(model(tokens), target), []
        for unit in range(count):

            def patch(z: Tensor, hook: object, own: int = unit) -> Tensor:
                del hook
                z[:, own // HEADS, own % HEADS] = 0
                return z

            name = f"blocks.{layer}.attn.hook_z"
            logits = model.run_with_hooks(tokens, fwd_hooks=[(name, patch)])
            found.append(subject.cost(logits, target) - clean)
    return torch.stack(found, 1)


_LENSES: dict[int, Any] = {}


def _lens_of(subject: nd.Subject) -> Any:
    """The same decoder as a HookedTransformer, with the same weights."""
    if id(subject) in _LENSES:
        return _LENSES[id(subject)]
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights

    config = HookedTransformerConfig(
        n_layers=LAYERS, d_model=WIDTH, n_ctx=TOKENS, d_head=WIDTH // HEADS, n_heads=HEADS,
        d_vocab=512, act_fn="gelu_new", normalization_type="LN", d_mlp=4 * WIDTH,
    )  # fmt: skip
    model = HookedTransformer(config)
    model.load_state_dict(convert_gpt2_weights(subject.model, config), strict=False)
    _LENSES[id(subject)] = model.eval()
    return model


def missing() -> list[str]:
    """The peers that are not installed."""
    return [name for name in PEERS if importlib.util.find_spec(name) is None]


def contenders(case: Case) -> dict[str, Contender]:
    """The peers that are installed and can do a case."""
    found: dict[str, Contender] = {"hook loop": hook_loop}
    installed = set(PEERS) - set(missing())
    if "captum" in installed:
        found |= {f"Captum, {count} per pass": captum(count) for count in (1, 4)}
    if "nnsight" in installed:
        found["nnsight"] = nnsight
    if "transformer_lens" in installed and case.kind == "cell":
        found["TransformerLens"] = transformer_lens
    return found
