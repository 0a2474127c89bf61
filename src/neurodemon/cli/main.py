"""The command line: which commands there are, and how it is started.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from neurodemon.cli.asking import question
from neurodemon.cli.book import book
from neurodemon.cli.commands import audit, check, measure, predict, show, sites
from neurodemon.cli.exploring import curve, headroom
from neurodemon.cli.options import examples
from neurodemon.cli.report_command import report

app = typer.Typer(
    help="Put a demon into any unit of any PyTorch model: predict, measure, judge.",
    epilog=examples("audit digits", 'measure digits "relu1[0:8]" --json', "audit my.py:subject"),
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # "fc1[out=1]" in a help text is no markup
)

app.command(epilog=examples("sites digits", "sites my.py:subject --json"))(sites)
app.command(epilog=examples("check my.py:subject"))(check)
app.command(
    epilog=examples(
        "predict digits",
        "predict digits relu1 --predictor link --top 5",
        "predict digits -p add=-1 --out runs/promised",
    )
)(predict)
app.command(
    epilog=examples(
        "measure digits",
        'measure digits "relu1[0:8], relu2[3]" --perturbation mean',
        "measure my.py:subject --out runs/a",
    )
)(measure)
app.command(
    epilog=examples(
        "audit digits",
        "audit mnist --mnist ~/mnist --examples 200",
        "audit saturated -p add=-1",
        "audit my.py:subject --out runs/b",
    )
)(audit)
app.command(
    epilog=examples(
        "curve saturated",
        "curve saturated:0.6,0.9 --at=-1,-4",
        'curve digits "fc1[5]" --scope each --plot curve.png',
    )
)(curve)
app.command(
    epilog=examples(
        "headroom digits",
        "headroom digits fc1 --scope each --top 32",
        "headroom kink:2",
        "headroom my.py:subject --radius 1std --out runs/c",
    )
)(headroom)
app.command(
    epilog=examples(
        "question digits",
        "question digits fc1 --steps 0,100,1260 --scope each",
        "question digits --out runs/q --plot figures",
        "question my.py:subject --checkpoints checkpoints --json",
    )
)(question)
app.command(epilog=examples("show runs/a", "show runs/b --top 30", "show runs/b --json"))(show)
app.command(
    epilog=examples(
        "report runs/b", "report runs/b --out b.html --png slides", "report runs/b --top 200"
    )
)(report)
app.add_typer(book, name="book")


def main() -> None:
    """Run the command line, and leave with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a δ must not break a console without it
    app()


def _say_version(is_asked: bool) -> bool:
    """Print the version and leave, if asked."""
    if is_asked:
        typer.echo(f"neurodemon {version('neurodemon')}")
        raise typer.Exit
    return is_asked


@app.callback()
def _every_command(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
