"""Keep: what has a run folder is saved, anything else is refused before a file is touched."""

import subprocess
import sys
from pathlib import Path

import neurodemon as nd
from neurodemon.subjects.toys import saturated


def test_headroom_comes_back_with_its_columns(tmp_path: Path) -> None:
    found = nd.headroom(saturated())
    nd.save(found, tmp_path / "a")
    again = nd.load(tmp_path / "a")
    assert again.to_arrow().to_pylist() == found.to_arrow().to_pylist()


REFUSED = """
import neurodemon as nd
from neurodemon.subjects.toys import saturated
try:
    nd.save(nd.curve(saturated(), "fc", points=3), "a")
except nd.NeurodemonError as error:
    print(type(error).__name__, error)
"""


def test_a_curve_is_refused_with_the_way_to_keep_it(tmp_path: Path) -> None:
    # in a process of its own: in ours the shape checks refuse it first
    command = [sys.executable, "-c", REFUSED]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "StoreError A Curve is not kept in a run folder" in printed.stdout
    assert "curve.to_dict()" in printed.stdout
    assert not (tmp_path / "a").exists()
