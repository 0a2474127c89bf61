"""Sites: counts along their axes, and their names."""

from dataclasses import FrozenInstanceError, replace

import pytest

from neurodemon.terms.sites import Site


def make_site(axes, shape, **fields):
    return Site("fc1", "linear", "node", axes, shape, **fields)


@pytest.mark.parametrize(
    ("axes", "shape", "n_units", "n_positions", "has_positions"),
    [
        (("example", "unit"), (0, 32), 32, 1, False),
        (("example", "position", "unit"), (0, 5, 32), 32, 5, True),
        (("example", "position", "unit"), (0, 1, 32), 32, 1, True),
        (("example", "unit", "position", "position"), (0, 8, 3, 4), 8, 12, True),
        (("position", "example", "unit"), (7, 0, 2), 2, 7, True),
        (("example", "position"), (0, 5), 1, 5, True),
        (("example",), (0,), 1, 1, False),
    ],
)
def test_units_and_positions_are_counted_by_role(axes, shape, n_units, n_positions, has_positions):
    site = make_site(axes, shape)
    assert (site.n_units, site.n_positions) == (n_units, n_positions)
    assert site.has_positions is has_positions


def test_axes_and_shape_of_different_length_are_noticed():
    with pytest.raises(ValueError, match="zip"):
        _ = make_site(("example", "unit"), (0, 5, 32)).n_positions


def test_the_own_name_comes_before_the_aliases():
    site = make_site(("example", "unit"), (0, 3), aliases=("relu:in", "block"))
    assert site.names == ("fc1", "relu:in", "block")


def test_a_site_is_frozen():
    with pytest.raises(FrozenInstanceError):
        make_site(("example", "unit"), (0, 3)).name = "fc2"


def test_sites_are_equal_by_content_whatever_is_known_of_their_heads():
    site = make_site(("example", "unit"), (0, 12))
    assert replace(site, heads=4) == site
    assert hash(replace(site, heads=4)) == hash(site)
    assert replace(site, shape=(0, 13)) != site
