"""The book's own file format for a network: the JSON text of `network2.py`'s `save`.

Sizes, weights, biases (columns of one number each, as there) and the name of the cost. Text in,
text out: files are the caller's. Source: Nielsen's `network2.py`, `save` and `load`.
"""

import json
from typing import Any

import numpy as np

from neurodemon.book.costs import Cost, find_cost
from neurodemon.book.network import Network
from neurodemon.errors import SubjectError

KEYS = ("sizes", "weights", "biases", "cost")


def write_saved(network: Network, cost: Cost) -> str:
    """Write a network as the book's programs do.

    Args:
        network: the network.
        cost: the cost it was trained under.

    Returns:
        The JSON text; numbers are written so that they come back bit for bit.

    Example:
        >>> network = Network((np.array([[0.5]]),), (np.array([2.0]),))
        >>> write_saved(network, find_cost("quadratic"))
        '{"sizes": [1, 1], "weights": [[[0.5]]], "biases": [[[2.0]]], "cost": "QuadraticCost"}'
    """
    content = {
        "sizes": list(network.sizes),
        "weights": [weight.tolist() for weight in network.weights],
        "biases": [bias[:, None].tolist() for bias in network.biases],
        "cost": cost.book_name,
    }
    return json.dumps(content)


def read_saved(text: str) -> tuple[Network, Cost]:
    """Read a network that the book's programs, or `write_saved`, have written.

    Args:
        text: the JSON text.

    Returns:
        The network and the cost it was trained under.

    Raises:
        SubjectError: the text is not such a network, or its parts do not fit.
    """
    content = _parse(text)
    try:
        weights = tuple(np.array(weight, np.float64) for weight in content["weights"])
        biases = tuple(np.array(bias, np.float64).reshape(-1) for bias in content["biases"])
        ranks = {weight.ndim for weight in weights}
        sizes = tuple(int(size) for size in content["sizes"])
    except (TypeError, ValueError, OverflowError) as error:
        raise SubjectError(_refuse(f"a part that is no list of numbers ({error})")) from error
    if ranks != {2}:
        raise SubjectError(_refuse(f"weights with {sorted(ranks)} axes"))
    network = Network(weights, biases)
    if network.sizes != sizes:
        raise SubjectError(_refuse(f"sizes {list(sizes)} beside layers {list(network.sizes)}"))
    if not all(np.isfinite(part).all() for part in (*weights, *biases)):
        raise SubjectError(_refuse("a number that is not finite"))
    return network, find_cost(str(content["cost"]))


def _parse(text: str) -> dict[str, Any]:
    """Parse the text into an object with the four keys."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SubjectError(_refuse(f"text that is not JSON ({error})")) from error
    if not isinstance(content, dict) or any(key not in content for key in KEYS):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise SubjectError(_refuse(f"{found}"))
    return content


def _refuse(found: str) -> str:
    """Say what was found in place of a network."""
    return (
        f"A network in the book's format was expected, found {found}. It is a JSON object with "
        f"{', '.join(KEYS)}, as `save` of network2.py writes it: weights as lists of rows, "
        "biases as lists of one number each."
    )
