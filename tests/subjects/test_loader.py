"""The loader: each form of a subject's name, and each way it can fail."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from neurodemon.errors import BatchError, SubjectError
from neurodemon.subjects.loader import load_subject

WORKING = """
    import torch
    from torch import nn
    from neurodemon.subjects.subject import Subject

    BATCHES = [(torch.ones(3, 2), torch.zeros(3, dtype=torch.int64))]

    def subject():
        return Subject(nn.Linear(2, 2), BATCHES, "cross_entropy", name="mine")

    def triple(width=2):
        return nn.Linear(2, width), BATCHES, "cross_entropy"

    ready = subject()
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_one(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write_one


@pytest.fixture(autouse=True)
def _modules_as_before() -> None:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("_neurodemon_subject_", "theirs")):
            del sys.modules[name]


def test_a_built_in_name_is_loaded() -> None:
    assert load_subject("kink").name == "kink"


def test_a_toy_is_loaded_with_its_numbers() -> None:
    assert load_subject("saturated:0.6,0.9").name == "saturated:0.6,0.9"


def test_a_file_named_as_a_toy_keeps_working(write: Write) -> None:
    assert load_subject(f"{write('kink.py', WORKING)}:subject").name == "mine"


def test_a_file_named_as_a_toy_is_found_from_the_current_folder(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write("kink.py", WORKING).parent)
    assert load_subject("kink.py:subject").name == "mine"


def test_a_factory_in_a_file_is_called(write: Write) -> None:
    assert load_subject(f"{write('my.py', WORKING)}:subject").name == "mine"


def test_a_file_is_found_from_the_current_folder(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write("my.py", WORKING).parent)
    assert load_subject("my.py:subject").name == "mine"


def test_a_tuple_of_model_batches_and_cost_is_a_subject(write: Write) -> None:
    subject = load_subject(f"{write('my.py', WORKING)}:triple")
    assert subject.name == "my.py:triple"
    assert len(subject.batches) == 1


def test_a_subject_that_is_ready_is_taken(write: Write) -> None:
    assert load_subject(f"{write('my.py', WORKING)}:ready").name == "mine"


def test_a_factory_in_a_package_is_called(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("theirs/__init__.py", "")
    monkeypatch.chdir(write("theirs/models.py", WORKING).parents[1])
    assert load_subject("theirs.models:subject").name == "mine"


def test_files_beside_the_users_file_can_be_imported(write: Write) -> None:
    write("theirs_beside.py", "WIDTH = 2")
    path = write("my.py", "from theirs_beside import WIDTH\n" + textwrap.dedent(WORKING))
    assert load_subject(f"{path}:subject").name == "mine"


def test_the_import_path_is_left_as_it_was(write: Write) -> None:
    before = list(sys.path)
    path = write("my.py", "import sys; sys.path.append('mine')\n" + textwrap.dedent(WORKING))
    load_subject(f"{path}:subject")
    with pytest.raises(SubjectError):
        load_subject(f"{write('bad.py', 'import sys; sys.path.append(1); 1 / 0')}:subject")
    assert sys.path == before


def test_two_files_of_one_name_do_not_meet(write: Write) -> None:
    other = WORKING.replace('"mine"', '"other"')
    paths = [write("one/my.py", WORKING), write("two/my.py", other)]
    assert [load_subject(f"{path}:subject").name for path in paths] == ["mine", "other"]
    assert "my" not in sys.modules


def test_a_file_with_a_dataclass_loads(write: Write) -> None:
    text = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\n"
    path = write("my.py", text + "class Size:\n    width: int = 2\n" + textwrap.dedent(WORKING))
    assert load_subject(f"{path}:subject").name == "mine"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SubjectError, match=r"file 'gone\.py' is not there.*Looked from"):
        load_subject("gone.py:subject")


def test_a_path_is_split_at_its_last_colon() -> None:
    with pytest.raises(SubjectError, match=r"file 'C:\\\\x\\\\my\.py' is not there"):
        load_subject(r"C:\x\my.py:subject")


@pytest.mark.parametrize("text", ["my.py", r"C:\x\my.py", "my.py:", ":subject", "a:b c"])
def test_a_text_without_a_factory_is_refused(text: str) -> None:
    with pytest.raises(SubjectError, match="names no factory; expected a built-in name, file"):
        load_subject(text)


@pytest.mark.parametrize("module", ["theirs_gone", "theirs_gone.deep", "json.gone", "a..b", "a-b"])
def test_a_module_that_is_not_there_is_named(module: str) -> None:
    with pytest.raises(SubjectError, match=f"module '{module}' is not found"):
        load_subject(f"{module}:subject")


def test_an_unknown_name_is_told_as_by_the_built_in_ones() -> None:
    with pytest.raises(SubjectError, match="Nearest built-in"):
        load_subject("digit")


def test_a_factory_that_is_not_there_lists_those_that_are(write: Write) -> None:
    path = write("my.py", WORKING)
    with pytest.raises(SubjectError, match=r"'subjekt' is not there in .*: 'subject', 'triple'\."):
        load_subject(f"{path}:subjekt")
    with pytest.raises(SubjectError, match=r"'BATCHES' is not callable in .*Callables found"):
        load_subject(f"{path}:BATCHES")


def test_a_file_without_factories_says_so(write: Write) -> None:
    with pytest.raises(SubjectError, match="Callables found: none"):
        load_subject(f"{write('my.py', 'x = 1')}:subject")


def test_a_factory_that_wants_arguments_is_refused(write: Write) -> None:
    path = write("my.py", "def subject(width, *rest, depth=3, seed, **more): ...")
    with pytest.raises(SubjectError, match=r"my\.py:subject wants arguments \(width, seed\)"):
        load_subject(f"{path}:subject")


def test_a_callable_that_does_not_tell_its_arguments_is_called(write: Write) -> None:
    with pytest.raises(SubjectError, match=r"my\.py:subject returned a dict"):
        load_subject(f"{write('my.py', 'subject = dict')}:subject")


@pytest.mark.parametrize(("made", "found"), [("None", "NoneType"), ("(1, 2)", "tuple of 2")])
def test_a_factory_that_makes_something_else_is_refused(
    write: Write, made: str, found: str
) -> None:
    path = write("my.py", f"def subject(): return {made}")
    with pytest.raises(SubjectError, match=f"returned a {found}; expected a Subject or a tuple"):
        load_subject(f"{path}:subject")


def test_a_subject_refused_at_its_own_door_keeps_its_error(write: Write) -> None:
    text = "import torch\ndef subject(): return torch.nn.ReLU(), iter([]), 'quadratic'"
    with pytest.raises(BatchError, match="read only once"):
        load_subject(f"{write('my.py', text)}:subject")


def test_an_error_of_our_own_inside_their_code_stays_what_it_is(write: Write) -> None:
    text = "from neurodemon.errors import BatchError\ndef subject(): raise BatchError('as is')"
    with pytest.raises(BatchError, match=r"^as is$"):
        load_subject(f"{write('my.py', text)}:subject")


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("x = 1\n1 / 0\n", 2, "ZeroDivisionError"),
        ("def subject():\n    return int('a')\n", 2, "ValueError"),
        ("def subject():\n    x = 1\n    import theirs_gone\n", 3, "ModuleNotFoundError"),
        ("\n\ndef subject(:\n", 3, "SyntaxError"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
    ],
)
def test_an_error_in_their_code_is_told_with_file_and_line(
    write: Write, text: str, line: int, name: str
) -> None:
    path = write("my.py", text)
    with pytest.raises(SubjectError, match=rf"my\.py, line {line}, raised {name}") as caught:
        load_subject(f"{path}:subject")
    assert type(caught.value.__cause__).__name__ == name


def test_an_error_while_a_module_is_imported_is_told_with_its_line(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("theirs/__init__.py", "\nimport theirs_gone")
    monkeypatch.chdir(write("theirs/models.py", WORKING).parents[1])
    with pytest.raises(SubjectError, match=r"__init__\.py, line 2, raised ModuleNotFoundError"):
        load_subject("theirs.models:subject")


def test_an_error_without_a_line_of_theirs_names_the_file(write: Write) -> None:
    path = write(
        "my.py", "import builtins\nfrom functools import partial\nsubject = partial(int, 'a')"
    )
    with pytest.raises(SubjectError, match=r"my\.py raised ValueError"):
        load_subject(f"{path}:subject")


def test_a_failed_file_leaves_no_module_behind(write: Write) -> None:
    before = set(sys.modules)
    with pytest.raises(SubjectError, match="ZeroDivisionError"):
        load_subject(f"{write('my.py', '1 / 0')}:subject")
    assert set(sys.modules) == before


def test_options_of_built_in_subjects_are_refused_for_ones_own(
    write: Write, tmp_path: Path
) -> None:
    path = write("my.py", WORKING)
    for options in ({"examples": 3}, {"mnist": tmp_path}):
        with pytest.raises(SubjectError, match="mnist and examples are options of built-in"):
            load_subject(f"{path}:subject", **options)
