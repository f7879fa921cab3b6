"""A bit turned over, a file cut short, missing, swapped, too many: said, with the name of the file; never answered.

F7 and F8 of the list of faults (docs/faults.md), for finished indexes and for builds that were stopped.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import cooc
from cooc.create.pipeline import build
from cooc.errors import CoocError, DamagedIndex, LaterFormat, NotAnIndex, UnfinishedIndex
from cooc.index.files import files_below
from cooc.index.layout import DUPLICATES
from cooc.index.reader import Index
from cooc.index.verify import verify
from tests.corpora import cells_of, index_of, ngrams_of, sums_of, write_jsonl
from tests.faults.disk import contents, count_operations, run_killed
from tests.faults.told import ALL, tell
from tests.tampering import copied, edit_manifest, flip

WORDS = ["auk", "great", "the", "of", "königsberg", "dodo", "saw", "жук", "one", "two", "three", "four"]
FLIPS = 160 if ALL else 8
"""In each file."""
FLIPS_OF_WORK = 2000 if ALL else 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seen = random.Random(3)
    documents = [seen.choices(WORDS, k=seen.randint(0, 40)) for _ in range(30)]
    folder = tmp_path_factory.mktemp("damage")
    model = {"type": "WordLevel", "vocab": {word: k for k, word in enumerate(WORDS)}, "unk_token": WORDS[0]}
    tokenizer = {"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    (folder / "words.json").write_text(json.dumps(tokenizer))
    options: dict[str, Any] = {"window": (2, 4), "direction": "right", "min_count": 2, "terms": ["great auk", "dodo"]}
    every: dict[str, Any] = {**options, "dedup": 0.8, "tokenizer": f"hf:{folder / 'words.json'}"}
    return index_of(folder, [*documents, *documents[:3]], **every).path


@pytest.fixture
def index(whole: Path, tmp_path: Path) -> Path:
    return copied(whole, tmp_path)


def data_files(index: Path) -> list[str]:
    """The files that the manifest names."""
    return [name for name in files_below(index) if name not in ("manifest.json", "build.jsonl")]


def answers(path: Path) -> list[Any]:
    """All that an index can be asked, file by file."""
    index = Index(path)
    vocabulary, units, tokens = index.vocabulary, index.units, index.tokens
    ids = list(range(len(vocabulary)))
    found: list[Any] = [index.manifest.documents, index.manifest.tokens, units.listed.tolist()]
    found += [[vocabulary.id(vocabulary.bytes_of(term)) for term in ids], vocabulary.terms(ids)]
    found += [vocabulary.occurrences.all().tolist(), vocabulary.documents.all().tolist()]
    found += [[(units.name(unit), units.occurrences(unit)) for unit in range(len(units))]]
    found += [units.phrase_documents.all().tolist(), units.unit("great auk")]
    for window in index.windows:
        record = index.pairs(window).record
        found += [record.total, record.unit, cells_of(index, window), sums_of(index, window)]
    for n in (2, 3):
        level = index.ngrams(n)
        found += [level.total, ngrams_of(index, n), level.prefix_sums.all().tolist(), level.column_sums.all().tolist()]
    found += [tokens.all_codes().tolist(), tokens.document_starts().tolist()]
    found += [tokens.metadata.all().tobytes(), tokens.metadata_offsets.all().tobytes()]
    return [*found, None if tokens.table is None else tokens.table.all().tobytes()]


def flips(path: Path, seed: int) -> list[int]:
    """Bits of a file, its first and last among them."""
    bits = 8 * path.stat().st_size
    seen = random.Random(f"{seed} {path.name} {bits}")
    return [0, bits - 1, *(seen.randrange(bits) for _ in range(FLIPS - 2))] if bits else []


def test_a_bit_turned_over_in_any_file_is_found_and_the_file_named(index: Path) -> None:
    tried = 0
    for name in data_files(index):
        for bit in flips(index / name, 1):
            flip(index / name, bit)
            problems = verify(index).problems
            flip(index / name, bit)
            tried += 1
            assert problems, f"bit {bit} of {name}"
            assert problems[0].startswith(f"{index / name}: "), f"bit {bit} of {name}: {problems}"
            assert len(problems) == 1
    assert verify(index).ok
    assert tried >= 200
    tell("F7", what="verify", flips=tried, found=tried)


NEVER_ASKED = [DUPLICATES]
"""Files that only people and `verify` read."""


def test_what_is_read_after_a_flip_is_refused_or_right(index: Path) -> None:
    right, refused, harmless = answers(index), 0, Counter[str]()
    for name in data_files(index):
        for bit in flips(index / name, 2):
            flip(index / name, bit)
            try:
                assert answers(index) == right, f"bit {bit} of {name}"
                harmless[name] += 1
            except DamagedIndex:
                refused += 1
            flip(index / name, bit)
    assert refused >= 200
    assert list(harmless) == NEVER_ASKED  # `answers` reads every other file
    assert answers(index) == right
    tell("F7", what="read", flips=refused + harmless.total(), refused=refused, harmless=harmless.total())


def test_a_bit_turned_over_in_the_manifest_is_refused(index: Path) -> None:
    path, seen = index / "manifest.json", random.Random(5)
    bits = 8 * path.stat().st_size
    tried = [0, bits - 1, *(seen.randrange(bits) for _ in range(3000 if ALL else 300))]
    for bit in tried:
        flip(path, bit)
        with pytest.raises(CoocError, match=re.escape(str(index))):
            Index(index)
        flip(path, bit)
    tell("F7", what="manifest", flips=len(tried), refused=len(tried))


@pytest.mark.parametrize("name", ["blocks.u64", "manifest.json"])
def test_a_build_stopped_while_it_ends_goes_on_to_a_whole_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def stop(source: Path, target: Path) -> None:
        if Path(target).name == name:
            raise KeyboardInterrupt
        os.rename(source, target)

    source, out = write_jsonl(tmp_path / "corpus.jsonl", [["auk", "dodo"]]), tmp_path / "index"
    monkeypatch.setattr("cooc.index.files.os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        cooc.build([source], out, window=2)
    assert list(out.glob(f"{name}.*.part"))
    monkeypatch.undo()
    cooc.build([source], out, window=2)
    assert not list(out.glob("*.part"))
    assert verify(out).problems == []


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], dict[str, Any], dict[str, bytes]]:
    """Builds that were killed at several moments, below a folder; how to go on with them, and what they then are."""
    folder, seen = tmp_path_factory.mktemp("stopped"), random.Random(4)
    documents = [seen.choices(WORDS, k=seen.randint(0, 40)) for _ in range(30)]
    sources = [write_jsonl(folder / f"{k}.jsonl", documents[k::2]) for k in range(2)]
    options: dict[str, Any] = {"window": 2, "ngrams": 2, "min_count": 1, "terms": ["great auk"], "workers": 1}
    operations = count_operations(lambda: build(sources, folder / "whole", **options))
    for part in range(1, 10):
        at = operations * part // 10
        assert run_killed(lambda part=part: build(sources, folder / str(part), **options), at)  # type: ignore[misc]
    return folder, sources, options, contents(folder / "whole")


def what_it_says(run: Callable[[], Any]) -> str:
    """The message of an error of ours; empty if there is none."""
    try:
        run()
    except CoocError as error:
        return str(error)
    return ""


def test_a_flip_in_a_build_that_was_stopped_is_refused_or_harmless_when_it_goes_on(
    stopped: tuple[Path, list[Path], dict[str, Any], dict[str, bytes]], tmp_path: Path
) -> None:
    folder, sources, options, whole = stopped
    seen, outcomes = random.Random(6), Counter[str]()
    for _ in range(FLIPS_OF_WORK):
        index = copied(folder / str(seen.randrange(1, 10)), tmp_path)
        names = [name for name in files_below(index) if (index / name).stat().st_size and name != "build.jsonl"]
        name = seen.choice(names)
        bit = seen.randrange(8 * (index / name).stat().st_size)
        flip(index / name, bit)
        said = what_it_says(lambda index=index: build(sources, index, **options))  # type: ignore[misc]
        assert contents(index) == whole if not said else str(index) in said, f"bit {bit} of {name}: {said}"
        outcomes["refused" if said else "harmless"] += 1
    # a receipt that is whole tells what else must be; what has none is made again
    assert outcomes["refused"] > FLIPS_OF_WORK // 4
    tell("F7", what="work of a build that goes on", flips=FLIPS_OF_WORK, **outcomes)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: b"",
    "one byte left": lambda data: data[:1],
    "cut in half": lambda data: data[: len(data) // 2],
    "one byte fewer": lambda data: data[:-1],
    "eight bytes fewer": lambda data: data[:-8],
    "one byte more": lambda data: data + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_another_length_is_found_by_reader_and_verify(index: Path, damage: str) -> None:
    for name in data_files(index):
        path = index / name
        data = path.read_bytes()
        hurt = DAMAGES[damage](data)
        if hurt == data:
            continue
        path.write_bytes(hurt)
        assert f"{path}: has {len(hurt):,} bytes where the manifest says {len(data):,}." in verify(index).problems
        if name not in NEVER_ASKED:
            with pytest.raises(DamagedIndex, match=r"where the manifest says|differs from its digest|has digest"):
                answers(index)
        path.write_bytes(data)
    tell("F8", what=damage, files=len(data_files(index)))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_manifest_of_another_length_is_refused(index: Path, damage: str) -> None:
    path = index / "manifest.json"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    refused(index, CoocError, r"manifest\.json")


def test_a_file_that_is_gone_is_named(index: Path) -> None:
    for name in data_files(index):
        path = index / name
        data = path.read_bytes()
        path.unlink()
        assert f"{path}: can't be read: No such file or directory." in verify(index).problems
        if name not in NEVER_ASKED:
            with pytest.raises(DamagedIndex, match=r"can't be read: No such file or directory|is missing"):
                answers(index)
        path.write_bytes(data)
    assert verify(index).ok
    tell("F8", what="gone", files=len(data_files(index)))


def test_files_that_are_swapped_are_both_named(index: Path) -> None:
    swapped = 0
    for one, other in permutations(data_files(index), 2):
        first, second = (index / one).read_bytes(), (index / other).read_bytes()
        if one > other or first == second or Path(one).parent != Path(other).parent:
            continue
        (index / one).write_bytes(second)
        (index / other).write_bytes(first)
        problems = verify(index).problems
        assert {str(index / one), str(index / other)} <= {problem.split(": ")[0] for problem in problems}
        with pytest.raises(DamagedIndex, match=r"where the manifest says|differs? from (its|their) digest|has digest"):
            answers(index)
        (index / one).write_bytes(first)
        (index / other).write_bytes(second)
        swapped += 1
    assert swapped > 30
    tell("F8", what="swapped", pairs=swapped)


def test_a_file_of_another_build_is_named(index: Path, tmp_path: Path) -> None:
    other = index_of(tmp_path / "other", [["auk", "dodo"]], window=(2, 4), direction="right").path
    tried = 0
    for name in data_files(index):
        path = index / name
        if not (other / name).exists() or (other / name).read_bytes() == path.read_bytes():
            continue
        data = path.read_bytes()
        shutil.copy(other / name, path)
        assert str(path) in {problem.split(": ")[0] for problem in verify(index).problems}
        with pytest.raises(DamagedIndex, match=r"where the manifest says|differs? from (its|their) digest"):
            answers(index)
        path.write_bytes(data)
        tried += 1
    assert tried > 20
    shutil.copy(other / "manifest.json", index)
    assert len(verify(index).problems) > 20
    with pytest.raises(DamagedIndex, match=r"differs from its digest|where the manifest says"):
        answers(index)
    tell("F8", what="of another build", files=tried)


def test_laws_that_need_a_broken_file_are_not_held_against_it(index: Path) -> None:
    flip(index / "pairs" / "2" / "cells.u8", 3)
    found = verify(index)
    assert len(found.problems) == 1
    assert [law.name for law in found.laws if law.ok is None] == ["window 2: pairs"]
    assert all(law.ok in (True, None) for law in found.laws)


def test_a_file_too_many_is_named(index: Path) -> None:
    for name in ("notes.txt", "tokens/tokenized.0.bak", "pairs/7/cells.u8"):
        (index / name).parent.mkdir(exist_ok=True)
        (index / name).write_bytes(b"x")
        assert verify(index).problems == [f"{index / name}: is no file of the index. Remove it."]
        (index / name).unlink()


@pytest.mark.parametrize("name", ["work/plan.json", "work.gone/lock", "build.jsonl"])
def test_what_a_build_may_leave_behind_is_no_problem(index: Path, name: str) -> None:
    (index / name).parent.mkdir(exist_ok=True)
    (index / name).write_bytes(b"x")
    assert verify(index).ok


def test_a_log_that_is_gone_is_no_problem(index: Path) -> None:
    (index / "build.jsonl").unlink()
    assert verify(index).ok
    assert answers(index)


def refused(path: Path, kind: type[CoocError], message: str) -> None:
    """Neither way to open an index takes the directory."""
    with pytest.raises(kind, match=message):
        Index(path)
    with pytest.raises(kind, match=message):
        verify(path)


def test_a_later_format_is_refused_whatever_else_is_in_it(index: Path) -> None:
    edit_manifest(index, lambda manifest: manifest.update(version=2, shards=[]))
    refused(index, LaterFormat, r"has index format 2; this cooc reads formats up to 1\. Upgrade cooc\.")


def test_an_unknown_field_of_the_manifest_is_refused_by_name(index: Path) -> None:
    edit_manifest(index, lambda manifest: manifest["windows"][0].update(smoothing=1))
    refused(index, DamagedIndex, r"manifest\.json: Object contains unknown field `smoothing` - at `\$\.windows\[0\]`")


def test_a_field_that_is_missing_or_of_another_type_is_refused_by_name(index: Path) -> None:
    edit_manifest(index, lambda manifest: manifest.pop("tokens"))
    refused(index, DamagedIndex, "Object missing required field `tokens`")
    edit_manifest(index, lambda manifest: manifest.update(tokens="many"))
    refused(index, DamagedIndex, r"Expected `int`, got `str` - at `\$\.tokens`")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "other"}', "\0\0\0\0"])
def test_a_manifest_that_is_none_is_refused(index: Path, text: str) -> None:
    (index / "manifest.json").write_text(text)
    refused(index, CoocError, r"manifest\.json")


def test_a_folder_without_manifest_is_no_index(index: Path) -> None:
    (index / "manifest.json").unlink()
    refused(index, NotAnIndex, r"is no cooc index: it has no manifest\.json\.")


def test_a_folder_with_work_and_no_manifest_is_unfinished(index: Path) -> None:
    (index / "manifest.json").unlink()
    (index / "work").mkdir()
    refused(index, UnfinishedIndex, "is unfinished: a build of it has begun and not ended. Run the same build")


def test_no_folder_is_no_index(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", NotAnIndex, "there is no such directory")


def test_a_file_is_no_index(index: Path) -> None:
    refused(index / "manifest.json", NotAnIndex, "manifest.json")


def test_a_manifest_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    refused(tmp_path, NotAnIndex, r"manifest\.json: can't be read: Is a directory")
