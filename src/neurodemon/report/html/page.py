"""The page: one file that needs nothing else, for people who know nothing of the run.

No address is in it that a browser would ask, and its policy forbids to ask any. Light or dark,
on paper, by keyboard and without scripts it says the same.
"""

import base64
import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from neurodemon.errors import StoreError
from neurodemon.report.html.audit import audit_sections
from neurodemon.report.html.effects import effects_sections, question_in_words, remarks
from neurodemon.report.html.headroom import has_headroom, headroom_in_words, headroom_sections
from neurodemon.report.html.markup import Markup, element, joined, paragraphs, section
from neurodemon.report.html.origin import audit_options, origin
from neurodemon.report.html.question import question_sections
from neurodemon.report.html.words import legend
from neurodemon.store.files import explain_disk_errors, write_whole
from neurodemon.terms.audits import Audit
from neurodemon.terms.effects import Effects
from neurodemon.terms.manifests import Manifest
from neurodemon.terms.questions import Question

MARK = b'<meta name="generator" content="neurodemon report">'  # of our own files
TITLES = {
    "predict": "Predictions for",
    "measure": "Measurements of",
    "audit": "Audit of",
    "headroom": "Headroom of",
    "question": "Is influence error, in",
}
HEAD_BYTES = 2_000  # of a file, in which the mark stands


@dataclass(frozen=True)
class Shown:
    """What a page shows.

    Attributes:
        result: what was found.
        missing: what an interrupted run lacks, in words; empty if it is complete.
        top: how many units are listed.
    """

    result: Effects | Audit | Question
    missing: str = ""
    top: int = 50

    @property
    def effects(self) -> Effects | None:
        """The rows; None if there are none."""
        return self.result if isinstance(self.result, Effects) else self.result.effects

    @property
    def manifest(self) -> Manifest | None:
        """What made it."""
        if isinstance(self.result, Question):
            return self.result.manifest
        return None if self.effects is None else self.effects.manifest

    @property
    def notes(self) -> tuple[str, ...]:
        """What its reader should know."""
        if isinstance(self.result, Question):
            return self.result.notes
        return () if self.effects is None else self.effects.notes


def write_page(shown: Shown, path: Path) -> None:
    """Write the page of a result; whole or not at all.

    Args:
        shown: what it shows.
        path: where to; a report of ours is replaced, any other file is refused.
    """
    require_free(path)
    with explain_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render_page(shown).encode())


def require_free(path: Path) -> None:
    """Refuse to write over what is no report of ours.

    Args:
        path: where the page shall be.

    Raises:
        StoreError: a folder or another file is there.
    """
    if not path.exists():
        return
    if path.is_file():
        with explain_disk_errors(path), path.open("rb") as file:
            if MARK in file.read(HEAD_BYTES):
                return
    raise StoreError(
        f"'{path}' is there and is no report of neurodemon; expected a new path, or an older "
        "report, which is replaced. Give another path with --out."
    )


def render_page(shown: Shown) -> str:
    """Make the page.

    Args:
        shown: what it shows.

    Returns:
        The whole HTML file as text.
    """
    title = _title(shown)
    main = element(
        "main",
        element("header", element("h1", title), element("p", _question(shown), class_="asked")),
        _banner(shown.missing),
        legend(),
        _sections(shown),
        section("What to know beside", remarks(shown.effects, shown.notes)),
        origin(
            shown.manifest,
            shown.effects,
            audit_options(shown.result) if isinstance(shown.result, Audit) else (),
        ),
    )
    footer = element(
        "footer",
        element("p", f"Written by neurodemon {version('neurodemon')}. This file needs no network."),
    )
    body = element("body", main, footer, element("script", _asset("page.js")))
    return f'<!doctype html>\n<html lang="en">{_head(title)}{body}</html>\n'


def _head(title: str) -> Markup:
    """Make the head: our mark, the policy that forbids all requests, the style."""
    script = hashlib.sha256(_asset("page.js").encode()).digest()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{base64.b64encode(script).decode()}'"
    )
    return joined([
        Markup('<head><meta charset="utf-8">'),
        Markup(MARK.decode()),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", _asset("page.css")),
        Markup("</head>"),
    ])


def _asset(name: str) -> Markup:
    """Read a file that lies beside this one; our own, so that nothing is escaped."""
    return Markup((files("neurodemon.report.html") / name).read_text("utf-8"))


def _title(shown: Shown) -> str:
    """Name the page."""
    manifest = shown.manifest
    verb = "" if manifest is None else manifest.verb
    whose = "a model" if manifest is None else manifest.subject
    return f"{TITLES.get(verb, 'Effects of demons in')} {whose}"


def _question(shown: Shown) -> str:
    """Say what was asked."""
    if not isinstance(shown.result, Effects):
        return shown.result.question
    if has_headroom(shown.result):
        return headroom_in_words(shown.result)
    return question_in_words(shown.result)


def _banner(missing: str) -> Markup:
    """Say at the top that a run is not complete."""
    if not missing:
        return Markup("")
    return element(
        "div", element("h2", "This run is not complete"), paragraphs([missing]), class_="warning"
    )


def _sections(shown: Shown) -> Markup:
    """Lay out what was found, as its kind wants it."""
    if isinstance(shown.result, Audit):
        return audit_sections(shown.result, shown.top)
    if isinstance(shown.result, Question):
        return question_sections(shown.result)
    if has_headroom(shown.result):
        return headroom_sections(shown.result, shown.top)
    return effects_sections(shown.result, shown.top)
