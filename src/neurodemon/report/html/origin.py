"""Where the numbers come from: what made them, and the command that makes them again."""

import re
import shlex
from collections.abc import Sequence
from itertools import groupby

from neurodemon.report.html.markup import Markup, element, joined, paragraphs, section
from neurodemon.report.html.tables import facts
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest

UNKNOWN = "unknown"  # what a saved result says that came without a manifest
# The built-in subjects, and which options they have; a test holds both to those of `subjects`.
BUILT_IN = ("digits", "mnist", "lost-digit", "minilm", "saturated", "kink", "chain", "xor")
WITH_SEED = ("digits", "mnist", "minilm")
WITH_EXAMPLES = ("digits", "mnist", "lost-digit", "minilm")
OWN = "file.py:factory"  # stands for a subject that is somebody's own
LONGEST = 400  # letters of the units in a command
FACTS = {
    "verb": "verb",
    "subject": "subject",
    "perturbation": "what the demon does",
    "cost": "mean clean cost",
    "dtype": "dtype",
    "device": "device",
    "seed": "seed",
    "created": "begun",
    "weights": "hash of the weights",
    "batches": "hash of the batches",
    "plan": "hash of the plan",
}


def origin(
    manifest: Manifest | None, effects: Effects | None, options: Sequence[str] = ()
) -> Markup:
    """Say what made the numbers, and how to make them again.

    Args:
        manifest: of the run, if it has one.
        effects: its rows, if it has any.
        options: of the command that the manifest does not know.

    Returns:
        The section.
    """
    if manifest is None or manifest.verb == UNKNOWN:
        text = "This result came without a manifest: it does not say what made it."
        return section("What made these numbers", paragraphs([text]))
    rows = [(words, getattr(manifest, name)) for name, words in FACTS.items()]
    source = (manifest.source or {}).items()
    return joined([
        section(
            "How to make it again",
            element("pre", element("code", command_of(manifest, effects, options))),
            paragraphs(_hints(manifest)),
        ),
        section(
            "What made these numbers",
            facts([
                *((words, "" if value is None else str(value)) for words, value in rows),
                ("versions", ", ".join(f"{name} {v}" for name, v in manifest.versions.items())),
                *((f"source: {name}", str(value)) for name, value in source),
            ]),
        ),
    ])


def audit_options(audit: Audit) -> list[str]:
    """Spell what an audit was allowed; nothing for one that measured all.

    Args:
        audit: what was found.

    Returns:
        Options of the command.
    """
    work, certificate = audit.work, audit.certificate
    if certificate.kind == "exact":
        return []
    is_of_pairs = 0 < work.budget < work.all_measurements  # else it was a time that ended it
    return [
        f"--budget={work.budget if is_of_pairs else work.measurements}",
        f"--top={certificate.top}",
        f"--confidence={certificate.confidence:g}",
        f"--sampling-seed={audit.seed}",
    ]


def command_of(manifest: Manifest, effects: Effects | None, options: Sequence[str] = ()) -> str:
    """Spell the command that makes a run again, as far as its manifest knows.

    Args:
        manifest: of the run.
        effects: its rows, if it has any.
        options: that the manifest does not know.

    Returns:
        Lines for a shell, an option on each.
    """
    kind = manifest.subject.partition(":")[0]
    is_ours = kind in BUILT_IN
    words = ["neurodemon", manifest.verb, manifest.subject if is_ours else OWN]
    if effects is not None and len(effects):
        words += _units(effects)
    words += _demon(manifest.perturbation)
    if effects is not None and manifest.verb in {"predict", "audit"}:
        words += [f"--predictor={name}" for name in _once(effects["predictor"])[:1]]
    if effects is not None and kind in WITH_EXAMPLES:
        words += [f"--examples={number}" for number in _once(effects["n_examples"])[:1]]
    if kind in WITH_SEED and manifest.seed is not None:
        words.append(f"--seed={manifest.seed}")
    words += options or [f"--{name}={value}" for name, value in (manifest.allowed or {}).items()]
    named = [word for word in words if not word.startswith("--")]
    lines = [shlex.quote(word) for word in words if word.startswith("--")]
    return " \\\n    ".join([shlex.join(named), *lines])


def _demon(perturbation: str) -> list[str]:
    """Spell a perturbation, or a radius and its scope, as options."""
    if found := re.fullmatch(r"best Δz within (.*), (.*)", perturbation):
        radius, scope = found.groups()
        return [
            f"--radius={radius.replace('·', '')}",
            f"--scope={'both' if ' and ' in scope else scope}",
        ]
    found = re.fullmatch(r"(\w+)\((.*)\)", perturbation)
    if found is None:
        return [f"--perturbation={perturbation}"]
    name, value = found.groups()
    amount = value.replace("·", "").replace(", seed=", ":").removeprefix("seed=")
    return [f"--perturbation={name}={amount}"]


def _units(effects: Effects) -> list[str]:
    """Spell the units as one selection; their sites, where that would be too long."""
    columns = (effects[name] for name in ("site", "kind", "unit", "position"))
    spelled = dict.fromkeys(zip(*columns, effects.spelled, strict=True))
    rows = [
        (site, index if _is_plain(site, index, position, name) else None, name)
        for site, _, index, position, name in spelled
    ]
    runs = groupby(enumerate(rows), key=lambda one: (one[1][0], _run_of(*one)))
    text = ", ".join(_spell_run([row for _, row in run]) for _, run in runs)
    return [text] if len(text) <= LONGEST else [", ".join(_once(effects["site"]))]


def _is_plain(site: str, index: int | None, position: int | None, name: str) -> bool:
    """Whether a unit is spelled by its site and number alone, so that runs of it can be."""
    return position is None and name == f"{site}[{index}]"


def _run_of(place: int, row: tuple[str, int | None, str]) -> object:
    """Tell runs of neighbours apart: within one, number − place stays the same."""
    _, index, name = row
    return name if index is None else index - place


def _spell_run(rows: list[tuple[str, int | None, str]]) -> str:
    """Spell a run of neighbours."""
    site, first, name = rows[0]
    return name if first is None or len(rows) == 1 else f"{site}[{first}:{first + len(rows)}]"


def _hints(manifest: Manifest) -> list[str]:
    """Say what the command leaves open."""
    is_ours = manifest.subject.partition(":")[0] in BUILT_IN
    versions = ", ".join(f"{name}=={v}" for name, v in manifest.versions.items())
    return [
        ""
        if is_ours
        else f"The subject “{manifest.subject}” is somebody's own: put the file and the function "
        f"that make it where {OWN} stands, and the units where they differ.",
        "If it was patched with other inputs, only Python can do that."
        if manifest.perturbation == "patch"
        else "",
        f"The versions were {versions}. The run is the same if the hashes of weights and batches "
        "below are; the numbers then agree but for the rounding of another machine."
        if versions
        else "",
    ]


def _once(values: list[object]) -> list[str]:
    """Take what there is, each once, as text."""
    return list(dict.fromkeys(str(value) for value in values if value is not None))
