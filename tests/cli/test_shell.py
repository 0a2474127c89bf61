"""What goes wrong becomes a message and an exit code, in process and with real signals."""

import signal

import pytest
import typer

from neurodemon.cli import shell
from neurodemon.cli.shell import guarded
from neurodemon.errors import StoreError
from neurodemon.jobs import measuring

INTERRUPTING = """
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it


def stop_once(event, given, seen=[]):
    if event == "os.rename" and str(given[1]).endswith("part-00001.parquet") and not seen:
        seen.append(event)
        signal.raise_signal(signal.SIGINT)


sys.addaudithook(stop_once)
"""


def leave(**options):
    """Begin to guard with an error; give the exit code."""
    error = options.pop("error")
    with pytest.raises(typer.Exit) as end, guarded(**{"with_traceback": False, **options}):
        raise error
    return end.value.exit_code


def test_what_goes_well_is_left_alone(capsys):
    with guarded(with_traceback=False):
        print("well")  # noqa: T201
    assert capsys.readouterr() == ("well\n", "")


def test_our_errors_are_said_without_a_traceback(capsys):
    assert leave(error=StoreError("No run at 'a'.")) == 1
    assert capsys.readouterr() == ("", "error: No run at 'a'.\n")


def test_a_traceback_is_shown_when_asked_for(capsys):
    assert leave(error=StoreError("No run at 'a'."), with_traceback=True) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):\n")
    assert said.endswith("StoreError: No run at 'a'.\nerror: No run at 'a'.\n")


def test_an_error_with_a_note_of_ours_is_told_with_it_and_is_no_bug(capsys, monkeypatch):
    monkeypatch.setattr(shell, "_is_theirs", lambda _filename: False)
    error = RuntimeError("not positive-definite")
    error.add_note("This was raised while measuring 3 units at 'fc1'.")
    assert leave(error=error) == 1
    assert capsys.readouterr().err == (
        "error: RuntimeError: not positive-definite\n"
        "This was raised while measuring 3 units at 'fc1'.\n"
    )


def test_an_unexpected_error_is_one_line_that_says_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(shell, "_is_theirs", lambda _filename: False)
    assert leave(error=RuntimeError("a\nb" + 1000 * "c")) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: RuntimeError: a bccc")
    assert said.endswith(
        "This is a bug: run it again with --traceback and report what that prints.\n"
    )
    assert said.count("\n") == 1
    assert len(said) < 450


def test_what_the_system_refuses_is_not_called_a_bug(capsys, monkeypatch):
    monkeypatch.setattr(shell, "_is_theirs", lambda _filename: False)
    assert leave(error=OSError(28, "No space left on device")) == 1
    said = capsys.readouterr().err
    assert said == "error: the system refused: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("/home/me/my.py", True),
        (str(shell.OURS / "jobs" / "auditing.py"), False),
        (str(shell.STANDARD_LIBRARY / "json" / "decoder.py"), False),
        ("/home/me/.venv/lib/python3.11/site-packages/torch/nn/modules/module.py", False),
        ("<frozen importlib._bootstrap>", False),
    ],
)
def test_whose_code_a_file_is(filename, expected):
    assert shell._is_theirs(filename) is expected


def test_an_error_in_their_own_code_is_not_called_a_bug_of_ours(run, my_file):
    result = run("check", f"{my_file}:broken")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"hello from my file\nerror: {my_file}, line ")
    assert "raised ZeroDivisionError: no such cost. This is in your own code" in result.stderr
    assert "bug" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_factory_that_fails_is_said_with_its_line(run, my_file):
    result = run("check", f"{my_file}:unfinished")
    assert result.exit_code == 1
    assert "raised RuntimeError: not written yet" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [["sites"], ["check"], ["predict"], ["measure"], ["audit"], ["show"]]
)
def test_each_command_shows_the_traceback_when_asked(run, words):
    result = run(*words, "nowhere", "--traceback")
    assert result.exit_code == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert "error: " in result.stderr


def test_a_reader_that_has_gone_is_left_to_typer():
    with pytest.raises(BrokenPipeError), guarded(with_traceback=False):
        raise BrokenPipeError


def test_interrupted_without_a_folder_says_how_to_keep(capsys):
    assert leave(error=KeyboardInterrupt(), resumes=True) == 130
    said = capsys.readouterr().err
    assert said.startswith("interrupted: nothing was saved. With --out DIR, what is done is kept")


def test_interrupted_where_nothing_can_be_kept_says_so(capsys):
    assert leave(error=KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted: nothing was saved.\n"


def test_interrupted_before_the_first_unit_says_so(capsys, tmp_path):
    assert leave(error=KeyboardInterrupt(), resumes=True, out=tmp_path / "a") == 130
    assert "nothing was done yet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["measure", "audit"])
def test_an_interrupted_run_says_what_is_kept_and_goes_on(
    run, run_json, my_file, monkeypatch, command
):
    whole = run_json(command, f"{my_file}:wide", "--out", "whole")

    def stop_after_one(plan, recordings, nudges, **how):
        yield next(iter(run_plan(plan, recordings, nudges, **how)))
        raise KeyboardInterrupt

    run_plan = measuring.run
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "run", stop_after_one)
        result = run(command, f"{my_file}:wide", "--out", "a dir")
    assert result.exit_code == 130
    assert "interrupted: 64 of 130 units are in a dir." in result.stderr
    assert "The same command with --out 'a dir' goes on from there." in result.stderr
    shown = run("show", "a dir")
    assert "Not complete: 66 units of this run are not done yet." in shown.stdout
    assert run_json("show", "a dir")["complete"] is False
    again = run_json(command, f"{my_file}:wide", "--out", "a dir")
    assert again["effects"] == whole["effects"]
    assert run_json("show", "a dir")["complete"] is True


def test_a_real_signal_stops_a_sweep_with_130(spawn, my_file):
    my_file.write_text(INTERRUPTING + my_file.read_text("utf-8"), "utf-8")
    result = spawn("measure", "my.py:wide", "--out", "a", "--json")
    assert result.returncode == 130
    assert result.stdout == ""
    assert "interrupted: 64 of 130 units are in a." in result.stderr
    assert "Traceback" not in result.stderr


def test_the_exit_code_of_an_interrupt_is_that_of_shells():
    assert shell.INTERRUPTED == 128 + signal.SIGINT
