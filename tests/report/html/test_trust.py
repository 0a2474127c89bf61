"""Trust: a sentence for each site, and the table of agreement with its intervals."""

import pytest
from oracles.reports import (
    make_budgeted_audit,
    make_budgeted_effects,
    read_fragment,
    rows_of,
    text_of,
)

from neurodemon.report.html.reading import read
from neurodemon.report.html.trust import (
    MOST_VERDICTS,
    found_row,
    trust,
    under_pictures,
    verdicts,
)
from neurodemon.terms.audits import Agreement

OLD = Agreement("fc1", "link", 5, None, None, None, None, None, 0.0)


def section_of(audit):
    return read_fragment(trust(audit, read(audit.effects)))


def test_each_row_has_its_interval():
    rows = rows_of(section_of(make_budgeted_audit()))
    assert rows[0] == [
        "fc1", "tangent", "6", "0.930", "0.880 … 0.970", "0.800", "0.900", "95 %", "1.100",
        "12 %", "5.0 %",
    ]  # fmt: skip
    assert rows[-1][0] == "all"


def test_what_an_older_run_does_not_know_is_a_dash():
    rows = rows_of(section_of(make_budgeted_audit(agreement=(OLD,))))
    assert rows == [["fc1", "link", "5", "–", "–", "–", "–", "–", "–", "–", "0 %"]]


@pytest.mark.parametrize(
    ("effects", "is_said"),
    [
        (make_budgeted_effects(), True),
        (make_budgeted_effects(is_random=[True] * 30), False),
    ],
)
def test_it_is_said_which_units_were_judged_where_not_all_were(effects, is_said):
    said = text_of(section_of(make_budgeted_audit(effects)))
    assert ("Agreement is judged on 6 of 30 units" in said) is is_said


def test_an_older_run_judged_on_all():
    old = make_budgeted_audit()
    table = old.effects.table.drop_columns(["is_random"])
    assert "judged on" not in text_of(section_of(make_budgeted_audit(type(old.effects)(table))))


def test_many_sites_are_listed_in_the_section_and_only_begun_in_the_answer():
    many = make_budgeted_audit(verdicts={str(n): f"site {n}" for n in range(MOST_VERDICTS + 2)})
    assert [text_of(one) for one in read_fragment(verdicts(many, MOST_VERDICTS)).iter("li")][
        -1
    ] == ("2 more sites: see “What may be trusted, site by site”.")
    assert len(list(section_of(many).iter("li"))) == MOST_VERDICTS + 2
    assert list(section_of(make_budgeted_audit()).iter("li")) == []


def test_the_pooled_row_is_found_and_the_only_one_where_there_is_one_site():
    audit = make_budgeted_audit()
    assert found_row(audit, "tangent").site is None
    assert found_row(audit, "tangent", "fc2").site == "fc2"
    assert found_row(make_budgeted_audit(agreement=(OLD,)), "link") == OLD
    assert found_row(make_budgeted_audit(agreement=()), "link") is None


def test_below_each_picture_stands_its_rank_correlation():
    audit = make_budgeted_audit()
    assert under_pictures(audit, "tangent")["fc1"] == "Spearman 0.930 (0.880 … 0.970)"
    assert under_pictures(make_budgeted_audit(agreement=(OLD,)), "link") == {"fc1": "Spearman –"}
