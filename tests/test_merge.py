"""Merging indexes gives, byte for byte, the index of all their sources at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import stores, vocabulary
from cooc.create.merge import merge
from cooc.create.pipeline import build
from cooc.errors import BuildError, DamagedIndex, UsageError
from cooc.index.manifest import MANIFEST
from tests.corpora import write_jsonl
from tests.tampering import copied, edit_array, flip
from tests.test_counting import documents_of

OPTIONS: dict[str, Any] = {"window": [2, 5], "ngrams": 4, "min_count": 2, "terms": ["a b", "c"]}


def files_of(index: Path) -> dict[str, bytes]:
    """Every file of an index but its log, which tells of the machine and the time."""
    return {
        path.relative_to(index).as_posix(): path.read_bytes()
        for path in sorted(index.rglob("*"))
        if path.is_file() and path.name != "build.jsonl"
    }


@pytest.fixture(params=["as it is", "cut everywhere"])
def cuts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Once as memory allows, once with a list for two terms, and every store cut inside of its documents."""
    if request.param == "cut everywhere":
        monkeypatch.setattr(stores, "MOST_TERMS", 2)
        monkeypatch.setattr(stores, "MOST_CODES", 5)
        monkeypatch.setattr(stores, "MOST_DOCUMENTS", 2)
        monkeypatch.setattr(stores, "COPIED_AT_ONCE", 7)
    return request.param


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(documents_of, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_merged_is_the_same_as_built_at_once(cuts: str, parts: list[list[list[str]]], random: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    sources = [write_jsonl(folder / f"{number}.jsonl", part) for number, part in enumerate(parts)]
    groups = [random.randrange(3) for _ in sources]
    indexes = [
        build([source for source, group in zip(sources, groups, strict=True) if group == number],
              folder / f"part-{number}", workers=1, **OPTIONS)
        for number in sorted(set(groups))
    ]  # fmt: skip
    random.shuffle(indexes)
    together = build(sources, folder / "together", workers=2, **OPTIONS)
    assert files_of(merge(indexes, folder / "merged", workers=2)) == files_of(together)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two indexes, and that of both corpora: more terms than take a single code, and a long document."""
    folder = tmp_path_factory.mktemp("three")
    words = [f"{number:x}" for number in range(60_000)]
    sources = [
        write_jsonl(folder / "0.jsonl", [["a"] * 3, words[20_000:], [], ["b", "a"]]),
        write_jsonl(folder / "1.jsonl", [words[:40_000], ["c"]]),
    ]
    options: dict[str, Any] = {"window": 1, "ngrams": 2, "min_count": 2, "min_pair_count": 2, "workers": 1}
    built = [build([source], folder / source.stem, **options) for source in sources]
    return [*built, build(sources, folder / "together", **options)]


@pytest.mark.parametrize("codes", [7_001, 7_002])
def test_tokens_of_two_codes_are_cut_between_them_and_stay_whole(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codes: int
) -> None:
    monkeypatch.setattr(stores, "MOST_CODES", codes)
    monkeypatch.setattr(stores, "MOST_TERMS", 999)
    assert files_of(merge(three[:2], tmp_path / "merged", workers=1)) == files_of(three[2])


@pytest.mark.parametrize(
    "stage", ["read vocabularies", "merge vocabulary", "write vocabulary", "measure", "encode", "metadata", "digests"]
)
def test_a_merge_that_was_stopped_goes_on_to_the_same_bytes(
    three: list[Path], tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "AT_ONCE", 0)

    class StoppedError(Exception):
        pass

    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == stage and done:
            raise StoppedError

    with pytest.raises(StoppedError):
        merge(three[:2], tmp_path / "merged", workers=1, progress=stop)
    assert not (tmp_path / "merged" / MANIFEST).exists()
    assert files_of(merge(three[:2], tmp_path / "merged", workers=1)) == files_of(three[2])


def test_a_merge_that_was_stopped_is_held_to_its_indexes(three: list[Path], tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == "merge vocabulary":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(three[:2], tmp_path / "merged", workers=1, progress=stop)
    with pytest.raises(BuildError, match=r"a merge of other indexes has begun there\. Choose another --out"):
        merge(three[:1], tmp_path / "merged", workers=1)


@pytest.mark.parametrize(
    "name",
    ["vocabulary/terms.u8", "vocabulary/offsets.i64", "vocabulary/occurrences.i64", "vocabulary/documents.i64",
     "tokens/tokenized.0", "tokens/offset.0", "tokens/metadata.0", "tokens/metaoff.0"],
)  # fmt: skip
def test_an_index_that_has_changed_is_refused(three: list[Path], tmp_path: Path, name: str) -> None:
    broken = copied(three[0], tmp_path)
    flip(broken / name, 8 * ((broken / name).stat().st_size // 2) + 3)
    with pytest.raises(DamagedIndex, match=rf"{name}: bytes .* differ from their digest"):
        merge([broken, three[1]], tmp_path / "merged", workers=1)
    (broken / name).write_bytes((broken / name).read_bytes()[:-8])
    with pytest.raises(DamagedIndex, match=rf"{name}: has .* bytes where the manifest says"):
        merge([broken, three[1]], tmp_path / "other", workers=1)


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("vocabulary/offsets.i64", 5, 1 << 40, "vocabulary/offsets.i64: the offsets .* do not rise"),
        ("vocabulary/occurrences.i64", 5, 0, "vocabulary/occurrences.i64: it has a term that does not occur"),
        ("vocabulary/occurrences.i64", 0, 9, "tokens: it holds other tokens than the vocabulary counts"),
        ("tokens/tokenized.0", 1, 60_000, "tokens/tokenized.0: codes .* are no tokens"),
        ("tokens/tokenized.0", 1, 50_000, "tokens/tokenized.0: codes .* are no tokens"),
        ("tokens/tokenized.0", 1, 65_535, "tokens: it holds other tokens than the vocabulary counts"),
        ("tokens/offset.0", 0, 8, "tokens: it holds other tokens than the vocabulary counts"),
        ("tokens/offset.0", 0, 1, "tokens: documents 0 to 4 lie nowhere"),
        ("tokens/metaoff.0", 2, 1 << 40, "tokens/metaoff.0: the offsets .* do not rise"),
    ],
)
def test_an_index_that_somebody_changed_and_signed_is_not_believed(
    three: list[Path], tmp_path: Path, name: str, place: int, value: int, message: str
) -> None:
    forged = copied(three[0], tmp_path)

    def change(array: Any) -> None:
        array[place] = value

    edit_array(forged, name, change)
    with pytest.raises(DamagedIndex, match=message):
        merge([forged, three[1]], tmp_path / "merged", workers=1)


def test_merging_refuses_indexes_that_were_counted_otherwise(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])
    other = write_jsonl(tmp_path / "b.jsonl", [["a", "b"]])
    one, two = build([source], tmp_path / "one", window=2), build([other], tmp_path / "two", window=3)
    with pytest.raises(UsageError, match=r"one was built with windows \(2,\), .*two with \(3,\): they can't be merged"):
        merge([one, two], tmp_path / "out")


def test_merging_refuses_to_count_a_source_twice(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])
    one, two = build([source], tmp_path / "one"), build([source], tmp_path / "two")
    with pytest.raises(
        UsageError, match=r"a\.jsonl is a source of both .*one and .*two: its documents would count twice"
    ):
        merge([one, two], tmp_path / "out")


def test_merging_refuses_a_directory_that_is_taken(tmp_path: Path) -> None:
    one = build([write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])], tmp_path / "one")
    with pytest.raises(BuildError, match="one is an index already"):
        merge([one], one)
