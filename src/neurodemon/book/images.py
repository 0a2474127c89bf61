"""Images with their digits, as the book feeds them: pixels over 256, targets one-hot.

By 256, not 255: so the author's file of MNIST was made, and his numbers depend on it.
Arrays in, arrays out: reading MNIST's files is the caller's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodemon.book.arrays import Array
from neurodemon.errors import SubjectError
from neurodemon.terms.shapes import Float, Int

N_DIGITS = 10
LEVELS = 256  # the author's divisor; the largest pixel is 255


@dataclass(frozen=True, eq=False)
class Images:
    """Examples with the digits they show.

    Attributes:
        inputs: one row for each image.
        digits: what it shows.
    """

    inputs: Float[Array, "example pixel"]
    digits: Int[NDArray[np.int64], " example"]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.digits)

    @property
    def targets(self) -> Float[Array, "example output"]:
        """1 at the digit, 0 elsewhere."""
        return np.eye(N_DIGITS)[self.digits]

    def first(self, n_images: int) -> "Images":
        """Take the first images.

        Args:
            n_images: how many.

        Returns:
            The images.

        Raises:
            SubjectError: there are not so many, or none is asked for.
        """
        if not 1 <= n_images <= len(self):
            raise SubjectError(
                f"{n_images} images were asked for; expected 1 to {len(self)}, as many as there "
                "are."
            )
        return Images(self.inputs[:n_images], self.digits[:n_images])


def from_pixels(
    pixels: NDArray[np.uint8], digits: NDArray[np.uint8], *, levels: int = LEVELS
) -> Images:
    """Make images from MNIST's bytes.

    Args:
        pixels: (images, rows, columns) or (images, pixels).
        digits: (images,).
        levels: the divisor; another than the book's is for showing that it matters.

    Returns:
        The images, in float64.

    Raises:
        SubjectError: there are not as many digits as images, or one is above 9.

    Example:
        >>> pixels = np.array([[[0, 128]]], np.uint8)
        >>> from_pixels(pixels, np.array([7], np.uint8)).inputs.tolist()
        [[0.0, 0.5]]
    """
    if digits.shape != pixels.shape[:1] or digits.max(initial=0) >= N_DIGITS:
        raise SubjectError(
            f"{pixels.shape[:1]} images came with {digits.shape} digits up to "
            f"{digits.max(initial=0)}; expected one for each image, from 0 to {N_DIGITS - 1}."
        )
    inputs = pixels.reshape(len(pixels), -1).astype(np.float64) / levels
    return Images(inputs, digits.astype(np.int64))
