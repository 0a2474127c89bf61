"""The types of arrays with their shapes, checked by jaxtyping where it is installed.

`Float[Tensor, "example unit"]` documents a shape and, in our tests, enforces it. Users
need no jaxtyping: without it each type is just its array type.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Int
    from typing import Annotated as Shaped
else:
    try:
        from jaxtyping import Bool, Float, Int, Shaped
    except ImportError:

        class _Unchecked:
            """Stand in for jaxtyping: the array type alone."""

            def __class_getitem__(cls, item: tuple[object, str]) -> object:
                return item[0]

        Bool = Float = Int = Shaped = _Unchecked

__all__ = ["Bool", "Float", "Int", "Shaped"]
