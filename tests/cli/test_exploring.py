"""`curve` and `headroom` on the command line: screens, JSON, runs, what bad input gets."""

import pytest

from neurodemon.engine import bench
from neurodemon.jobs import exploring
from neurodemon.judge.verdicts import ADVICE

STARTS = {
    "saturated:0.6,0.9": (1.152, "AGREES"),
    "saturated": (1.642, "SATURATED"),
}  # book/README.md


@pytest.mark.parametrize(("subject", "expected"), STARTS.items())
def test_the_saturated_neuron_does_more_than_its_slope_promised(run_json, subject, expected):
    found = run_json("curve", subject)
    (point,) = [row for row in found["effects"] if row["dz"] == -1.0]
    assert point["ratio"] == pytest.approx(expected[0], abs=5e-4)
    assert point["ratio"] == pytest.approx(point["measured"] / point["tangent"])
    (row,) = run_json("headroom", subject)["effects"]
    assert row["verdict"] == expected[1]


def test_a_curve_in_json_has_its_lists_and_what_belongs_to_the_unit(run_json):
    curve = run_json("curve", "saturated", "fc[0]", "--points", "5")["curve"]
    assert curve["dz"] == [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert curve["measured"][2] == curve["tangent"][2] == curve["cost"]
    assert curve["measured"][0] == pytest.approx(0.125)  # ½ σ(0)²
    assert (curve["unit"], curve["scope"], curve["radius_from"]) == ("fc[0]", "shared", "one")
    assert set(curve["predicted"]) == {"tangent", "first_order", "link", "linear_logits"}


def test_the_screen_of_a_curve_shows_what_was_asked_for_with_at(run):
    result = run("curve", "saturated", "--points", "201", "--at=-0.123,-3.3")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    shown = [line[0] for line in lines if len(line) == 8]
    assert {"-0.123", "-3.300", "0"} <= set(shown)
    assert "The least cost here is 0.125 at Δz = -4" in result.stdout


def test_a_curve_says_where_the_cost_is_least_or_that_it_is_least_here(run):
    assert "The least cost here is 0 at Δz = -1" in run("curve", "kink").stdout
    dead = run("curve", "xor", "sigmoid1[2]")
    assert "No Δz here lowers the cost." in dead.stdout


@pytest.mark.parametrize("distance", [0.5, 1, 2, 4])
@pytest.mark.parametrize("scope", ["shared", "each"])
def test_the_kink_is_one_at_any_distance(run_json, distance, scope):
    (row,) = run_json("headroom", f"kink:{distance}", "--scope", scope)["effects"]
    assert row["verdict"] == "KINK"
    assert row["shape"] == pytest.approx(1)
    assert row["headroom"] == pytest.approx(distance)
    assert abs(row["best_dz"]) == pytest.approx(distance)


def test_without_a_kink_within_the_radius_it_is_none(run_json):
    (row,) = run_json("headroom", "kink:2", "--radius", "1")["effects"]
    assert (row["verdict"], row["censored"], row["best_dz"]) == ("AGREES", True, -1)


def test_the_screen_of_headroom_gives_each_verdict_its_advice(run):
    result = run("headroom", "xor")
    assert result.exit_code == 0
    assert ADVICE["DEAD"] in result.stdout
    assert "cancelling" in result.stdout
    assert ADVICE["KINK"] not in result.stdout


def test_headroom_marks_a_best_dz_at_the_radius(run):
    assert "-4 (end)" in run("headroom", "saturated").stdout
    assert "(end)  " not in run("headroom", "kink").stdout


def test_headroom_shows_so_many_units(run):
    result = run("headroom", "chain", "--top", "1")
    assert "… 2 more; --top 3 shows all." in result.stdout


def test_a_run_of_headroom_is_shown_again_without_torch(run, run_json, runs_anew, tmp_path):
    made = run("headroom", "saturated", "--out", "a")
    assert made.exit_code == 0
    again = run("show", "a")
    assert "SATURATED" in again.stdout
    assert made.stdout.split("\n\n")[1] in again.stdout
    assert run_json("show", "a")["effects"][0]["verdict"] == "SATURATED"
    loads = runs_anew(
        "import sys; from neurodemon.cli.main import app\n"
        "try: app(['show', 'a'])\nexcept SystemExit: pass\nprint('torch' in sys.modules)",
        tmp_path,
    )
    assert loads.strip().endswith("False")


def test_an_interrupted_run_goes_on_where_it_stopped(run, my_file, monkeypatch):
    monkeypatch.setattr(exploring, "units_at_once", lambda *_: 2)  # two chunks of the four units
    undisturbed = run("headroom", f"{my_file}:subject", "--out", "whole", "--json")
    tried, original = [], bench.Benches.try_out

    def stumble(self, dz):
        tried.append(dz)
        if len(tried) == 30:  # in the second chunk
            raise KeyboardInterrupt
        return original(self, dz)

    monkeypatch.setattr(bench.Benches, "try_out", stumble)
    stopped = run("headroom", f"{my_file}:subject", "--out", "part")
    assert stopped.exit_code == 130
    assert "2 of 4 units are in part" in stopped.stderr
    monkeypatch.setattr(bench.Benches, "try_out", original)
    resumed = run("headroom", f"{my_file}:subject", "--out", "part", "--json")
    ends = [
        text.stdout.partition('"effects": ')[2].partition("]")[0] for text in (undisturbed, resumed)
    ]
    assert ends[0]
    assert ends[0] == ends[1]


def test_another_radius_or_scope_is_another_run(run):
    run("headroom", "saturated", "--out", "a")
    for words in (("--radius", "2"), ("--scope", "each")):
        result = run("headroom", "saturated", "--out", "a", *words)
        assert result.exit_code == 1
        assert "holds another run" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("curve", "chain"), "3 units are selected"),
        (("curve", "saturated", "--scope", "all"), "scope is 'all'; expected 'shared'"),
        (("curve", "saturated", "--at", "x"), "--at is 'x'; expected numbers"),
        (("curve", "saturated", "--at", "inf"), r"at (a Δz) is inf"),
        (("headroom", "saturated", "--radius", "0"), "leaves a demon no room"),
        (("headroom", "saturated", "--radius", "wide"), "radius is 'wide'; expected nd.Std(4)"),
        (("headroom", "saturated", "fd"), "'fd'"),
    ],
)
def test_bad_input_gets_a_message_and_no_result(run, words, message):
    result = run(*words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_too_few_points_are_a_usage_error(run):
    assert run("curve", "saturated", "--points", "2").exit_code == 2


@pytest.mark.parametrize("command", ["curve", "headroom"])
def test_the_figure_is_drawn_and_said_on_standard_error(run, strict_json, command, tmp_path):
    result = run(command, "saturated", "--plot", "drawn.svg", "--json")
    assert result.exit_code == 0
    strict_json(result.stdout)
    assert "Drawn: drawn.svg" in result.stderr
    assert (tmp_path / "drawn.svg").read_text("utf-8").startswith("<?xml")


@pytest.mark.parametrize("command", ["curve", "headroom"])
def test_the_help_has_examples(run, command):
    result = run(command, "--help")
    assert f"neurodemon {command} " in result.stdout.partition("Examples:")[2]
