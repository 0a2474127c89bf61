"""What the prediction missed: the units with their causes, or why there are none."""

import pytest
from oracles.drawables import make_effects
from oracles.reports import make_budgeted_audit, read_fragment, rows_of, text_of

from neurodemon.report.html.missed import CAUSES, missed
from neurodemon.report.html.reading import read
from neurodemon.terms.audits import FalseNegative


def section_of(audit):
    return read_fragment(missed(audit, read(audit.effects)))


def test_missed_units_have_their_ranks_and_their_cause():
    made = section_of(make_budgeted_audit())
    assert rows_of(made) == [["fc1[3]", "+0.00100", "−0.08000", "25", "3", "saturation"]]
    assert CAUSES["saturation"] in text_of(made)
    assert CAUSES["curvature"] not in text_of(made)


def test_a_cause_of_a_later_version_is_shown_as_it_is():
    audit = make_budgeted_audit(false_negatives=(FalseNegative("a", "a", 0.0, 1.0, 9, 1, "new"),))
    assert rows_of(section_of(audit))[0][-1] == "new"


@pytest.mark.parametrize(
    ("effects", "said"),
    [(None, "Nothing that was found"), (make_effects(), "before audits looked for them")],
)
def test_where_nothing_was_missed_it_is_said_why(effects, said):
    audit = make_budgeted_audit(effects, false_negatives=())
    assert said in text_of(section_of(audit))
