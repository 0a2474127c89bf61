"""Statuses: each has its advice."""

from neurodemon.terms import statuses


def test_each_status_has_advice_and_no_advice_lacks_its_status():
    words = {value for name, value in vars(statuses).items() if name.isupper() and name != "ADVICE"}
    assert words == {
        "ok",
        "non_finite",
        "below_noise",
        "no_change",
        "no_slope",
        "padding",
        "not_measured",
    }
    assert set(statuses.ADVICE) == words


def test_advice_is_in_whole_sentences():
    for advice in statuses.ADVICE.values():
        assert advice[0].isupper()
        assert advice.endswith(".")
        assert "  " not in advice
