"""The subject: a model, its batches and its cost, with what was found out about them.

A subject keeps its capture, its proof and its recordings for the next verb, and drops them
when a weight or a batch has changed. It never writes on the model.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn

from neurodemon.engine.memory import memory_told
from neurodemon.engine.recording import Recording, record
from neurodemon.engine.room import Room
from neurodemon.errors import CaptureError, NeurodemonError, ReplayMismatchError, SubjectError
from neurodemon.subjects.admitting import (
    Batch,
    Cost,
    failure,
    read_batches,
    require_cost,
    require_finite,
    require_parts,
    require_placed,
)
from neurodemon.subjects.capturing import Hooking, How, hook_batches, read_how, reason_of
from neurodemon.subjects.costs import named_cost
from neurodemon.subjects.dtypes import model_in, name_dtype, to_dtype
from neurodemon.subjects.fingerprints import hash_batches, hash_code, hash_model
from neurodemon.subjects.kept import Kept, Recordings
from neurodemon.subjects.padding import Mask, Padding, read_padding, with_encoder
from neurodemon.subjects.stages import Stages
from neurodemon.terms.certificates import Certificate
from neurodemon.terms.sites import Site
from neurodemon.tracing.capture import Capture, bind, capture, capture_signature, shape_signature
from neurodemon.tracing.coverage import (
    EagerRun,
    Parity,
    require_same_runs,
    run_and_prove,
    run_eagerly,
)
from neurodemon.tracing.heads import with_heads
from neurodemon.tracing.hooked import Studied
from neurodemon.tracing.leaves import count_examples
from neurodemon.tracing.model_state import Call, call_model, studied

_USER_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)


class Subject:
    """What is studied: a model, its batches, its cost.

    Args:
        model: any `nn.Module`; read, never written.
        batches: a list, DataLoader or other re-iterable of `(inputs, target)`. Inputs are a
            tensor, a tuple (given by position) or a dict (given by keyword); examples are
            axis 0 of every tensor.
        cost: `cost(output, target) -> Tensor` of shape (example,), or a name:
            `cross_entropy`, `squared_error`, `quadratic`, `binary_cross_entropy`,
            `next_token`. Any per-example metric may stand in its place.
        better: whether a lower or a higher number is better.
        evaluate: whether to study the model in evaluation mode (it is put back after).
        name: how tables and files call it; the model's class, if left out.
        call: `call(model, inputs) -> output`, for models called in another way.
        seed: the seed it was made from, if any; kept in manifests.
        heads: pattern of sites → number of attention heads side by side in their units, for a
            model whose heads are not found by the names of its modules:
            `{"blocks.*.mix:in": 8}`.
        capture: how the model is captured: `exported` (by `torch.export`), `hooked` (its own
            forward is run again, with hooks, for each unit), or `auto` for the first that works.
        mask: `mask(inputs) -> Tensor` of shape (example, position), true where a position is
            real; at padding no demon acts and nothing is counted. Left out, the mask that goes
            in under `attention_mask` or `src_key_padding_mask` of a dict tells.

    Raises:
        SubjectError: the model is no module, or `better` is neither word.
        BatchError: the batches can be read only once.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> batches = [(torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]))]
        >>> subject = Subject(model, batches, "cross_entropy")
        >>> [site.name for site in subject.sites()]
        [':in', '0', '1', '2']
    """

    def __init__(  # noqa: PLR0913  # the public signature of DESIGN §3
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        cost: Cost | str,
        *,
        better: Literal["lower", "higher"] = "lower",
        evaluate: bool = True,
        name: str | None = None,
        call: Call | None = None,
        seed: int | None = None,
        heads: Mapping[str, int] | None = None,
        mask: Mask | None = None,
        capture: How = "auto",
    ) -> None:
        require_parts(model, batches, cost, better)
        self.model = model
        self.cost: Cost = named_cost(cost) if isinstance(cost, str) else cost
        self.better = better
        self.evaluate = evaluate
        self.name = type(model).__name__ if name is None else name
        self.call: Call = call_model if call is None else call
        self.seed = seed
        self.heads: Mapping[str, int] = {} if heads is None else heads
        self.mask = mask
        self.how: How = read_how(capture)
        self.because = ""  # why an export of the model failed, once that is known
        self.stages: Stages | None = None  # of its training, where it can be gone through again
        self.source: dict[str, str] | None = None  # whose weights they are; kept in manifests
        self.dtype: torch.dtype | None = None  # that it was brought to, by `in_dtype`
        self.room = Room()  # how much memory may be taken
        self.lent: tuple[Capture, ...] = ()  # of the same network with other weights: proved anew
        self._given = batches
        self._kept = Kept()

    def __repr__(self) -> str:
        return f"Subject({self.name!r})"

    def but(self, model: nn.Module, batches: Iterable[Batch]) -> "Subject":
        """Make the same subject with another model and batches; what was found out stays here.

        Args:
            model: in the place of this one's.
            batches: in the place of this one's.

        Returns:
            The new subject: its cost, the way to call the model, name, seed and the like are
            this one's.
        """
        made = Subject(
            model,
            list(batches),
            self.cost,
            better=self.better,
            evaluate=self.evaluate,
            name=self.name,
            call=self.call,
            seed=self.seed,
            heads=self.heads,
            mask=self.mask,
            capture=self.how,
        )
        made.because = self.because
        made.stages, made.source, made.dtype = self.stages, self.source, self.dtype
        return made

    def in_dtype(self, dtype: torch.dtype) -> "Subject":
        """Make the same subject in another precision, on copies; integers stay what they are.

        Args:
            dtype: `torch.float64`, `torch.float32`, `torch.bfloat16` or `torch.float16`.

        Returns:
            The new subject. Its model is a deep copy whose parameters and buffers are of the
            dtype, and so are the real numbers of its inputs and targets.

        Raises:
            SubjectError: the dtype is another, the model cannot be copied, or the model or
                the cost fails in this dtype.

        Example:
            >>> batches = [(torch.ones(2, 4), torch.tensor([0, 1]))]
            >>> subject = Subject(nn.Linear(4, 3), batches, "cross_entropy")
            >>> subject.in_dtype(torch.float64).recording(0).cost.dtype
            torch.float64
        """
        model = model_in(self.model, dtype)
        made = self.but(model, [to_dtype(batch, dtype) for batch in self.batches])
        made.dtype = dtype
        try:
            made.eager(made.batches[0])
        except SubjectError as error:
            raise SubjectError(f"In {name_dtype(dtype)}: {error}") from error
        return made

    def forget_recordings(self) -> None:
        """Drop the clean passes, which are made again when they are asked for."""
        self._kept.forget_recordings()

    def refresh(self) -> None:
        """Read the batches, and drop what was found out if they or the weights have changed.

        Every verb calls this once, at its start.
        """
        batches = read_batches(self._given, self.cost, self.mask)
        weights = hash_model(self.model, with_mode=not self.evaluate)
        key = (weights, hash_batches(batches), hash_code(self.model))
        if key != self._kept.key:
            for place, batch in enumerate(batches):
                require_placed(self.model, batch, place)
            self._kept = Kept(key, tuple(batches))

    @property
    def certificate(self) -> Certificate | None:
        """What `nd.check` found in the present state, if it was asked."""
        return self._kept.certificate

    @certificate.setter
    def certificate(self, found: Certificate) -> None:
        self._kept.certificate = found

    @property
    def weights_hash(self) -> str:
        """A hash of the model's weights, as of the last `refresh`."""
        return self._kept.key[0]

    @property
    def batches_hash(self) -> str:
        """A hash of all inputs and targets, as of the last `refresh`."""
        return self._kept.key[1]

    @property
    def batches(self) -> tuple[Batch, ...]:
        """The batches, read once per verb."""
        if not self._kept.batches:
            self.refresh()
        return self._kept.batches

    @property
    def n_examples(self) -> int:
        """The number of examples in all batches."""
        return sum(count_examples(batch) for batch in self.batches)

    def sites(self) -> tuple[Site, ...]:
        """The sites of the first batch's capture, in the order the forward pass takes."""
        return self.capture(0).graph.sites

    @contextlib.contextmanager
    def held(self) -> Iterator[nn.Module]:
        """Hold the model still for a while: mode, random state and fast path."""
        with studied(self.model, evaluate=self.evaluate):
            yield self.model

    def eager(self, batch: Batch, *, seed: int = 0, like: EagerRun | None = None) -> EagerRun:
        """Run the model's own forward on a batch, and check the cost it gives.

        Args:
            batch: inputs and target.
            seed: of torch's random state during the run, which is put back after.
            like: an earlier run; what is the same is held once for both.

        Returns:
            The cost per example, and what was seen at modules.

        Raises:
            SubjectError: the model or the cost fails on this batch.
            CostShapeError: the cost is not one real number per example.
        """
        try:
            with (
                memory_told(f"running {self.name} on {count_examples(batch)} examples"),
                self.held(),
            ):
                torch.manual_seed(seed)
                run = run_eagerly(self.model, batch, call=self.call, cost=self.cost, like=like)
        except _USER_ERRORS as error:
            if isinstance(error, NeurodemonError):
                raise
            raise SubjectError(failure(self.name, batch, error)) from error
        require_cost(self.model, run.cost, batch)
        return run

    def capture(self, place: int) -> Capture:
        """The capture that holds for a batch, proved on it.

        Args:
            place: the number of the batch.

        Returns:
            A capture made earlier if its graph gives the model's numbers on this batch's
            shape, else a new one.

        Raises:
            CaptureError: the model cannot be captured in the way that was asked for.
            ReplayMismatchError: its export does not give its numbers, and no other way may be.
        """
        if not self._kept.hooked and self.how != "hooked" and not self.because:
            try:
                # all batches at once, so that one way of capture holds for all
                for each in dict.fromkeys([place, *range(len(self.batches))]):
                    self._export(each)
            except (CaptureError, ReplayMismatchError) as error:
                if self.how == "exported":
                    raise
                self.because = reason_of(error)
        if self._kept.hooked or self.how == "hooked" or self.because:
            return self._hook(place)
        return self._export(place)

    def _export(self, place: int) -> Capture:
        """The capture of a batch by an export."""
        batch = self.batches[place]
        size = count_examples(batch)
        signature, kept = capture_signature(batch), self._kept.captures
        found = kept.get((signature, None)) or kept.get((signature, size))
        return found or self._capture_anew(batch, signature)

    def _hook(self, place: int) -> Capture:
        """The capture of a batch by hooks."""
        kept = self._kept
        if not kept.hooked:
            how = Hooking(
                Studied(self.model, self.call, self.cost, self.evaluate),
                lambda batch, seed, like: self.eager(batch, seed=seed, like=like),
                self.heads,
                self.because,
                may_stack=self.how == "auto",
            )
            found = hook_batches(how, self.batches)
            kept.hooked = tuple(made for made, _ in found)
            kept.proofs = {id(made): proof for made, proof in found}
        return kept.hooked[place]

    def padding(self, place: int) -> Padding:
        """Which positions of a batch are real."""
        if place not in self._kept.paddings:
            found = read_padding(self.batches[place][0], self.mask)
            seen = with_encoder(found, self.batches[place], lambda batch: self.eager(batch).sites)
            self._kept.paddings[place] = seen
        return self._kept.paddings[place]

    def proof(self, place: int) -> Parity:
        """How near the graph came to the model on the first batch of this one's shape."""
        return self._kept.proofs[id(self.capture(place))]

    def recordings(self) -> Sequence[Recording]:
        """One recording per batch, made when first asked for and kept while they fit."""
        return Recordings(len(self.batches), self.recording)

    def recording(self, place: int) -> Recording:
        """The clean pass over one batch."""
        if (kept := self._kept.recording(place)) is not None:
            return kept
        captured = self.capture(place)
        with self.held(), memory_told(f"recording batch {place}"):
            values = bind(captured.graph, self.model, self.batches[place])
            made = record(captured.graph, values, can_fold=captured.has_dynamic_batch)
        require_finite(self.model, made.cost)
        return self._kept.keep(place, made, self.room.bytes_kept(made.n_bytes))

    def _capture_anew(self, batch: Batch, signature: Any) -> Capture:
        """Capture for a batch's shape: by an earlier graph if it holds, else by a new one."""
        eager = self.eager(batch)
        known = (*self._kept.captures.values(), *self.lent)
        for earlier in {id(made): made for made in known}.values():
            with contextlib.suppress(Exception):  # it does not hold for this shape
                if earlier.has_dynamic_batch and earlier.graph.whole is None:
                    return self._keep(earlier, batch, eager, signature)
        with self.held():
            made = capture(self.model, batch, call=self.call, cost=self.cost)
        sites = with_heads(made.graph.sites, self.model, self.heads)
        made = replace(made, graph=replace(made.graph, sites=sites))
        # After the capture, so that what a user's hook keeps is real tensors again.
        with self.held():
            require_same_runs(self.model, eager, self.eager(batch, seed=1, like=eager))
        first = next(iter(self._kept.captures.values()), made)
        names = [site.name for site in made.graph.sites]
        if names != [site.name for site in first.graph.sites]:
            raise CaptureError(
                f"A batch of shape {shape_signature(batch)} of {count_examples(batch)} examples takes another way through "
                "the model than the first one; expected the same sites for all batches. Make "
                "one subject per shape."
            )
        return self._keep(made, batch, eager, signature)

    def _keep(self, made: Capture, batch: Batch, eager: EagerRun, signature: Any) -> Capture:
        """Prove a capture on a batch and keep it for that shape."""
        with self.held():
            proof = run_and_prove(made, bind(made.graph, self.model, batch), eager)
        size = None if made.has_dynamic_batch else count_examples(batch)
        self._kept.captures[signature, size] = made
        self._kept.proofs[id(made)] = proof
        return made


def refresh(subject: object) -> None:
    """Refresh a subject at the start of a verb, and refuse what is none.

    Args:
        subject: what the user handed to the verb.

    Raises:
        SubjectError: it is no subject.
    """
    if not isinstance(subject, Subject):
        raise SubjectError(
            f"subject is a {type(subject).__name__}; expected nd.Subject(model, batches, cost)."
        )
    subject.refresh()
