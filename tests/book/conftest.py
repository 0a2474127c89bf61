"""The author's lists and MNIST, where they are; small problems, everywhere.

His raw results come from mnielsen/neural-networks-and-deep-learning, `fig/` (MIT licence,
© 2012–2022 Michael Nielsen). They and MNIST stand beside the project, or where the variables
NEURODEMON_BOOK and NEURODEMON_MNIST say; without them these tests are skipped, with a reason.
"""

import pytest
from oracles import author


@pytest.fixture(scope="session")
def pixels() -> author.Pixels:
    """MNIST's bytes."""
    return author.read_pixels()


@pytest.fixture(scope="session")
def overfitting() -> list[list[float | int]]:
    """The author's four lists."""
    return author.read_lists("overfitting.json")
