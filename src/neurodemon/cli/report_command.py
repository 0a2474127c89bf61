"""The command `report`: one page of a stored run, and figures for slides beside it."""

from pathlib import Path
from typing import Annotated

import typer

from neurodemon.cli.options import RunFolder, Traceback
from neurodemon.cli.shell import guarded

PageFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where to write the page; report.html in the run's folder, if left out.",
        show_default=False,
    ),
]
SlideFile = Annotated[
    Path | None,
    typer.Option(
        "--png",
        metavar="PATH",
        help="The figure for slides as well: a file that ends in .png, or a folder for PNG and SVG.",
        show_default=False,
    ),
]
Listed = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="How many units the page lists.")
]


def report(
    run: RunFolder,
    out: PageFile = None,
    png: SlideFile = None,
    top: Listed = 50,
    traceback: Traceback = False,
) -> None:
    """Write one page about a run that was saved with --out.

    A single HTML file for people who were not there: the answer first, then the units, what may
    be trusted, what was proved, what it cost, and how to make it again. It needs no network;
    neither the model nor torch is needed.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.plotting import plot_to, require_plot
        from neurodemon.jobs.reporting import report as write

        require_plot(png)
        written = write(run, out, top=top)
        typer.echo(f"Written: {written.path}")
        if not written.is_complete:
            typer.echo("note: the run is not complete; the page says so.", err=True)
        plot_to(written.result, png)
