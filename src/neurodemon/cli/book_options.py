"""The options of `neurodemon book`, each described once, and how lists of numbers are read."""

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

Number = TypeVar("Number", int, float)


class Start(StrEnum):
    """The two starts of the book."""

    large = "large"
    default = "default"


class CostName(StrEnum):
    """The two costs of the book."""

    quadratic = "quadratic"
    cross_entropy = "cross_entropy"


BookJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no table.")]
BookMnist = Annotated[
    Path | None,
    typer.Option(
        "--mnist",
        metavar="DIR",
        help="The folder of MNIST's IDX files; else NEURODEMON_MNIST says it.",
        show_default=False,
    ),
]
BookSeed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of all that is drawn.")
]
Sizes = Annotated[
    str | None,
    typer.Option(
        "--sizes",
        metavar="N,N,…",
        help="Inputs, then neurons in each layer; 2,3,1 if left out.",
        show_default=False,
    ),
]
ReplaySizes = Annotated[
    str,
    typer.Option("--sizes", metavar="N,N,…", help="Pixels, then neurons in each layer."),
]
NetworkFile = Annotated[
    Path | None,
    typer.Option(
        "--network",
        metavar="FILE",
        help="A network in the book's JSON format (save of network2.py), in place of a drawn one.",
        show_default=False,
    ),
]
SmallCost = Annotated[
    CostName | None,
    typer.Option(
        "--cost",
        help="The cost; left out, the file's own, else quadratic.",
        show_default=False,
    ),
]
InputNumbers = Annotated[
    str | None,
    typer.Option(
        "--x",
        metavar="X,X,…",
        help="The inputs; drawn from [0, 1) if left out.",
        show_default=False,
    ),
]
TargetNumbers = Annotated[
    str | None,
    typer.Option(
        "--y", metavar="Y,Y,…", help="The targets; 0 or 1 drawn if left out.", show_default=False
    ),
]
Epochs = Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="How long to train.")]
Lmbda = Annotated[
    float,
    typer.Option("--lmbda", metavar="λ", help="Of the L2 penalty; the book regularises with 0.1."),
]
Eta = Annotated[float, typer.Option("--eta", metavar="η", help="The learning rate.")]
Images = Annotated[
    int, typer.Option("--images", metavar="N", min=1, help="How many training images.")
]
Init = Annotated[Start, typer.Option("--init", help="Which of the book's two starts.")]
AuthorsFile = Annotated[
    Path | None,
    typer.Option(
        "--book",
        metavar="FILE",
        help="The author's overfitting.json, or four lists like it, to stand beside; else it is "
        "looked for in NEURODEMON_BOOK, then in ../shared/book.",
        show_default=False,
    ),
]
Hidden = Annotated[
    int, typer.Option("--hidden", metavar="2|3", min=2, max=3, help="How many hidden layers.")
]
Steps = Annotated[int, typer.Option("--steps", metavar="N", min=1, help="How many steps to take.")]


def read_sizes(text: str) -> tuple[int, ...]:
    """Read the sizes of layers.

    Args:
        text: whole numbers with commas between them.

    Returns:
        The sizes; anything else ends the command as a wrong call.

    Example:
        >>> read_sizes("784,30,10")
        (784, 30, 10)
    """
    return _read_numbers("--sizes", text, int, "whole numbers, as in 784,30,10")


def read_reals(option: str, text: str | None) -> tuple[float, ...] | None:
    """Read numbers, if any were given.

    Args:
        option: whose they are.
        text: finite numbers with commas between them.

    Returns:
        The numbers; anything else ends the command as a wrong call.
    """
    if text is None:
        return None
    return _read_numbers(option, text, _finite, "finite numbers, as in 0.5,1")


def _read_numbers(
    option: str, text: str, read: Callable[[str], Number], expected: str
) -> tuple[Number, ...]:
    """Read numbers with commas between them."""
    try:
        return tuple(read(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} was given; expected {expected}.", param_hint=f"'{option}'"
        ) from None


def _finite(text: str) -> float:
    """Read a finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
