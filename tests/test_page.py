"""The page as a file: what it holds, what it refuses, and that what it says makes its figures again does."""

from __future__ import annotations

import ast
import base64
import csv
import gzip
import hashlib
import html
import inspect
import io
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer.main

import cooc
from cooc.cli.app import app
from cooc.errors import SourceError, UsageError
from cooc.page import figures, report
from cooc.page.again import VERBS, again, known_of
from cooc.page.documents import Document, documents_of
from cooc.page.page import json_in_html
from cooc.page.parts import csv_file, slug
from tests.page_results import OLD, index, results


class Reader(HTMLParser):
    """Tags with their attributes, and the text inside each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "code": []}
        self.within: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in self.inside:
            self.within.append(tag)
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if self.within and self.within[-1] == tag:
            self.within.pop()

    def handle_data(self, data: str) -> None:
        if self.within:
            self.inside[self.within[-1]][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cooc.report(tmp_path_factory.mktemp("page") / "birds.html", results(), index=index())


@pytest.fixture(scope="module")
def read(page: Path) -> Reader:
    return Reader(page.read_text(encoding="utf-8"))


def charts(read: Reader) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(read.inside["script"][0])
    return held


def test_a_page_is_one_file_that_can_be_sent(page: Path, read: Reader) -> None:
    assert 900_000 < page.stat().st_size < 5_000_000
    assert [tag for tag, attributes in read.tags if "src" in attributes] == []
    assert read.all("link") == []
    addresses = [str(each["href"]) for each in read.all("a")]
    assert all(each.startswith(("#", "data:")) for each in addresses)


def test_the_same_results_give_the_same_bytes(page: Path, tmp_path: Path) -> None:
    other = cooc.report(tmp_path / "again.html", list(results()), index=index())
    assert other.read_bytes() == page.read_bytes()


def test_saved_results_give_the_page_of_live_ones(tmp_path: Path) -> None:
    density, saved = results()[0], tmp_path / "density.json"
    saved.write_text(json.dumps(density.to_dict()))
    both = [cooc.report(tmp_path / name, each).read_text() for name, each in (("a.html", density), ("b.html", saved))]
    live, dead = (charts(Reader(each)) for each in both)
    assert set(live) == set(dead)
    for name in live:  # single matched sets are not saved, their quantiles are
        ticks = {"ticks"} if name.endswith(("null", "itself")) else set()
        for table in set(live[name]["spec"]["datasets"]) - ticks:
            assert live[name]["spec"]["datasets"][table] == dead[name]["spec"]["datasets"][table], (name, table)


def test_the_browser_may_run_what_the_page_holds_and_nothing_else(read: Reader) -> None:
    meta = next(each for each in read.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in str(meta["content"]).split(";"))
    digests = ["'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in
               [*read.inside["script"][1:], *read.inside["style"]]]  # fmt: skip
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == digests[:-1] and rules["style-src"] == digests[-1]
    assert "unsafe-eval" not in str(meta["content"]) and "connect-src" not in rules


def test_every_result_has_a_section_and_every_section_a_heading(read: Reader) -> None:
    sections = [str(each["id"]) for each in read.all("section")]
    assert len(sections) == len(set(sections)) == len(results()) + 2
    for verb in ("density", "cluster", "years", "constellation", "curation", "bridge", "kwic", "neighbors", "pair"):
        assert any(name.startswith(verb) for name in sections), verb
    ids = [str(attributes["id"]) for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"{name}-title" for name in sections} <= set(ids)


def test_every_figure_is_drawn_by_a_specification_that_compiles(read: Reader) -> None:
    converter = pytest.importorskip("vl_convert", reason="figures are compiled by vl-convert")
    for name, chart in charts(read).items():
        drawn = converter.vegalite_to_vega(chart["spec"], vl_version="6.4")
        assert drawn["marks"], name
        assert set(chart["spec"]["datasets"]) <= {each["name"] for each in drawn["data"]}, name


def test_nothing_is_told_by_colour_alone(read: Reader) -> None:
    """Where colour tells something, so does a shape or a dash, or the row that it stands in."""
    def encodings(value: Any) -> list[dict[str, Any]]:
        found = [value["encoding"]] if isinstance(value, dict) and "encoding" in value else []
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return found + [each for part in inner for each in encodings(part)]

    for name, chart in charts(read).items():
        spec = {key: value for key, value in chart["spec"].items() if key != "datasets"}
        every = encodings(spec)
        told = {each["color"]["field"] for each in every if "field" in each.get("color", {})}
        others = {each[channel]["field"] for each in every for channel in ("shape", "strokeDash", "yOffset")
                  if "field" in each.get(channel, {})}  # fmt: skip
        assert told <= others, name


def test_every_table_can_be_taken_along_whole(read: Reader) -> None:
    files = {str(each["download"]): str(each["href"]) for each in read.all("a") if "download" in each}
    density, cluster = results()[0], results()[1]
    tables = {"density-index-old_birds": density, "density-index-old_birds-doses": density.terms,
              "cluster-index-old_birds": cluster}  # fmt: skip
    for name, rows in ((name, table.rows()) for name, table in tables.items()):
        held = list(csv.DictReader(io.StringIO(decoded(files[f"{name}.csv"]))))
        assert len(held) == len(rows)
        for line, row in zip(held, rows, strict=True):
            for key, value in row.items():
                if isinstance(value, float):
                    assert float(line[key]) == value
                elif value is None:
                    assert line[key] == ""
                else:
                    assert line[key] == ("; ".join(value) if isinstance(value, list | tuple) else str(value))
    assert decoded(files["old_birds.txt"]).split() == list(OLD)


def decoded(address: str) -> str:
    head, data = address.split(",", 1)
    raw = base64.b64decode(data)
    return (gzip.decompress(raw) if "gzip" in head else raw).decode()


def test_a_large_table_is_compressed_and_the_same_each_time() -> None:
    rows = [{"term": f"word {k}", "count": k} for k in range(20_000)]
    name, address = csv_file("words", rows)
    assert name == "words.csv.gz" and address == csv_file("words", rows)[1]
    held = list(csv.DictReader(io.StringIO(decoded(address))))
    assert [(each["term"], int(each["count"])) for each in held] == [(row["term"], row["count"]) for row in rows]


def test_every_command_line_of_the_page_is_one_that_cooc_takes(read: Reader) -> None:
    commands = [html.unescape(text) for text in read.inside["code"] if text.startswith("cooc ")]
    group: Any = typer.main.get_command(app)
    assert len(commands) > 20
    for line in commands:
        name, *arguments = shlex.split(line, comments=True)[1:]
        group.commands[name].make_context(name, arguments)


def test_all_code_of_the_page_calls_verbs_as_they_are(read: Reader) -> None:
    codes = [html.unescape(text) for text in read.inside["code"] if text.startswith("import cooc")]
    assert len(codes) > 20
    for code in codes:
        call = next(
            node for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr not in
            ("open", "plot", "savefig")
        )  # fmt: skip
        verb = getattr(cooc, call.func.attr)  # type: ignore[attr-defined]
        inspect.signature(verb).bind(*call.args, **{str(each.arg): each.value for each in call.keywords})


def test_options_that_only_python_takes_have_the_value_that_the_command_works_with() -> None:
    for verb, how in VERBS.items():
        defaults = {name: each.default for name, each in inspect.signature(getattr(cooc, verb)).parameters.items()}
        for name, value in how.python_only.items():
            assert defaults[name] == value, (verb, name)


def test_the_command_of_a_density_gives_its_numbers(tmp_path: Path) -> None:
    """What the page says made a figure is run, and makes the same rows."""
    from typer.testing import CliRunner

    density = results()[0]
    names = {"old_birds": OLD, "century": None, "kitchen": None}
    from tests import page_results

    for name in names:
        terms = {"old_birds": OLD, "century": page_results.CENTURY, "kitchen": page_results.KITCHEN}[name]
        (tmp_path / f"{name}.txt").write_text("\n".join(terms))
    known = known_of([tmp_path / f"{name}.txt" for name in names], {index().digest: str(index().path)}, {})
    line = again(documents_of(density)[0], known).command
    assert line.endswith("# draws=100: from Python only")
    done = CliRunner().invoke(app, [*shlex.split(line, comments=True)[1:], "--json", "-q"])
    held = json.loads(done.stdout)
    for row, other in zip(density.rows(), held["rows"], strict=True):
        assert {k: row[k] for k in ("target", "window", "density", "z", "p")} == {
            k: other[k] for k in ("target", "window", "density", "z", "p")
        }


def test_json_in_a_page_cannot_leave_its_script() -> None:
    text = json_in_html({"</script>": ["<!--", "&", "\u2028"]})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"</script>": ["<!--", "&", "\u2028"]}


def test_a_page_of_an_unknown_verb_shows_its_rows(tmp_path: Path) -> None:
    made = {"provenance": {"verb": "weigh", "index": "birds", "digest": "0" * 32}, "rows": [{"term": "auk", "g": 1.5}]}
    text = cooc.report(tmp_path / "page.html", made).read_text()
    assert "weigh" in text and "auk" in text


def test_a_page_of_no_rows_says_so_and_draws_nothing(tmp_path: Path) -> None:
    made = {"provenance": {"verb": "neighbors", "index": "birds", "digest": "0" * 32, "terms": ["auk"]}, "rows": []}
    assert charts(Reader(cooc.report(tmp_path / "page.html", made).read_text())) == {}


def test_two_results_of_one_question_keep_apart(tmp_path: Path) -> None:
    read = Reader(cooc.report(tmp_path / "page.html", [results()[6]] * 3).read_text())
    assert [str(each["id"]) for each in read.all("section")][1:] == [
        "kwic-index-auk", "kwic-index-auk.2", "kwic-index-auk.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"), [([], "a report of no result"), ([3], "found int"), ("x.txt", "can't be read")]
)
def test_what_is_no_result_is_refused(tmp_path: Path, given: Any, told: str) -> None:
    with pytest.raises((UsageError, SourceError), match=told):
        cooc.report(tmp_path / "page.html", given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "is no JSON document"), ('{"rows": []}', "it has no provenance"), ('{"rows": NaN}', "NaN is no number"),
     ('{"provenance": {"verb": "v", "index": "i", "digest": "d"}, "rows": [1]}', "no list of objects"),
     ("[" * 100_000, "is no JSON document")],
)  # fmt: skip
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: str, told: str) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(text)
    with pytest.raises(SourceError, match=f"saved.json.*{told}"):
        cooc.report(tmp_path / "page.html", saved)


def test_a_page_too_large_to_send_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(report, "LARGEST", 10_000)
    with pytest.raises(UsageError, match=r"would have \d[\d,]* bytes; at most 10,000"):
        cooc.report(tmp_path / "page.html", results()[8])
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_way_to_it_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(figures, "import_module", missing)
    figures.altair.cache_clear()
    try:
        with pytest.raises(UsageError, match=re.escape('pip install "cooc[report]"')):
            cooc.report(tmp_path / "page.html", results()[0])
    finally:
        figures.altair.cache_clear()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        cooc.report(tmp_path / "file" / "page.html", results()[8])


def test_names_of_files_are_plain() -> None:
    assert slug("density", "../../etc/passwd", "Ä b") == "density-etc-passwd-b"


def test_terms_of_the_graph_have_the_counts_and_lines_of_the_index(read: Reader) -> None:
    graph = charts(read)["cluster-index-old_birds-graph"]
    nodes = graph["spec"]["datasets"]["nodes"]
    for node in nodes[::7]:
        counted = cooc.count(index(), node["term"]).rows()[0]
        assert (node["occurrences"], node["documents"]) == (counted["occurrences"], counted["documents"])
        for line in graph["graph"]["lines"][node["term"]]:
            assert line["node"] == node["term"]
    edges = graph["spec"]["datasets"]["edges"]
    for edge in edges[::40]:
        row = cooc.pair(index(), edge["a"], edge["b"]).rows()[0]
        assert edge["count"] == row["count"]
        for name in ("npmi", "g2"):
            assert edge[name] == pytest.approx(row[name], rel=1e-5)


def test_a_document_keeps_what_a_result_says() -> None:
    for result in results():
        document = documents_of(result)[0]
        assert isinstance(document, Document) and document.rows == result.rows()


def test_an_audit_says_what_it_warns_of_and_draws_both_controls(tmp_path: Path) -> None:
    row = {"part": "answers", "target": "century", "warning": "beyond its topic", "density": 1.5, "z": 4.5, "p": 0.01,
           "p_adjusted": 0.02, "z_beyond": 3.5, "p_beyond": 0.03, "item_share": 0.4, "named": 0.0, "carried_by": "auk",
           "threshold": 2.1, "sentence": "century stands 2.8 times as often around the answers."}  # fmt: skip
    other = {**row, "target": "kitchen", "warning": "no sign", "z": -0.4, "z_beyond": None, "p_beyond": None,
             "sentence": "kitchen stands no more often."}  # fmt: skip
    made = {
        "provenance": {"verb": "audit", "index": "birds", "digest": "0" * 32, "terms": ["tuned"],
                       "parameters": {"file": "tuned.jsonl", "null": 500, "seed": 0}},
        "rows": [row, other], "terms": [{"part": "answers", "term": "auk", "g2": 9.0}], "examples": [],
        "notes": ["answers: not in birds are 3 words"],
    }  # fmt: skip
    text = cooc.report(tmp_path / "page.html", made).read_text()
    figure = charts(Reader(text))["audit-birds-tuned-jsonl-z"]["spec"]
    assert [(each["name"], each["z"]) for each in figure["datasets"]["audit"]] == [
        ("century (beyond its topic)", 4.5), ("century (beyond its topic)", 3.5), ("kitchen (no sign)", -0.4),
    ]  # fmt: skip
    outside_tables = re.sub(r"<table.*?</table>", "", text, flags=re.DOTALL)
    assert str(row["sentence"]) in outside_tables and str(other["sentence"]) not in outside_tables
    assert "cooc audit birds tuned.jsonl --target century.txt --target kitchen.txt" in text
    assert pytest.importorskip("vl_convert").vegalite_to_vega(figure, vl_version="6.4")["marks"]


def test_a_bridge_without_densities_names_none(tmp_path: Path) -> None:
    from tests.page_results import outcomes

    read = Reader(cooc.report(tmp_path / "page.html", cooc.bridge(outcomes()), files={"outcomes": "o.csv"}).read_text())
    command, code = read.inside["code"]
    assert command.startswith("cooc bridge o.csv --") and "--densities" not in command
    assert "cooc.bridge('o.csv', " in code and "density.json" not in code
