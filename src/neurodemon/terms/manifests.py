"""The manifest of a run: what made its numbers, so that they can be made again."""

from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1  # of the run folder; raised when older readers would misread it


@dataclass(frozen=True)
class Manifest:
    """What made a run.

    Attributes:
        verb: `predict`, `measure` or `audit`.
        subject: the subject's name.
        perturbation: as tables show it.
        plan: the plan's fingerprint; a run is resumed only by the same plan.
        weights: a hash of the model's parameters and buffers.
        batches: a hash of the inputs and targets, and of a mask of the subject's own.
        dtype: of the model's parameters.
        device: where it ran.
        seed: of the subject, where it was made from one.
        chunks: for each part: (site, first unit, one past the last unit).
        numbers_per_pass: how many numbers the widest value of one pass may hold.
        versions: of neurodemon, torch, numpy and Python.
        created: when the run began, ISO 8601, UTC.
        cost: the mean clean cost, in four digits: a run is gone on with under the same cost only.
        judged: the mean cost of outputs that were moved by chance, likewise: costs that agree on
            the model's own outputs may differ there.
        engine: how the model was captured: `exported` or `hooked`.
        format: of the run folder.
        source: whose weights they are, where the subject says so: `package`, `version`, `model`,
            `licence`, and `weights`, the SHA-256 of their file.
        allowed: of an audit with a budget, what it may measure and must reach: `budget`, `top`,
            `recall`, `confidence`, `sampling-seed`, as the command's options are named.
    """

    verb: str
    subject: str
    perturbation: str
    plan: str
    weights: str
    batches: str
    dtype: str
    device: str
    seed: int | None
    chunks: tuple[tuple[str, int, int], ...]
    numbers_per_pass: int
    versions: dict[str, str]
    created: str
    cost: str = ""
    judged: str = ""
    engine: str = ""
    format: int = FORMAT
    source: dict[str, str] | None = None
    allowed: dict[str, str | int | float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Spell as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Manifest":
        """Read back what `to_dict` spelled."""
        chunks = tuple((str(site), int(first), int(last)) for site, first, last in values["chunks"])
        return cls(**{**values, "chunks": chunks})
