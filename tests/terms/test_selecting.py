"""From text to units: which sites, which units of them, and what is refused."""

from dataclasses import replace

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from neurodemon.errors import (
    NeurodemonError,
    SelectionError,
    SiteNotFoundError,
    UnitIndexError,
)
from neurodemon.terms.selecting import nearest_names, select
from neurodemon.terms.sites import Site
from neurodemon.terms.units import Unit, UnitSet

FIXED = settings(deadline=None, derandomize=True, max_examples=200)
AXES = ("example", "unit")

FC1 = Site("fc1", "linear", "linear", AXES, (0, 32), aliases=("relu:in",))
FC2 = Site("fc2", "linear", "linear_1", AXES, (0, 8))
INPUT = Site("fc1:in", "input", "x", AXES, (0, 64), aliases=(":in",))
CONV = Site(
    "conv", "conv", "conv2d", ("example", "unit", "position", "position"), (0, 4, 2, 3), "channel"
)
STATE = Site("lstm[out=1]", "recurrent", "getitem", ("example", "position", "unit"), (0, 5, 6))
FLAT = Site("total", "operation", "sum", ("example",), (0,))
SECOND = Site("fc2#2", "linear", "linear_2", AXES, (0, 8))
SITES = (INPUT, FC1, CONV, STATE, FC2, SECOND, FLAT)


def spelled(text, sites=SITES):
    return [str(unit) for unit in select(text, sites)]


def site_names(text, sites=SITES):
    return [site.name for site in select(text, sites).sites]


def test_a_site_alone_means_all_its_units():
    assert list(select("fc2", SITES)) == [Unit(FC2, "neuron", index, None) for index in range(8)]


def test_channels_are_called_channels():
    assert [unit.kind for unit in select("conv", SITES)] == ["channel"] * 4


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("fc1[17]", ["fc1[17]"]),
        ("fc1[0:3]", ["fc1[0]", "fc1[1]", "fc1[2]"]),
        ("fc1[30:]", ["fc1[30]", "fc1[31]"]),
        ("fc1[:2]", ["fc1[0]", "fc1[1]"]),
        ("fc1[31:32]", ["fc1[31]"]),
        ("conv@5", ["conv[0]@5", "conv[1]@5", "conv[2]@5", "conv[3]@5"]),
        ("conv[1:3]@0", ["conv[1]@0", "conv[2]@0"]),
        ("conv/position[4:]", ["conv/position[4]", "conv/position[5]"]),
        ("lstm[out=1][2]@4", ["lstm[out=1][2]@4"]),
        ("total", ["total[0]"]),
        ("total[0]", ["total[0]"]),
        ("fc2#2[3]", ["fc2#2[3]"]),
    ],
)
def test_each_form_means_these_units(text, units):
    assert spelled(text) == units


def test_each_position_is_one_unit_of_all_its_features():
    units = list(select("conv/position", SITES))
    assert units == [Unit(CONV, "position", None, position) for position in range(6)]


def test_a_cell_is_one_feature_at_one_position():
    assert list(select("conv[1]@5", SITES)) == [Unit(CONV, "cell", 1, 5)]


def test_only_first_calls_and_module_outputs_match_without_a_mark():
    assert site_names("**") == ["fc1", "conv", "fc2", "total"]
    assert site_names("**#*") == ["fc1", "conv", "fc2", "fc2#2", "total"]


@pytest.mark.parametrize("text", ["relu:in[3]", "fc1[3]"])
def test_an_alias_means_the_site_under_its_own_name(text):
    assert spelled(text) == ["fc1[3]"]


def test_a_site_that_matches_by_name_and_alias_is_taken_once():
    assert site_names("**:in") == ["fc1:in", "fc1"]
    assert len(select("**:in", SITES)) == 64 + 32


def test_patterns_keep_their_order_and_sites_theirs():
    assert spelled("fc2[7], fc*[0:2]") == ["fc2[7]", "fc2[0]", "fc2[1]", "fc1[0]", "fc1[1]"]


def test_a_unit_meant_twice_is_taken_once():
    assert spelled("fc1[3], fc1[2:5], fc1[3]") == ["fc1[3]", "fc1[2]", "fc1[4]"]


def test_a_selection_equals_the_sum_of_its_patterns():
    assert select("fc1[3], conv@2", SITES) == select("fc1[3]", SITES) + select("conv@2", SITES)
    assert select("fc1[3], conv@2", SITES) != select("fc1[3], conv@1", SITES)


def test_a_pattern_without_a_site_names_the_three_nearest():
    sites = [replace(FC1, name=f"fc{number}", aliases=()) for number in (1, 2, 3, 4)]
    with pytest.raises(SiteNotFoundError) as caught:
        select("fc9[3]", sites)
    assert str(caught.value) == (
        "Site 'fc9' not found. Nearest: 'fc1', 'fc2', 'fc3'. List all with nd.sites(subject)."
    )


def test_a_pattern_of_heads_without_a_site_names_those_with_heads():
    sites = [FC1, replace(FC1, name="attention.out:in", aliases=(), heads=3)]
    with pytest.raises(SiteNotFoundError, match=r"Sites with heads: 'attention\.out:in'\."):
        select("**.o_proj:in/head", sites)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("fc1, fc9", "'fc9'"),
        ("fc9, fc1", "'fc9'"),
        ("fc1:add#2[3]", "'fc1:add#2'"),
        ("fc1#3", "'fc1#3'"),
        ("**.dense", r"'\*\*\.dense'"),
        ("conv[out=1]", r"'conv\[out=1\]'"),
    ],
)
def test_every_pattern_must_match(text, wanted):
    with pytest.raises(SiteNotFoundError, match=f"^Site {wanted} not found. Nearest: '"):
        select(text, SITES)


def test_a_model_without_sites_says_so():
    with pytest.raises(SiteNotFoundError, match=r"^Site 'fc1' not found\. There are no sites\."):
        select("fc1", [])


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("FC1", "fc1"),
        ("CONV", "conv"),
        ("relu", "relu:in"),
        ("cnv", "conv"),
        ("lstm", "lstm[out=1]"),
    ],
)
def test_the_nearest_name_comes_first_aliases_and_case_included(wanted, nearest):
    assert nearest_names(wanted, SITES)[0] == nearest


def test_a_name_of_two_sites_is_named_once():
    names = nearest_names("relu:in", [FC1, replace(FC1, name="relu")])
    assert names == ["relu:in", "relu", "fc1"]


def test_wildcards_do_not_count_for_the_nearest():
    sites = [replace(FC1, name=name, aliases=()) for name in ("xxx.fc", "fc")]
    with pytest.raises(SiteNotFoundError, match=r"Nearest: 'fc', 'xxx\.fc'"):
        select("*.*.*.fc", sites)
    assert nearest_names("*.*.*.fc", sites) == ["xxx.fc", "fc"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fc1[99]", "unit 99 of site 'fc1' is out of range: it has 32 units, 0 to 31."),
        ("fc1[32]", "unit 32 of site 'fc1' is out of range: it has 32 units, 0 to 31."),
        ("fc1[20:33]", "units 20:33 of site 'fc1' are out of range: it has 32 units, 0 to 31."),
        ("fc1[32:]", "units 32: of site 'fc1' are out of range: it has 32 units, 0 to 31."),
        ("fc1[5:5]", "units 5:5 of site 'fc1' are an empty run: it has 32 units, 0 to 31."),
        ("fc1[7:3]", "units 7:3 of site 'fc1' are an empty run: it has 32 units, 0 to 31."),
        ("fc1[:0]", "units 0:0 of site 'fc1' are an empty run: it has 32 units, 0 to 31."),
        ("total[1]", "unit 1 of site 'total' is out of range: it has 1 unit, 0 to 0."),
        ("conv@6", "position 6 of site 'conv' is out of range: it has 6 positions, 0 to 5."),
        (
            "conv/position[6]",
            "position 6 of site 'conv' is out of range: it has 6 positions, 0 to 5.",
        ),
        (
            "conv/position[4:9]",
            "positions 4:9 of site 'conv' are out of range: it has 6 positions, 0 to 5.",
        ),
    ],
)
def test_an_index_out_of_range_is_refused_with_the_range(text, message):
    with pytest.raises(UnitIndexError) as caught:
        select(text, SITES)
    assert str(caught.value) == message


def test_a_run_must_fit_every_site_it_is_asked_of():
    assert len(select("fc*[0:8]", SITES)) == 16
    with pytest.raises(UnitIndexError, match=r"units 0:9 of site 'fc2' are out of range"):
        select("fc*[0:9]", SITES)


def test_a_site_of_no_units_is_refused():
    with pytest.raises(UnitIndexError, match=r"units 0: of site 'fc1' are .*: it has 0 units\."):
        select("fc1", [replace(FC1, shape=(0, 0))])


@pytest.mark.parametrize("text", ["fc1@0", "fc1[3]@0", "fc1/position", "fc1/position[0]"])
def test_a_position_where_there_are_none_is_refused(text):
    with pytest.raises(
        SelectionError, match=r"Site 'fc1' has no positions, .* axes are example, unit\."
    ):
        select(text, SITES)


def test_one_position_is_not_none():
    one = Site("one", "linear", "linear", ("example", "position", "unit"), (0, 1, 2))
    assert spelled("one@0", [one]) == ["one[0]@0", "one[1]@0"]


@pytest.mark.parametrize("text", ["fc1:in/head", "fc1:in/head[3]@2", "conv/head[0:2]"])
def test_heads_that_are_not_known_are_refused_with_how_to_declare_them(text: str) -> None:
    site = text.partition("/")[0]
    with pytest.raises(SelectionError, match=rf"not known.*heads={{'{site}': N}}"):
        select(text, SITES)


part = st.text(st.characters(categories=["L", "N"], include_characters="_-+"), min_size=1)
paths = st.lists(part, min_size=1, max_size=4).map(".".join)
full_names = st.builds(
    lambda stem, call, out: f"{stem}{f'#{call}' if call > 1 else ''}{f'[out={out}]' * (out > 0)}",
    st.one_of(
        paths,
        st.just(":in"),
        st.just(":out"),
        st.builds(lambda path, tail: f"{path}:{tail}", paths, st.sampled_from(["in", "relu"])),
    ),
    st.integers(1, 11),
    st.integers(0, 11),
)
shapes = st.sampled_from([
    (("example", "unit"), (0, 7)),
    (("example", "position", "unit"), (0, 3, 7)),
    (("example", "unit", "position", "position"), (0, 7, 2, 3)),
    (("example", "position"), (0, 4)),
    (("example",), (0,)),
])


# Sites are made of what was drawn inside the test: the run-time type checker draws random
# elements of their tuples, which hypothesis forbids while it draws itself.
drawn_units = st.tuples(
    full_names,
    shapes,
    st.sampled_from(["neuron", "channel", "cell", "position"]),
    st.integers(0, 6),
    st.integers(0, 5),
)


def make_unit(name, axes_and_shape, kind, index, position):
    """Make a unit of the kind drawn, of a new site; whole where the site has no positions."""
    axes, shape = axes_and_shape
    site = Site(name, "linear", "node", axes, shape, "channel" if kind == "channel" else "neuron")
    index, position = index % site.n_units, position % site.n_positions
    if kind == site.unit_kind or not site.has_positions:
        return Unit(site, site.unit_kind, index, None)
    return Unit(site, kind, None if kind == "position" else index, position)


def decoys(name):
    """Make names that differ from a name by one mark."""
    return [f"{name}x", f"x.{name}", f"{name}#12", f"{name}[out=12]", f"{name}:inn"]


@FIXED
@given(drawn_units)
def test_the_text_of_a_unit_means_that_unit(drawn):
    unit = make_unit(*drawn)
    others = [replace(unit.site, name=name) for name in decoys(unit.site.name)]
    assert list(select(str(unit), [*others, unit.site])) == [unit]


def test_the_drawn_units_are_of_every_kind():
    for kind in ("neuron", "channel", "cell", "position"):
        find(drawn_units, lambda drawn, kind=kind: str(make_unit(*drawn).kind) == kind)
    find(drawn_units, lambda drawn: {*"#:["} <= set(str(make_unit(*drawn)).split("@")[0]))


grammar_text = st.lists(
    st.sampled_from([
        *("fc1", "conv", "lstm", "[out=1]", "**", "*", ":in", ":", "#2", "#", "[", "]", "[3]"),
        *("[0:2]", "[9:]", "@1", "@", "/position", "/head", "/", ", ", ".", "-1", "99", " "),
    ]),
    max_size=8,
).map("".join)


@FIXED
@given(st.text() | grammar_text)
def test_random_text_gives_units_or_one_of_our_errors(text):
    try:
        chosen = select(text, SITES)
    except NeurodemonError:
        return
    assert isinstance(chosen, UnitSet)
    assert len(set(chosen)) == len(chosen) > 0


@pytest.mark.parametrize("error", [SelectionError, SiteNotFoundError, UnitIndexError, None])
def test_the_random_texts_reach_every_outcome(error):
    def ends_so(text):
        try:
            select(text, SITES)
        except NeurodemonError as raised:
            return type(raised) is error
        return error is None

    find(grammar_text, ends_so)


def test_heads_by_wildcard_are_those_of_the_sites_that_have_some() -> None:
    known = replace(FC1, heads=2)
    sites = tuple(known if site is FC1 else site for site in SITES)
    assert spelled("**/head", sites) == [f"{FC1.name}/head[0]", f"{FC1.name}/head[1]"]
    with pytest.raises(SelectionError, match="of none of which the heads are known"):
        select("**/head", SITES)


def test_a_head_is_taken_at_a_position_that_its_site_has() -> None:
    sites = [replace(STATE, heads=2)]
    assert spelled("lstm[out=1]/head[1]@4", sites) == ["lstm[out=1]/head[1]@4"]
    with pytest.raises(UnitIndexError, match="5 positions"):
        select("lstm[out=1]/head[1]@5", sites)
