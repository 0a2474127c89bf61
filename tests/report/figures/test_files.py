"""Files: PNG and SVG, whole or not at all, the same each time."""

import io
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from oracles.drawables import make_curve
from PIL import Image

from neurodemon.errors import PlotError, StoreError
from neurodemon.report.figures.curves import draw_curve
from neurodemon.report.figures.files import FORMS, form_of, require_place, write_figures


@pytest.fixture
def curve():
    return {"curve": draw_curve(make_curve())}


def test_a_png_is_an_image_with_title_and_description(curve, tmp_path):
    (path,) = write_figures(curve, tmp_path / "a.png")
    with Image.open(path) as image:
        image.load()
        assert image.size == (1440, 840)  # 7.2 × 4.2 inches at 200 a inch
        assert image.text["Title"].startswith("The cost as a demon moves fc1[3]")
        assert "Line plot of the cost" in image.text["Description"]


def test_an_svg_is_xml_with_title_and_description(curve, tmp_path):
    (path,) = write_figures(curve, tmp_path / "a.svg")
    root = ET.parse(path).getroot()  # noqa: S314  # our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text.startswith("The cost as a demon moves fc1[3]")
    assert "Line plot of the cost" in path.read_text("utf-8")


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_result_makes_the_same_bytes(form, tmp_path):
    contents = [
        write_figures({"curve": draw_curve(make_curve())}, tmp_path / f"{n}.{form}")[0].read_bytes()
        for n in range(2)
    ]
    assert contents[0] == contents[1]


def test_without_our_settings_an_svg_differs_each_time(curve):
    contents = []
    for _ in range(2):
        buffer = io.BytesIO()
        curve["curve"].savefig(buffer, format="svg", metadata={"Date": None})
        contents.append(buffer.getvalue())
    assert contents[0] != contents[1]


def test_a_folder_gets_both_of_each_figure(curve, tmp_path):
    folder = tmp_path / "new" / "figures"
    written = write_figures({"here": curve["curve"], "there": curve["curve"]}, folder)
    assert written == [folder / f"{name}.{form}" for name in ("here", "there") for form in FORMS]
    assert sorted(folder.iterdir()) == sorted(written)


def test_a_folder_with_a_dot_that_is_there_is_a_folder(curve, tmp_path):
    folder = tmp_path / "run.v2"
    folder.mkdir()
    assert {path.name for path in write_figures(curve, folder)} == {"curve.png", "curve.svg"}


def test_a_file_s_folder_is_made(curve, tmp_path):
    assert write_figures(curve, str(tmp_path / "a" / "b.PNG"))[0].is_file()


@pytest.mark.parametrize("name", ["a.pdf", "a.jpg", "a.pgn"])
def test_another_ending_is_refused(curve, tmp_path, name):
    with pytest.raises(PlotError, match=r"ends in '\.\w+'; expected \.png or \.svg, or a folder"):
        write_figures(curve, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_several_figures_do_not_go_into_one_file(curve, tmp_path):
    two = {"here": curve["curve"], "there": curve["curve"]}
    with pytest.raises(PlotError, match=r"2 figures \(here, there\) do not go into the one file"):
        write_figures(two, tmp_path / "a.png")


def test_a_disk_that_refuses_leaves_no_half_file(curve, tmp_path, monkeypatch):
    def refuse(*_paths):
        raise OSError("No space left")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="No space left"):
        write_figures(curve, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(curve, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StoreError, match="taken"):
        write_figures(curve, tmp_path / "taken")
    with pytest.raises(StoreError, match="taken"):
        write_figures(curve, tmp_path / "taken" / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.svg", "figures", "new/deep/a.png"])
def test_a_place_that_will_do_is_let_through_and_not_made(tmp_path, name):
    require_place(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_place_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_place("a.png")
    require_place("figures", is_for_several=True)


@pytest.mark.parametrize("name", ["a.png", "taken"])
def test_a_place_for_several_must_be_a_folder(tmp_path, name):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(PlotError, match="is one file, and there will be several figures"):
        require_place(tmp_path / name, is_for_several=True)


@pytest.mark.parametrize("name", ["taken", "taken/a.png", "taken/deep/figures"])
def test_a_place_under_a_file_is_refused_early(tmp_path, name):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StoreError, match="taken' is no folder that can be written in"):
        require_place(tmp_path / name)


def test_a_folder_that_cannot_be_written_in_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="No figure can be written to"):
        require_place(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "form"), [("a.png", "png"), ("a.SVG", "svg"), ("figures", None), (".", None)]
)
def test_a_path_says_what_it_asks_for(name, form):
    assert form_of(Path(name)) == form
