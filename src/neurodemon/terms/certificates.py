"""The certificate of a check: what was probed, and what came out."""

from dataclasses import asdict, dataclass
from typing import Any

from neurodemon.terms.text import format_table


@dataclass(frozen=True)
class Probe:
    """One thing that was tried.

    Attributes:
        name: what was tried, in a few words.
        passed: whether it came out as it must; a probe that only warns can fail here.
        detail: the numbers, and what to do where it failed.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Certificate:
    """What `nd.check` found; prints as a table.

    Attributes:
        subject: the subject's name.
        probes: in the order they were made.
        notes: what else the user should know of this model.

    Example:
        >>> print(Certificate("toy", (Probe("two runs agree", True, "bit for bit"),)))
        Check of toy
        probe           result  detail
        two runs agree  ok      bit for bit
    """

    subject: str
    probes: tuple[Probe, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every probe passed."""
        return all(probe.passed for probe in self.probes)

    def to_dict(self) -> dict[str, Any]:
        """Spell as plain values for JSON."""
        return {**asdict(self), "passed": self.passed}

    def __str__(self) -> str:
        """Print as a table."""
        rows = [
            (probe.name, "ok" if probe.passed else "WARNING", probe.detail) for probe in self.probes
        ]
        table = format_table(("probe", "result", "detail"), rows)
        return "\n".join([f"Check of {self.subject}", table, *self.notes])
