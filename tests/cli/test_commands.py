"""Each command with its options, on small subjects, from the words to what is printed."""

import pytest

from neurodemon.subjects import built_in
from neurodemon.subjects.toys import saturated
from neurodemon.terms.effects import SCHEMA

JOBS = ["predict", "measure", "audit"]


def test_sites_lists_the_places(run, my_file):
    result = run("sites", f"{my_file}:subject")
    assert result.exit_code == 0
    assert "linear" in result.stdout
    assert "example, unit" in result.stdout


def test_sites_in_json(run_json, my_file):
    sites = run_json("sites", f"{my_file}:subject")["sites"]
    assert [site["name"] for site in sites] == [":in", "0", "1", "2"]
    assert sites[1]["units"] == 4


def test_check_prints_the_probes(run):
    result = run("check", "kink")
    assert result.exit_code == 0
    assert "examples are independent" in result.stdout
    assert "6 of 6 probes passed." in result.stdout


def test_check_in_json(run_json):
    certificate = run_json("check", "kink")
    assert certificate["passed"] is True
    assert {probe["name"] for probe in certificate["probes"]} >= {"no-op", "two runs agree"}


def test_predict_promises_what_the_slope_says(run_json):
    (row,) = run_json("predict", "saturated", "fc", "-p", "add=-1", "--predictor", "tangent")[
        "effects"
    ]
    assert row["predicted"] == pytest.approx(-0.017345, abs=1e-6)  # book/README.md
    assert (row["predictor"], row["measured"]) == ("tangent", None)


def test_measure_does_what_the_demon_does(run_json):
    (row,) = run_json("measure", "saturated", "fc", "--perturbation", "add=-1")["effects"]
    assert row["measured"] == pytest.approx(-0.028477, abs=1e-6)  # book/README.md
    assert row["predicted"] is None


def test_audit_has_both_and_the_answers(run_json):
    found = run_json("audit", "saturated", "fc", "-p", "add=-1")
    (row,) = found["effects"]
    assert row["tangent"] == pytest.approx(-0.017345, abs=1e-6)
    assert row["measured"] == pytest.approx(-0.028477, abs=1e-6)
    assert found["certificate"]["kind"] == "exact"
    assert {"question", "agreement", "work", "verdicts", "answers"} <= found.keys()


@pytest.mark.parametrize("command", JOBS)
def test_effects_in_json_have_the_names_of_the_columns(run_json, my_file, command):
    found = run_json(command, f"{my_file}:subject", "--top", 1)
    assert len(found["effects"]) == 4  # all of them, however few a table would show
    assert all(set(SCHEMA.names) <= row.keys() for row in found["effects"])
    assert found["manifest"]["verb"] == command
    assert (found["out"], found["complete"], found["notes"]) == (None, True, [])


def test_the_audit_screen_tells_a_stranger_everything(run, my_file):
    result = run("audit", f"{my_file}:subject", "--out", "runs/a")
    assert result.exit_code == 0
    wanted = [
        "What does a demon do to the cost of mine",
        "unit",
        "tangent",
        "linear_logits",
        "measured",
        "gap",
        "status",
        "1[2]",
        "gap = measured − linear_logits",
        "Spearman",
        "1: trust the size of linear_logits",
        "Certificate: exact",
        "Work: 20 measurements",
        "Is a neuron's influence",
        "Do we not want influential neurons?",
        "Saved in runs/a. See it again: neurodemon show runs/a; as a page to send: ",
    ]
    places = [result.stdout.find(text) for text in wanted]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("command", JOBS)
def test_the_table_shows_the_top_and_how_many_there_are(run, my_file, command):
    result = run(command, f"{my_file}:subject", "--top", "1")
    assert "… 3 more; --top 4 shows all." in result.stdout
    assert result.stdout.count(" ok\n") == 1


@pytest.mark.parametrize("command", JOBS)
def test_units_are_selected_and_spelled_as_selections(run, my_file, command):
    result = run(command, f"{my_file}:subject", "1[3], 1[0:2]")
    assert result.exit_code == 0
    assert {"1[0]", "1[1]", "1[3]"} == {
        line.split()[0] for line in result.stdout.splitlines() if line.startswith("1[")
    }


@pytest.mark.parametrize("command", JOBS)
def test_a_selection_that_matches_nothing_gets_the_nearest_names(run, my_file, command):
    result = run(command, f"{my_file}:subject", "in")
    assert result.exit_code == 1
    assert "Site 'in' not found. Nearest: ':in'" in result.stderr
    assert "neurodemon sites SUBJECT" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", JOBS)
def test_a_perturbation_that_does_not_read_is_refused(run, command):
    result = run(command, "kink", "--perturbation", "wiggle")
    assert result.exit_code == 1
    assert "'wiggle' is no perturbation; expected zero, mean, add=NUMBER" in result.stderr


@pytest.mark.parametrize("command", ["predict", "audit"])
def test_a_predictor_that_does_not_exist_is_refused(run, command):
    result = run(command, "kink", "--predictor", "crystal_ball")
    assert result.exit_code == 1
    assert "crystal_ball" in result.stderr


@pytest.mark.parametrize("command", ["sites", "check", *JOBS])
def test_errors_under_json_leave_standard_output_empty(run, command):
    result = run(command, "nothing_like_it", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: Subject 'nothing_like_it' not found")


@pytest.mark.parametrize("command", ["sites", "check", *JOBS])
def test_the_options_of_a_subject_reach_it(run, monkeypatch, command):
    asked = {}

    def digits(**options):
        asked.update(options)
        options["note"]("Training, or so.")
        return saturated()

    monkeypatch.setattr(built_in, "digits", digits)
    result = run(command, "digits", "--examples", "3", "--seed", "5")
    assert result.exit_code == 0, result.stderr
    assert (asked["examples"], asked["seed"]) == (3, 5)
    assert result.stderr == "note: Training, or so.\n"


@pytest.mark.parametrize("command", ["sites", "check", *JOBS])
def test_the_folder_of_mnist_reaches_it(run, tmp_path, command):
    result = run(command, "mnist", "--mnist", tmp_path)
    assert result.exit_code == 1
    assert f"is not in '{tmp_path}'. Put the four files" in result.stderr


@pytest.mark.parametrize("option", ["--seed", "--examples", "--mnist"])
def test_an_option_that_does_not_apply_is_refused(run, option):
    result = run("predict", "kink", option, "3")
    assert result.exit_code == 1
    assert "'kink' has no such option" in result.stderr


@pytest.mark.parametrize("command", ["predict", "measure"])
def test_a_run_shows_again_what_was_shown(run, my_file, command):
    first = run(command, f"{my_file}:subject", "--out", "a").stdout.partition("\nSaved in")[0]
    again = run("show", "a")
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Run: {command} of mine, zero; float32 on cpu; begun 2")
    assert again.stdout.endswith(first)


def test_an_audit_shows_again_what_was_shown(run, my_file):
    first = run("audit", f"{my_file}:subject", "--out", "a").stdout.partition("\nSaved in")[0]
    assert run("show", "a").stdout.endswith(first)


@pytest.mark.parametrize("command", JOBS)
def test_json_of_a_run_is_that_of_its_making(run_json, my_file, command):
    made = run_json(command, f"{my_file}:subject", "--out", "a")
    shown = run_json("show", "a")
    chunks = [values["manifest"].pop("chunks") for values in (made, shown)]
    assert [len(cut) for cut in chunks] == [0 if command == "predict" else 1, 1]
    assert shown == made


def test_predict_refuses_a_taken_folder_before_it_works(run, my_file, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    my_file.write_text("raise AssertionError('the file was run')")
    result = run("predict", "my.py:subject", "--out", tmp_path)
    assert result.exit_code == 1
    assert f"'{tmp_path}' is taken" in result.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("command", ["measure", "audit"])
def test_the_folder_of_another_run_is_refused(run, my_file, command):
    assert run(command, f"{my_file}:subject", "--out", "a").exit_code == 0
    result = run(command, f"{my_file}:subject", "-p", "mean", "--out", "a")
    assert result.exit_code == 1
    assert "'a' holds another run: its plan is" in result.stderr


@pytest.mark.parametrize("command", ["measure", "audit"])
def test_a_run_that_is_done_is_not_measured_again(run, run_json, my_file, monkeypatch, command):
    made = run_json(command, f"{my_file}:subject", "--out", "a")

    def never(*_given):
        raise AssertionError("measured again")

    monkeypatch.setattr("neurodemon.planner.run.measure", never)
    assert run_json(command, f"{my_file}:subject", "--out", "a")["effects"] == made["effects"]
    assert run(command, f"{my_file}:subject", "--out", "b").exit_code == 1  # it would be seen


def test_numbers_that_json_has_not_become_null_and_the_status_says_why(run_json):
    (row,) = run_json("measure", "saturated", "-p", "add=1e308")["effects"]
    assert row["status"] in {"ok", "non_finite"}
    (row,) = run_json("measure", "kink:4", "-p", "scale=1e308")["effects"]
    assert row["status"] == "non_finite"
    assert row["measured"] is None


@pytest.mark.parametrize("command", JOBS)
def test_the_manifest_names_the_dtype_that_was_asked_for(run_json, my_file, command):
    found = run_json(command, f"{my_file}:subject", "--dtype", "float64")
    assert found["manifest"]["dtype"] == "float64"


def test_a_run_in_another_dtype_is_another_run(run, my_file):
    assert run("measure", f"{my_file}:subject", "--out", "a").exit_code == 0
    result = run("measure", f"{my_file}:subject", "--out", "a", "--dtype", "float64")
    assert result.exit_code == 1
    assert "its dtype is 'float32', now it is 'float64'" in result.stderr
