"""Images: over 256, one-hot, and only as many as there are."""

import numpy as np
import pytest

from neurodemon.book.images import from_pixels
from neurodemon.errors import SubjectError

PIXELS = np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2)
DIGITS = np.array([7, 0, 9], np.uint8)


def test_pixels_are_divided_by_256_as_the_author_did():
    images = from_pixels(np.full((1, 2, 2), 255, np.uint8), np.array([1], np.uint8))
    np.testing.assert_array_equal(images.inputs, [[255 / 256] * 4])
    other = from_pixels(np.full((1, 4), 255, np.uint8), np.array([1], np.uint8), levels=255)
    np.testing.assert_array_equal(other.inputs, [[1.0] * 4])


def test_targets_are_one_at_the_digit():
    targets = from_pixels(PIXELS, DIGITS).targets
    assert targets.argmax(axis=1).tolist() == [7, 0, 9]
    assert targets.sum(axis=1).tolist() == [1.0] * 3


def test_the_first_images_keep_their_digits():
    first = from_pixels(PIXELS, DIGITS).first(2)
    assert len(first) == 2
    assert first.digits.tolist() == [7, 0]
    assert first.inputs.shape == (2, 4)


@pytest.mark.parametrize("n_images", [0, 4])
def test_more_images_than_there_are_are_refused(n_images: int):
    with pytest.raises(SubjectError, match=f"{n_images} images were asked for; expected 1 to 3"):
        from_pixels(PIXELS, DIGITS).first(n_images)


@pytest.mark.parametrize("digits", [[1, 2], [1, 2, 10]], ids=str)
def test_digits_that_do_not_fit_are_refused(digits: list[int]):
    with pytest.raises(SubjectError, match="expected one for each image, from 0 to 9"):
        from_pixels(PIXELS, np.array(digits, np.uint8))
