"""Results: frozen, with provenance, readable in a terminal and a notebook, ready for JSON."""

import dataclasses
import io
import json
import math
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from cooc.errors import UsageError
from cooc.query.layout import formatted, places, text_table
from cooc.query.measures import MEASURES, evaluate
from cooc.query.results import Counts, Neighbors, Ngrams, Pair, Provenance, Result, columns_to_table


def neighbors(n: int = 3) -> Neighbors:
    o11 = np.array([30, 2, 0])[np.arange(n) % 3]
    values = evaluate(list(MEASURES), o11, 100, 300, 10**6, smoothed_total=4e4)
    columns = {"term": [f"term{i}" for i in range(n)], "count": o11, **values}
    source = Provenance("neighbors", "pile-val", "5ab0" * 16, ("auk",), "npmi", {"min_count": 1})
    return Neighbors(columns, source)


def pair() -> Pair:
    values = {name: value[None] for name, value in
              evaluate(list(MEASURES), 30, 100, 300, 10**6, smoothed_total=4e4).items()}
    counts = {"count": [30], "expected": [0.03], "r1": [100], "c1": [300], "n": [10**6]}
    columns = {"a": ["terminator"], "b": ["1984"], **counts, **values}
    return Pair(columns, Provenance("pair", "pile-val", "5ab0" * 16, ("terminator", "1984")))


# ---- frozen

def test_nothing_edits_a_result():
    result = neighbors()
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'columns'"):
        result.columns = {}  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        result.columns["count"][0] = 5
    with pytest.raises(TypeError, match="does not support item assignment"):
        result.columns["term"][0] = "x"


def test_a_result_travels_to_workers():
    assert pickle.loads(pickle.dumps(neighbors())).to_dict() == neighbors().to_dict()


def test_columns_of_different_length_are_a_bug():
    with pytest.raises(ValueError, match=r"differ in length: \{'term': 2, 'count': 1\}"):
        Result({"term": ["a", "b"], "count": [1]}, Provenance("x", "y", "z"))


# ---- null

def test_nan_is_null_in_the_table_and_none_in_rows():
    result = neighbors()
    assert result.table["npmi"].null_count() == 1
    assert result.table["npmi"].is_nan().sum() == 0
    assert result.rows()[2]["npmi"] is None
    assert result.rows()[2]["count"] == 0


def test_columns_keep_their_types():
    table = columns_to_table({
        "term": ["a", "b"], "count": np.array([1, 2**62]), "pmi": np.array([math.nan, 1.5]),
        "documents": [None, 3], "low": [math.nan, 0.5],
    })
    assert table.schema == {"term": pl.String, "count": pl.Int64, "pmi": pl.Float64,
                            "documents": pl.Int64, "low": pl.Float64}
    assert table.rows() == [("a", 1, None, None, None), ("b", 2**62, 1.5, 3, 0.5)]


def test_an_empty_result_has_a_table_a_repr_and_no_rows():
    result = Neighbors({"term": [], "count": np.array([], np.int64)}, Provenance("neighbors", "x", "0"))
    assert len(result) == 0
    assert result.rows() == []
    assert result.table.shape == (0, 2)
    assert repr(result).splitlines() == ["neighbors in x", "term  count"]
    assert "<tbody></tbody>" in result._repr_html_()


def test_numpy_scalars_in_a_list_become_plain_numbers():
    result = Result({"n": [np.int64(3), np.float64("nan"), None]}, Provenance("x", "y", "z"))
    assert json.dumps(result.rows(), allow_nan=False) == '[{"n": 3}, {"n": null}, {"n": null}]'


# ---- JSON

def test_rows_and_provenance_are_json():
    written = json.loads(json.dumps(neighbors().to_dict(), allow_nan=False))
    assert written["provenance"] == {
        "verb": "neighbors", "index": "pile-val", "digest": "5ab0" * 16, "terms": ["auk"], "measure": "npmi",
        "parameters": {"min_count": 1},
    }
    assert written["rows"][0]["term"] == "term0"
    assert set(MEASURES) <= set(written["rows"][0])


def test_a_pair_is_one_dictionary():
    written = json.loads(json.dumps(pair().to_dict(), allow_nan=False))
    assert (written["a"], written["b"], written["count"], written["n"]) == ("terminator", "1984", 30, 10**6)
    assert written["provenance"]["verb"] == "pair"


# ---- text

def test_a_repr_fits_a_hundred_columns_and_says_what_it_left_out():
    lines = repr(neighbors(100)).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "neighbors of auk in pile-val, by npmi (min_count=1)"
    assert lines[-2] == "… 70 more rows"
    assert lines[-1].startswith("… ")
    assert "more columns in .table" in lines[-1]


def test_the_ranking_measure_comes_before_the_others():
    assert repr(neighbors()).splitlines()[1].split()[:4] == ["term", "count", "expected", "npmi"]


def test_terms_stand_left_and_numbers_right():
    text = text_table({"term": ["great auk", "diver"], "count": [1_234_567, 7], "npmi": [0.25, None]})
    assert text.splitlines() == [
        "term           count   npmi",
        "great auk  1,234,567  0.250",
        "diver              7      –",
    ]


def test_a_long_term_is_cut():
    long = text_table({"term": ["x" * 500]}).splitlines()[1]
    assert long == "x" * 39 + "…"


def test_numbers_of_a_column_share_their_decimals_and_small_ones_keep_two_digits():
    assert formatted([12_345.6, 100.0, 0.03]) == ["12,346", "100", "0.03"]
    assert formatted([0.5, -0.25, 1e-7, 0.0]) == ["0.500", "-0.250", "1e-07", "0.000"]
    assert formatted([1, 20_000, True, None, "x"]) == ["1", "20,000", "True", "–", "x"]


def test_a_pair_shows_every_measure_by_name():
    lines = repr(pair()).splitlines()
    assert lines[0] == "pair of terminator, 1984 in pile-val"
    assert max(map(len, lines)) <= 100
    assert set(MEASURES) <= set(" ".join(lines).split())


def test_the_html_escapes_terms_and_carries_the_provenance():
    result = Ngrams({"ngram": ["<b> & c"], "count": [3]}, Provenance("ngrams", "x", "0123456789abcdef0123"))
    page = result._repr_html_()
    assert "&lt;b&gt; &amp; c" in page
    assert "<caption>ngrams in x · index 0123456789abcdef</caption>" in page
    assert "<td" in pair()._repr_html_()


# ---- what it costs

def test_rows_and_repr_need_no_polars():
    code = (
        "import sys; from cooc.query.results import Counts, Provenance;"
        "c = Counts({'phrase': ['auk'], 'occurrences': [3]}, Provenance('count', 'x', '0'));"
        "repr(c), c.to_dict(), c._repr_html_();"
        "heavy = {'polars', 'pyarrow', 'scipy', 'matplotlib', 'rich'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_table_is_made_once():
    result = neighbors()
    assert result.table is result.table


# ---- plots

def test_a_plot_without_matplotlib_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r'plots need matplotlib: pip install "cooc\[plot\]"'):
        neighbors().plot()


def test_a_plot_has_a_bar_for_each_row_longest_ranked_first():
    pytest.importorskip("matplotlib")
    axes = neighbors(50).plot(top=12).axes[0]
    assert len(axes.patches) == 12
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["term0", "term1"]
    assert axes.get_xlabel() == "npmi"
    counts = Counts({"phrase": ["auk", "auk"], "occurrences": [3, 4]}, Provenance("count", "x", "0"))
    assert [bar.get_width() for bar in counts.plot().axes[0].patches] == [3, 4]
    assert [bar.get_width() for bar in pair().plot().axes[0].patches] == [30, pytest.approx(0.03)]


def test_a_term_with_dollars_is_no_formula():
    counts = Counts({"phrase": ["$a$b^{", "$$"], "occurrences": [3, 4]}, Provenance("count", "$x$", "0", ("$a$b^{",)))
    figure = counts.plot()
    assert b"$a$b^{" in saved(figure, "svg")


def saved(figure, kind, **options):
    file = io.BytesIO()
    figure.savefig(file, format=kind, **options)
    return file.getvalue()


def test_a_table_of_any_columns_is_drawn_by_its_first_numbers():
    table = Result({"clue": ["a", "b"], "flag": [True, False], "weight": [0.5, None]}, Provenance("x", "y", "z"))
    axes = table.plot().axes[0]
    assert axes.get_xlabel() == "weight" and [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert len(Neighbors({"term": [], "count": []}, Provenance("x", "y", "z")).plot().axes[0].patches) == 0
    with pytest.raises(UsageError, match="there is nothing to draw: no column is of numbers; there are clue, flag"):
        Result({"clue": ["a"], "flag": [True]}, Provenance("x", "y", "z")).plot()


def test_a_figure_shows_in_a_notebook():
    assert neighbors().plot()._repr_png_().startswith(b"\x89PNG")


def test_a_figure_keeps_text_as_text_and_embeds_its_fonts():
    figure = neighbors().plot()
    assert b">term0</text>" in saved(figure, "svg")
    pdf = saved(figure, "pdf")
    assert b"/Type3" not in pdf and b"/FontFile2" in pdf and b"CreationDate" not in pdf


def test_a_figure_is_the_same_bytes_again():
    for kind in ("png", "svg", "pdf"):
        assert saved(neighbors().plot(), kind) == saved(neighbors().plot(), kind)


def test_a_figure_is_saved_as_wide_as_a_column():
    figure = neighbors().plot()
    assert b'width="244.8pt"' in saved(figure, "svg", width=3.4)
    assert figure.get_size_inches()[0] == 7


# ---- rich

def rich_text(result, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(result)
    return console.file.getvalue()


def test_rich_shows_as_many_columns_as_there_is_room_for():
    for width in (30, 60, 200):
        lines = rich_text(neighbors(40), width).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[-1].strip() == "… 10 more rows"
    assert "term0" in rich_text(neighbors(), 30) and "log_dice" in rich_text(neighbors(), 300)


def test_rich_takes_no_term_for_markup():
    result = Ngrams({"ngram": ["[bold]b[/bold]"], "count": [3]}, Provenance("ngrams", "[red]", "0"))
    assert "[bold]b[/bold]" in rich_text(result, 80) and "ngrams in [red]" in rich_text(result, 80)


def test_rich_shows_a_pair_as_a_grid_that_fits():
    assert max(map(len, rich_text(pair(), 40).splitlines())) <= 40
    assert set(MEASURES) <= set(rich_text(pair(), 40).split())


# ---- widths

def test_a_table_is_as_wide_as_asked_and_says_what_it_left_out():
    columns = {"term": ["great auk"], **{f"column{k}": [k] for k in range(9)}}
    lines = text_table(columns, width=40, elsewhere="by --json").splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[-1].startswith("… 6 more columns by --json: column3,")


def test_characters_of_two_places_are_counted_as_two():
    text = text_table({"term": ["海鴨", "auk"], "count": [1, 2]})
    assert text.splitlines() == ["term  count", "海鴨      1", "auk       2"]
    assert places(text_table({"term": ["海" * 50]}).splitlines()[1]) == 39
