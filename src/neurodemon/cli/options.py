"""The arguments and options that commands share, each described once."""

from pathlib import Path
from typing import Annotated

import typer

from neurodemon.errors import BudgetError
from neurodemon.terms.byte_sizes import parse_bytes

SubjectText = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT",
        help="digits, mnist, lost-digit, minilm, saturated, kink, chain or xor (saturated:0.6,0.9 "
        "and kink:0.5,2 with numbers); or your own: file.py:factory or package.module:factory.",
    ),
]
UnitsText = Annotated[
    str | None,
    typer.Argument(
        metavar="UNITS",
        help='Which units: "relu1", "fc1[0:12], conv1[3]@5", "layers.*.fc1", "fc1/position". '
        "Left out: each hidden neuron and channel once.",
        show_default=False,
    ),
]
UnitText = Annotated[
    str | None,
    typer.Argument(
        metavar="UNIT",
        help='Which unit: "fc1[3]", "conv1[3]@5". May be left out where there is only one.',
        show_default=False,
    ),
]
RadiusText = Annotated[
    str,
    typer.Option(
        "--radius",
        metavar="TEXT",
        help="How far a demon may go, both ways: 4std (times the unit's own std of z) or 2.",
    ),
]
ScopeName = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="NAME",
        help="Who shares the Δz: shared (one for all examples) or each (its own for each example).",
    ),
]
StepNumbers = Annotated[
    str | None,
    typer.Option(
        "--steps",
        metavar="N,…",
        help="After which steps of training, such as 0,100,1260. Left out: the untrained and the "
        "trained network and a few between.",
        show_default=False,
    ),
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option(
        "--checkpoints",
        metavar="DIR",
        help="A folder of safetensors files kept while training, each with its step in its name.",
        show_default=False,
    ),
]
ScopeNames = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="NAME",
        help="Who shares the Δz: shared (one for all examples), each (its own for each), or both.",
    ),
]
PointCount = Annotated[
    int,
    typer.Option(
        "--points", metavar="N", min=3, max=100_001, help="How many Δz, evenly over the radius."
    ),
]
FurtherDz = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DZ,…",
        help="Further Δz that must be among the points, such as --at=-1,-4.",
        show_default=False,
    ),
]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder of a run, as --out made it.")
]
PerturbationText = Annotated[
    str,
    typer.Option(
        "--perturbation",
        "-p",
        metavar="TEXT",
        help="What each demon does: zero, mean, add=NUMBER, add=NUMBERstd, scale=NUMBER, "
        "set=NUMBER, noise=NUMBER[:SEED], resample[=SEED].",
    ),
]
PredictorName = Annotated[
    str,
    typer.Option(
        "--predictor",
        metavar="NAME",
        help="tangent, first_order, link, linear_logits; auto takes the best that applies.",
    ),
]
NewFolder = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Save the run in this new folder.", show_default=False
    ),
]


def _require_size(text: str | None) -> str | None:
    """Refuse what is no size of memory before anything is loaded or trained."""
    try:
        if text is not None:
            parse_bytes(text)
    except BudgetError as error:
        raise typer.BadParameter(str(error)) from error
    return text


MemorySize = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="How much memory may be taken beyond the model and the batches: 2GB, 500MB. Left "
        "out: as much as there is; where it runs out, passes are halved.",
        callback=_require_size,
        show_default=False,
    ),
]
RunningFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Save the run in this folder as it goes; given again, go on where it stopped.",
        show_default=False,
    ),
]
Top = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="How many units the table shows.")
]
BudgetText = Annotated[
    str,
    typer.Option(
        "--budget",
        metavar="TEXT",
        help="How much to measure: all; a share of all (unit, example) pairs, 10%; so many, 5000; "
        "or a time, 2min.",
    ),
]
LeaderCount = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="K",
        min=1,
        help="How many leaders to find, the units of largest |mean effect|, and to show. Left out: "
        "50 are found and 10 shown.",
        show_default=False,
    ),
]
RecallShare = Annotated[
    float,
    typer.Option(
        "--recall",
        metavar="SHARE",
        help="The share of the true top K that is enough: then a budget is not spent to its end.",
    ),
]
ConfidenceShare = Annotated[
    float,
    typer.Option(
        "--confidence", metavar="SHARE", help="How surely, and how often an interval holds."
    ),
]
SamplingSeed = Annotated[
    int | None,
    typer.Option(
        "--sampling-seed",
        metavar="N",
        min=0,
        help="Of what a budgeted audit draws at random. Left out: as --seed, else 0.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, all units included, and no table.")
]
MnistFolder = Annotated[
    Path | None,
    typer.Option(
        "--mnist",
        metavar="DIR",
        help="The folder of MNIST's IDX files, for mnist and lost-digit; else NEURODEMON_MNIST says it.",
        show_default=False,
    ),
]
ExampleCount = Annotated[
    int | None,
    typer.Option(
        "--examples",
        metavar="N",
        min=1,
        help="How many test images, for digits (500 if left out), mnist and lost-digit (1,000); "
        "pairs of sentences, for minilm (200).",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="Of the training, for digits and mnist, or of the sentences, for minilm (0 if left out).",
        show_default=False,
    ),
]
DtypeName = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Bring the model and its real numbers to float64, float32, bfloat16 or float16, on "
        "copies. Left out: as they are.",
        show_default=False,
    ),
]
CaptureWay = Annotated[
    str | None,
    typer.Option(
        "--capture",
        metavar="NAME",
        help="How the model is captured: exported (by torch.export), hooked (its own forward runs "
        "again for each unit) or auto, the first that works. Left out: as the subject says.",
        show_default=False,
    ),
]
PlotFile = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="PATH",
        help="Draw it as well: a file that ends in .png or .svg, or a folder for both.",
        show_default=False,
    ),
]
PlotFolder = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="DIR",
        help="Draw it as well: a folder for the figures, each as PNG and SVG.",
        show_default=False,
    ),
]
Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show the whole traceback of an error.")
]


def examples(*commands: str) -> str:
    r"""Spell examples for the end of a help page.

    Args:
        commands: without the `neurodemon` before them.

    Returns:
        The text, marked so that its lines stay lines.

    Example:
        >>> examples("check kink")
        '\x08\nExamples:\n  neurodemon check kink'
    """
    lines = (f"  neurodemon {command}" for command in commands)
    return "\n".join(["\b", "Examples:", *lines])
