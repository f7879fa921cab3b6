"""`cooc report`: the whole page by one command, from an index, from saved results, or from both."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cooc.cli.app import app
from cooc.page import whole
from tests.page_results import CENTURY, KITCHEN, NEW, OLD, PERSONS, doses, index, outcomes, results


def report(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def terms(folder: Path, name: str, words: Any) -> Path:
    path = folder / f"{name}.txt"
    path.write_text("\n".join(words))
    return path


def sections(path: Path) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', path.read_text())


def test_one_command_makes_the_whole_page(tmp_path: Path) -> None:
    seeds, target = terms(tmp_path, "old_birds", OLD), terms(tmp_path, "century", CENTURY)
    clues, page = terms(tmp_path, "clues", ["telegraph", "oven"]), tmp_path / "page.html"
    persons = tmp_path / "persons.toml"
    persons.write_text("".join(f"[{name}]\nterms = {list(words)!r}\n" for name, words in PERSONS.items()))
    done = report(
        index().path, "--seeds", seeds, "--target", target, "--target", terms(tmp_path, "kitchen", KITCHEN),
        "--clues", clues, "--candidates", persons, "--pool", terms(tmp_path, "pool", [*OLD, *NEW]),
        "--selected", terms(tmp_path, "chosen", OLD[:5]), "--null", 20, "-q", "--out", page,
    )  # fmt: skip
    assert (done.exit_code, done.stdout.strip()) == (0, str(page)), done.output
    made = sections(page)
    assert [name.split("-")[0] for name in made] == [
        "asked", "corpus", "density", "cluster", "years", "kwic", "kwic", "kwic", "constellation", "curation",
    ]  # fmt: skip
    text = page.read_text()
    assert f"--seeds {seeds}" in text and f"--clues {clues} --candidates {persons}" in text


def test_saved_results_become_a_page_and_an_index_beside_them_gives_lines(tmp_path: Path) -> None:
    saved, page = tmp_path / "cluster.json", tmp_path / "page.html"
    saved.write_text(json.dumps(results()[1].to_dict()))
    assert report(saved, "--out", page).exit_code == 0
    assert [name.split("-")[0] for name in sections(page)] == ["asked", "cluster"]
    assert '"lines":{}' in page.read_text()
    assert report(saved, index().path, "--out", page, "-q").exit_code == 0
    assert [name.split("-")[0] for name in sections(page)] == ["asked", "corpus", "cluster"]
    assert '"lines":{"' in page.read_text()


def test_an_index_alone_shows_its_ngrams(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert report(index().path, "--out", page, "-q").exit_code == 0
    assert [name.split("-")[0] for name in sections(page)] == ["asked", "corpus", "ngrams", "ngrams"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--clues", "c.txt"], "needs both: --clues, and the --candidates"),
        (["--pool", "p.txt"], "needs both: the --pool, and what was --selected"),
        (["--pool", "p.txt", "--selected", "s.txt"], "a curation needs a --target"),
        (["--target", "@food"], "a --target needs --seeds"),
        (["--seeds", "s.txt", "--outcomes", "@published"], "--outcomes need densities"),
    ],
)
def test_half_a_question_is_refused_before_anything_is_read(tmp_path: Path, options: list[str], told: str) -> None:
    done = report(tmp_path / "no-index", *options, "--out", tmp_path / "page.html")
    assert done.exit_code == 1 and told in done.stderr.replace("\n", " ")


def test_seeds_without_an_index_are_refused(tmp_path: Path) -> None:
    done = report(tmp_path / "saved.json", "--seeds", "@food", "--out", tmp_path / "page.html")
    assert done.exit_code == 1 and "are asked of an index" in done.stderr


def test_an_index_without_years_gets_a_note_and_the_rest_of_the_page(tmp_path: Path) -> None:
    from tests.corpora import index_of

    words = [["auk", "nest", "sea", "gull", "nest", "cliff"], ["gull", "sea", "cliff", "auk", "wing"]] * 20
    small, page = index_of(tmp_path, words), tmp_path / "page.html"
    seeds, target = terms(tmp_path, "seeds", ["auk", "gull"]), terms(tmp_path, "places", ["sea", "cliff"])
    done = report(small.path, "--seeds", seeds, "--target", target, "--null", 5, "-q", "--out", page)
    assert done.exit_code == 0 and "no years: " in done.stderr
    assert "no years: " in page.read_text() and not any(name.startswith("years") for name in sections(page))


def test_outcomes_are_joined_to_the_densities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one list no question has two units, so the densities of the bridge are given here."""
    asked = whole.Asked(seeds="s", targets=("t",), outcomes="o")
    monkeypatch.setattr(whole, "density", lambda *_, **__: results()[0])
    monkeypatch.setattr(whole, "cluster", lambda *_, **__: results()[1])
    monkeypatch.setattr(whole, "years", lambda *_, **__: results()[2])
    joined = whole.bridge
    given: list[Any] = []

    def recorded(told: Any, densities: Any, **options: Any) -> Any:
        given.extend([told, *densities])
        return joined(outcomes(), [doses()], **options)

    monkeypatch.setattr(whole, "bridge", recorded)
    answers = whole.ask_all(index(), asked)
    assert given == ["o", results()[0]]
    assert [result.provenance.verb for result in answers.results] == [
        "density", "cluster", "years", "bridge", "kwic", "kwic", "kwic",
    ]  # fmt: skip
