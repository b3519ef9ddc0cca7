"""The shipped grid against measuring it again."""

import itertools

import pytest

import compress_core as cc
from compress_core.studies import tradeoff as g


@pytest.fixture(scope="module")
def table():
    return g.load_grid("studentnet", "digits")


def test_every_recipe_of_the_grid_is_there_once(table):
    expected = set(itertools.product(g.WIDTHS, g.RATIOS, g.BITS))
    assert set(zip(table["width"], table["prune"], table["bits"], strict=True)) == expected
    assert len(table) == len(expected)


@pytest.mark.parametrize("place", [0, 6, 60, 131, 200, 251])
def test_the_shipped_rows_can_be_measured_again(table, place, cache):
    row = table.iloc[place]
    recipe = cc.Recipe(width=row["width"], prune=row["prune"], bits=int(row["bits"]))
    again = dict(zip(g.COLUMNS, g.measure_point(recipe, cache), strict=True))
    assert again["file_bytes"] == row["file_bytes"] and again["params"] == row["params"]
    assert again["accuracy"] == pytest.approx(row["accuracy"], abs=0.005)  # another processor rounds otherwise


def test_the_table_names_the_command_that_made_it():
    first = g.grid_path("studentnet", "digits").read_text().splitlines()[0]
    assert first == "# python -m compress_core grid --arch studentnet --dataset digits"


def test_what_is_written_is_read_back(table, tmp_path, monkeypatch):
    monkeypatch.setattr(g, "FOLDER", tmp_path)
    g.write_grid(table, g.grid_path("studentnet", "digits"), "a command")
    assert g.load_grid("studentnet", "digits").equals(table)


def test_no_table_is_an_empty_one():
    assert g.load_grid("nobody", "digits").empty
