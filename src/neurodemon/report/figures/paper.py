"""Paper: what figures are drawn on. One look for all, whatever the user's own settings are.

matplotlib's settings are global; they are set for the time of drawing and then put back. A
figure is never registered with pyplot, so that it opens no window and is freed when dropped.
"""

import contextlib
import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

Format = Literal["png", "svg"]
SMALLEST = 8  # pt, of any letter
LETTERS_PER_INCH = 15  # of the caption, at the smallest size
TITLE_LETTERS_PER_INCH = 11.5
LINE = 0.15  # inches, of the caption
LEGEND_AREA = 22  # pt², of a point in the legend, however small it is in the panels
LONGEST_NAME = 40  # letters of a site or unit; what tells names apart stands at their end

STYLE: Any = {  # matplotlib types its names as literals in some versions, as str in others
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
    "legend.fontsize": SMALLEST,
    "legend.title_fontsize": SMALLEST,
    "legend.frameon": False,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "neurodemon",  # else each file has other names inside
}


class Drawing(Figure):
    """A matplotlib figure that shows itself in notebooks, and says in words what is on it.

    Attributes:
        alt: what the figure shows, for those who cannot see it.
    """

    alt: str = ""

    def _repr_png_(self) -> bytes:
        """Show in notebooks, `%matplotlib inline` or not."""
        return render(self, "png")


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draw in our style; afterwards matplotlib's settings are what they were."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def new_drawing(title: str, width: float, height: float, *, alt: str) -> Drawing:
    """Take a new sheet.

    Args:
        title: above everything, at the left.
        width: in inches.
        height: in inches.
        alt: what the figure shows, in words.

    Returns:
        The empty figure.
    """
    drawing = Drawing(figsize=(width, height), layout="constrained", facecolor="white")
    letters = int(width * TITLE_LETTERS_PER_INCH)
    lines = [textwrap.fill(plain(line), letters) for line in title.splitlines()]
    drawing.suptitle("\n".join(lines), x=0.01, ha="left")
    drawing.alt = alt
    return drawing


def write_caption(drawing: Drawing, sentences: Sequence[str]) -> None:
    """Write what the reader must know under a figure; room is made for it."""
    text = " ".join(sentence for sentence in sentences if sentence)
    if text:
        width = int(drawing.get_figwidth() * LETTERS_PER_INCH)
        lines = textwrap.wrap(plain(text), width)
        drawing.set_figheight(drawing.get_figheight() + LINE * (len(lines) - 1))
        drawing.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=SMALLEST, color="0.3")
        drawing.alt = f"{drawing.alt} {text}"


def write_legend(drawing: Drawing, handles: Sequence[Artist], title: str | None = None) -> None:
    """Put the legend at the right of the panels, where it hides neither them nor the title."""
    labels = [str(handle.get_label()) for handle in handles]
    legend = drawing.legend(
        handles, labels, loc="outside right center", title=title, alignment="left"
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([LEGEND_AREA])
            handle.set_alpha(1)


def say_empty(axes: Axes, text: str) -> None:
    """Say in the middle of a panel why there is nothing in it."""
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.4",
        fontsize=SMALLEST,
    )  # fmt: skip


def plain(text: str) -> str:
    r"""Spell text so that matplotlib takes it as it is.

    Args:
        text: anything, names of modules among it.

    Returns:
        The text, its dollars no formulas, its beginning no sign to leave it out of a legend.

    Example:
        >>> plain("_orig_mod.fc$1")
        ' _orig_mod.fc\\$1'
    """
    escaped = text.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def number(value: float) -> str:
    """Spell a number with four figures and a true minus."""
    return f"{value:.4g}".replace("-", "−")


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """Spell the name of a site or a unit; of a long one the end, which tells it apart."""
    return plain(text if len(text) <= longest else f"…{text[1 - longest :]}")


@own_style()
def render(drawing: Drawing, form: Format) -> bytes:
    """Print a figure; the same figure gives the same bytes.

    Args:
        drawing: the figure.
        form: `png` or `svg`.

    Returns:
        The content of the file, title and description in its metadata.
    """
    title = " ".join(drawing.get_suptitle().replace(r"\$", "$").split())
    said = {"Title": title, "Description": drawing.alt}
    own: dict[Format, dict[str, str | None]] = {
        "png": {**said, "Software": "neurodemon"},
        "svg": {**said, "Creator": "neurodemon", "Date": None},
    }
    buffer = io.BytesIO()
    drawing.savefig(buffer, format=form, metadata=own[form])
    return buffer.getvalue()
