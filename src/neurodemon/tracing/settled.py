"""Settled: whether an export needs the pass that frees it of in-place operations, or is free.

`run_decompositions` traces the whole graph once more, which takes longer than the export. Where
no operation writes into its input, all it does is to spell a few operations otherwise; these are
spelt here.
"""

from typing import Any

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from neurodemon.tracing.operations import aten

# They write into buffers without saying so, draw at random, or hide a value from gradients.
UNSETTLED = {
    "batch_norm", "instance_norm", "detach", "lift_fresh_copy", "lift_fresh", "rrelu",
    "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "native_dropout",
}  # fmt: skip
# They return their input or a copy of it; all other operations that may do so are not settled.
COPIES = {
    aten.dropout.default, aten.contiguous.default, aten.to.dtype, aten.to.dtype_layout,
    aten.to.device, aten.to.other,
}  # fmt: skip


def is_settled(program: ExportedProgram, *, is_training: bool) -> bool:
    """Say whether an export can be read as it is.

    Args:
        program: as `torch.export` made it.
        is_training: whether any module is in training mode, where layers may write into buffers.

    Returns:
        True if no operation of it writes into a tensor, holds a graph of its own, or would be
        another one after `run_decompositions`, but for those that `spell` knows.
    """
    nodes = program.graph_module.graph.nodes
    return not is_training and all(_is_settled(node) for node in nodes)


def spell(node: fx.Node) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Spell a call as `run_decompositions` would.

    Args:
        node: of an export.

    Returns:
        Operation, arguments and keywords, those of `torch.fx`.
    """
    target: Any = node.target
    if target not in COPIES or not _is_plain_copy(node):
        return target, node.args, dict(node.kwargs)
    before, after = node.all_input_nodes[0].meta["val"], node.meta["val"]
    if target is aten.contiguous.default:
        return aten.clone.default, node.args[:1], {"memory_format": torch.contiguous_format}
    if before.dtype == after.dtype:
        return aten.clone.default, node.args[:1], {}
    return aten._to_copy.default, node.args[:1], {"dtype": after.dtype}  # noqa: SLF001  # its name


def _is_settled(node: fx.Node) -> bool:
    """Whether `run_decompositions` would leave a node as it is, or as `spell` has it."""
    target: Any = node.target
    if node.op != "call_function" or target.__module__ == "_operator":
        return True  # a placeholder, or arithmetic of sizes
    is_operation = isinstance(target, torch._ops.OpOverload)  # noqa: SLF001  # has no other name
    if not is_operation or target.namespace != "aten":
        return False
    if target in COPIES:
        return _is_plain_copy(node)
    return target is aten.reshape.default or _is_kept(target)


def _is_kept(operation: Any) -> bool:
    """Whether `run_decompositions` keeps an operation: pure, and not taken apart for aliasing."""
    schema = operation._schema  # noqa: SLF001  # torch's own description of an operation
    if schema.is_mutable or schema.name.removeprefix("aten::") in UNSETTLED:
        return False
    may_alias = any(each.alias_info is not None for each in (*schema.arguments, *schema.returns))
    is_composite = operation.has_kernel_for_dispatch_key(
        torch._C.DispatchKey.CompositeImplicitAutograd  # noqa: SLF001  # has no other name
    )
    return not (may_alias and is_composite)


def _is_plain_copy(node: fx.Node) -> bool:
    """Whether a copy changes nothing but its dtype, and is not a dropout that draws."""
    if node.target is aten.dropout.default and node.args[2:] != (False,):
        return False
    before, after = node.all_input_nodes[0].meta.get("val"), node.meta.get("val")
    if not isinstance(before, Tensor) or not isinstance(after, Tensor):
        return False
    return before.device == after.device and before.layout == after.layout
