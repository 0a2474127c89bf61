"""The command line as a whole: help, version, usage, and how little it takes to start."""

import runpy
import sys
from importlib.metadata import version

import pytest
import typer

from neurodemon.cli import main
from neurodemon.cli.main import app

COMMANDS = [
    "sites", "check", "predict", "measure", "audit", "curve", "headroom", "question", "show",
    "report", "book",
]  # fmt: skip
PROBE = """
import sys
from neurodemon.cli.main import app
try:
    app({words!r})
except SystemExit as end:
    print("code", end.code)
print([name for name in ("torch", "rich.table", "pyarrow", "pydoc_data") if name in sys.modules])
"""


def test_the_commands_are_those_of_the_design():
    assert list(typer.main.get_command(app).commands) == COMMANDS


def test_the_version_is_printed(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"neurodemon {version('neurodemon')}\n")


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_has_examples_of_the_command(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    neurodemon {' '.join(command)}" in result.stdout
    assert "\x1b" not in result.stdout


def test_help_loads_nothing_heavy(runs_anew):
    assert runs_anew(PROBE.format(words=["--help"])).endswith("code 0\n[]\n")


def test_the_probe_sees_what_a_command_loads(runs_anew):
    printed = runs_anew(PROBE.format(words=["show", "nowhere"]))
    assert printed.endswith("code 1\n['rich.table', 'pyarrow']\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["measure"], "Missing argument 'SUBJECT'"),
        (["measure", "kink", "--nothing"], "No such option: --nothing"),
        (["measure", "kink", "--top", "0"], "Invalid value for '--top'"),
        (["measure", "kink", "--examples", "many"], "Invalid value for '--examples'"),
        (["weigh", "kink"], "No such command 'weigh'"),
        (["show"], "Missing argument 'RUN'"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_no_command_shows_the_help(run):
    result = run()
    assert result.exit_code == 2
    assert "Usage:" in result.output


def test_main_runs_the_words_of_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["neurodemon", "--version"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert not end.value.code
    assert capsys.readouterr().out.startswith("neurodemon ")


def test_the_package_runs_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["neurodemon", "--version"])
    with pytest.raises(SystemExit):
        runpy.run_module("neurodemon", run_name="__main__")
    assert capsys.readouterr().out.startswith("neurodemon ")


def test_importing_the_module_runs_nothing(capsys):
    runpy.run_module("neurodemon.__main__", run_name="looked_at")
    assert capsys.readouterr().out == ""


def test_letters_that_a_pipe_cannot_spell_break_nothing(spawn):
    result = spawn("check", "kink", PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert "?z = 0 has effect exactly 0" in result.stdout
