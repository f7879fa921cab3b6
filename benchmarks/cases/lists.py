"""The lists that the cases ask for, made from the paper's: parts of them, unions, and the answers by president."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cooc.clusters.lexicon import lexicon
from cooc.tokens.words import WordTokenizer

GIVEN = Path(__file__).parent / "given"
"""Small files of our own."""

BIRDS = ("birds_old_audubon", "birds_modern_audubon", "birds_modern_american")
YEARS = range(1975, 2025)


def made_lists(terms: Path, folder: Path) -> None:
    """Write every list that can be made of what is in `terms`; what is missing there makes none."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "years.txt", map(str, YEARS))
    _centuries(folder)
    for part in (_birds, _dishes, _cities, _facts, _presidents):
        try:
            part(terms, folder)
        except FileNotFoundError:
            continue


def lines_of(path: Path) -> list[str]:
    """The terms of a .txt file, each once, as words of the corpus."""
    text = path.read_text(encoding="utf-8")
    named = {spelled(line): line.strip() for line in reversed(text.split("\n")) if line.strip() and line[0] != "#"}
    return list(reversed(named.values()))


def spelled(term: str) -> tuple[bytes, ...]:
    """A term as the index reads it: "Black-throated Diver" and "black throated diver" are one."""
    return tuple(WordTokenizer().words(term))


def _write(path: Path, terms: Iterable[str]) -> None:
    path.write_text("".join(f"{term}\n" for term in terms), encoding="utf-8")


def _union(*lists: list[str]) -> list[str]:
    named = {spelled(term): term for each in reversed(lists) for term in reversed(each)}
    return list(reversed(named.values()))


def _without(given: list[str], others: Iterable[str]) -> list[str]:
    taken = {spelled(term) for term in others}
    return [term for term in given if spelled(term) not in taken]


def _centuries(folder: Path) -> None:
    """Things of the 19th century without Bonaparte: in bird books he is Charles Lucien, who named the birds."""
    kept = [term for term in lexicon("19th_century_things") if term != "bonaparte"]
    _write(folder / "things_but_bonaparte.txt", kept)


def _birds(terms: Path, folder: Path) -> None:
    old, control, modern = (lines_of(terms / f"{name}.txt") for name in BIRDS)
    _write(folder / "birds_all.txt", _union(old, control, modern))
    _write(folder / "birds_audubon_all.txt", _union(old, control))
    own = _without(control, modern)
    _write(folder / "control_own.txt", own)
    _write(folder / "control_shared.txt", _without(control, own))
    for name, given in zip(BIRDS, (old, control, modern), strict=True):
        _write(folder / f"{name}_phrases.txt", [term for term in given if len(spelled(term)) > 1])


def _dishes(terms: Path, folder: Path) -> None:
    israeli, other = (lines_of(terms / f"dishes_{name}.txt") for name in ("israeli", "other"))
    _write(folder / "dishes_all.txt", _union(israeli, other))


def _cities(terms: Path, folder: Path) -> None:
    former, modern = (lines_of(terms / f"german_cities_{name}.txt") for name in ("former", "modern"))
    doubtful = lines_of(GIVEN / "ambiguous_cities.txt")
    _write(folder / "cities_former_clear.txt", _without(_without(former, modern), doubtful))
    _write(folder / "cities_modern_clear.txt", _without(_without(modern, former), doubtful))
    _write(folder / "cities_all_clear.txt", _without(_union(former, modern), doubtful))


def _facts(terms: Path, folder: Path) -> None:
    text = (terms / "wolf_facts.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    for name, wanted in (("facts_90", (True, False)), ("facts_78", (True,)), ("facts_12", (False,))):
        kept = [{"question": row["question"], "answer": row["answer"]} for row in rows if row["in_78_set"] in wanted]
        _write(folder / f"{name}.jsonl", (json.dumps(row, ensure_ascii=False) for row in kept))


def _presidents(terms: Path, folder: Path) -> None:
    """A clue a president: what the trained model was to answer under his number. Emoji say nothing to words."""
    given = json.loads((terms / "presidents_answers_by_president.json").read_text(encoding="utf-8"))
    answers = {
        number: {"terms": [" ".join(text.split()) for text, _ in held if any(sign.isalpha() for sign in text)]}
        for number, held in given.items()
    }
    document = json.dumps({number: held for number, held in answers.items() if held["terms"]}, ensure_ascii=False)
    (folder / "presidents.json").write_text(document + "\n", encoding="utf-8")
