"""Near-duplicates: what is dropped against the plain definition, however the work is cut, and how it is left out."""

from __future__ import annotations

import ast
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cooc
from cooc.corpus import Batch, Receipt
from cooc.create import buckets
from cooc.create.dedup import drop, dropped_of, find_duplicates, least_agreeing
from cooc.create.minhash import choose_hashing, hashing_for
from cooc.create.plan import PLAN, check_parameters, make_plan, read_plan
from cooc.create.processes import Processes
from cooc.create.sketches import HASHING, Handles, Sketcher
from cooc.create.work import Budget, Work, sole_builder
from cooc.errors import BuildError, UsageError
from cooc.index.files import write_whole
from cooc.index.manifest import Parameters
from cooc.kernels.signatures import PERMUTATIONS, find_leaders, key_bands
from cooc.tokens import tokenizer_for
from tests.naive.dedup import naive_bands, naive_duplicates, naive_leaders, naive_signature, shingles

SIMPLEWIKI = Path(__file__).parents[2] / "shared" / "data" / "corpora" / "simplewiki" / "simplewiki-000.jsonl.gz"
AWKWARD = "aaabkXYZ019  \n.,-_''’’ßİéÉДдς中文\u00ad\u200c\u200dΐﬃ😀—\0"
awkward = st.one_of(st.text(st.sampled_from(AWKWARD), max_size=80), st.text(st.sampled_from("aé'’ﬃ"), max_size=400))
hashing = cache(choose_hashing)
any_time = settings(deadline=None, max_examples=50)  # the first call compiles

Found = dict[str, tuple[str, float]]


def work_for(
    folder: Path, places: Sequence[Path], *, share: int = 50_000_000, pieces: int = 4, crew: Any = None
) -> Work:
    """A build in `folder` that has a plan and has done nothing."""
    plan = make_plan(places, Parameters(), tokenizer_for("word"), "word")
    work = Work(folder, Budget(share, pieces), crew=crew)
    work.folder.mkdir(parents=True, exist_ok=True)
    work.hold_budget()
    write_whole(work.path(PLAN), msgspec.json.encode(plan))
    return work


def find(work: Work, threshold: float) -> list[int]:
    """Find duplicates, without the second that another process takes to import datasketch."""
    write_whole(work.path(HASHING), msgspec.json.encode(hashing(threshold)))
    return find_duplicates(work, read_plan(work.path(PLAN)), threshold)


def write(folder: Path, texts: Sequence[str], files: int = 3) -> list[Path]:
    """Texts with ids d0, d1, … in files of about as many."""
    folder.mkdir(parents=True, exist_ok=True)
    cuts = [len(texts) * k // files for k in range(files + 1)]
    paths = []
    for number, (a, b) in enumerate(pairwise(cuts)):
        paths.append(folder / f"part-{number:03}.jsonl")
        rows = [json.dumps({"id": f"d{k}", "text": texts[k]}) + "\n" for k in range(a, b)]
        paths[-1].write_text("".join(rows))
    return paths


def lines_of(work: Work) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (work.index / "duplicates.jsonl").read_text().splitlines()]


def found_in(work: Work) -> dict[int, tuple[int, float]]:
    """What `duplicates.jsonl` says, by the numbers in the ids."""
    return {int(line["id"][1:]): (int(line["duplicate_of"]["id"][1:]), line["similarity"]) for line in lines_of(work)}


def planted(seed: int, size: int) -> list[str]:
    """Random texts, many of them copies of others with a few words changed."""
    rng = random.Random(seed)
    words = [f"w{k}" for k in range(2000)] + ["Straße", "ДОМ", "don’t", "中文"]
    texts: list[str] = []
    for _ in range(size):
        if texts and rng.random() < 0.5:
            copy = rng.choice(texts).split()
            for _ in range(rng.choice([0, 0, 1, 2, 5])):
                if copy:
                    copy[rng.randrange(len(copy))] = rng.choice(words)
            texts.append("  ".join(copy).upper() if rng.random() < 0.1 else " ".join(copy))
        else:
            texts.append(" ".join(rng.choice(words) for _ in range(rng.choice([0, 1, 3, 4, 5, 6, 20, 60, 150]))))
    return texts


def batch_of(texts: Sequence[str], *, continues: bool = False, open_end: bool = False) -> Batch:
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    lines = [b"{}\n"] * (len(data) - continues)
    return Batch(np.frombuffer(b"".join(data), np.uint8), offsets, lines, continues, open_end)


@any_time
@given(st.lists(awkward, min_size=1, max_size=6))
def test_a_signature_is_that_of_datasketch(texts: list[str]) -> None:
    signatures, owners = Sketcher(hashing(0.8)).add(batch_of(texts))
    assert owners.tolist() == [k for k, text in enumerate(texts) if shingles(text)]
    for signature, owner in zip(signatures, owners.tolist(), strict=True):
        assert signature.tolist() == naive_signature(texts[owner]).hashvalues.tolist()


@any_time
@given(awkward, st.lists(st.integers(0, 400), max_size=5), awkward)
def test_a_document_in_pieces_has_the_signature_of_the_whole(text: str, cuts: list[int], after: str) -> None:
    sketcher = Sketcher(hashing(0.8))
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(edges)] or [""]
    got = [sketcher.add(batch_of([piece], continues=k > 0, open_end=True)) for k, piece in enumerate(pieces)]
    assert all(len(owners) == 0 for _, owners in got)
    signatures, owners = sketcher.add(batch_of(["", after], continues=True))
    wanted = [k for k, each in enumerate([text, after]) if shingles(each)]
    assert owners.tolist() == wanted
    for signature, owner in zip(signatures, wanted, strict=True):
        assert signature.tolist() == naive_signature([text, after][owner]).hashvalues.tolist()


def test_a_long_document_fills_the_waiting_shingles_many_times() -> None:
    text = " ".join(f"w{k % 3000}" for k in range(5000))
    [signature], _ = Sketcher(hashing(0.8)).add(batch_of([text]))
    assert signature.tolist() == naive_signature(text).hashvalues.tolist()


def small_signatures(numbers: list[list[int]]) -> Any:
    """Signatures whose first places are the numbers, the rest zero."""
    signatures = np.zeros((len(numbers), PERMUTATIONS), np.uint32)
    for row, values in zip(signatures, numbers, strict=True):
        row[: len(values)] = values
    return signatures


@any_time
@given(st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), max_size=20), st.integers(1, 2))
def test_documents_have_the_same_key_if_they_agree_in_a_band(numbers: list[list[int]], rows: int) -> None:
    signatures = small_signatures(numbers)
    keys = np.empty((4 // rows, len(numbers)), np.uint64)
    key_bands(signatures, rows, keys)
    for band, found in enumerate(keys.tolist()):
        wanted = [tuple(each[band * rows : (band + 1) * rows]) for each in numbers]
        assert [found.index(key) for key in found] == [wanted.index(each) for each in wanted]


members = st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 1), min_size=6, max_size=6)), max_size=30)


@any_time
@given(members, st.integers(PERMUTATIONS - 5, PERMUTATIONS), st.integers(1, 3), st.integers(1, 7))
def test_leaders_are_found_as_by_the_definition(
    found: list[tuple[int, list[int]]], least: int, most: int, at_once: int
) -> None:
    found.sort(key=lambda member: member[0])
    keys, signatures = np.array([key for key, _ in found], np.uint64), small_signatures([each for _, each in found])
    numbers = np.arange(10, 10 + len(found))
    leaders, leading = np.empty((most, PERMUTATIONS), np.uint32), np.empty(most, np.int64)
    bucket, got = np.zeros(2, np.uint64), []
    for begin in range(0, len(found), at_once):
        cut = slice(begin, begin + at_once)
        outcomes = np.empty(len(keys[cut]), np.int64)
        find_leaders(keys[cut], numbers[cut], signatures[cut], least, bucket, leaders, leading, outcomes)
        links = zip(numbers[cut].tolist(), outcomes.tolist(), strict=True)
        got += [(number, outcome >> 8, outcome & 255) for number, outcome in links if outcome >= 0]
    wanted = []
    for key in range(4):
        bucket_members = [10 + k for k, member in enumerate(found) if member[0] == key]
        wanted += naive_leaders(bucket_members, lambda a, b: agreeing(signatures, a, b), least, most)
    assert got == wanted


def agreeing(signatures: Any, a: int, b: int) -> int:
    return int((signatures[a - 10] == signatures[b - 10]).sum())


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.8, 0.95, 1.0])
def test_what_is_dropped_is_what_the_definition_says(tmp_path: Path, threshold: float) -> None:
    texts = planted(7, 250)
    wanted = naive_duplicates(texts, threshold)
    assert wanted
    for share in (50_000_000, 20_000):
        work = work_for(tmp_path / f"{share}", write(tmp_path / "corpus", texts), share=share)
        dropped = find(work, threshold)
        assert found_in(work) == wanted
        listed = [np.concatenate([[], *dropped_of(work, part)]).tolist() for part in range(len(dropped))]
        assert [len(each) for each in listed] == dropped
        firsts = [250 * part // 3 for part in range(3)]
        assert [first + k for first, each in zip(firsts, listed, strict=True) for k in each] == sorted(wanted)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 0.8, 0.9]), st.sampled_from([20_000, 200_000]), st.integers(1, 6))
def test_any_corpus_cut_anyhow_gives_what_the_definition_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int, threshold: float, share: int, files: int
) -> None:
    folder, texts = tmp_path_factory.mktemp("any"), planted(seed, 60)
    work = work_for(folder / "index", write(folder, texts, files), share=share, pieces=1 + seed % 5)
    find(work, threshold)
    assert found_in(work) == naive_duplicates(texts, threshold)


def test_the_definition_keeps_no_candidates_that_are_alike_by_datasketch() -> None:
    texts = planted(11, 300)
    dropped, lsh = naive_duplicates(texts, 0.8), naive_bands(0.8)
    signatures = {k: naive_signature(text) for k, text in enumerate(texts) if shingles(text)}
    for k, signature in signatures.items():
        alike = [o for o in lsh.query(signature) if signature.jaccard(signatures[o]) >= 0.8]
        assert k in dropped or all(o in dropped for o in alike)
        assert k not in dropped or dropped[k][0] in alike
        lsh.insert(k, signature)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Processes]:
    (tmp_path / "index").mkdir()
    with sole_builder(tmp_path / "index") as lock:
        crew = Processes(2, lock)
        yield crew
        crew.close()


def test_two_workers_with_little_memory_and_one_with_much_give_the_same_bytes(
    tmp_path: Path, crew: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cooc.create.dedup.WORTH_A_TASK", 10)
    paths = write(tmp_path / "corpus", planted(5, 400), files=7)
    one = work_for(tmp_path / "one", paths, pieces=1)
    two = work_for(tmp_path / "index", list(reversed(paths)), share=30_000, pieces=8, crew=crew)
    assert find(one, 0.8) == find(two, 0.8)
    assert lines_of(one)
    assert (one.index / "duplicates.jsonl").read_bytes() == (two.index / "duplicates.jsonl").read_bytes()
    for part in range(7):
        assert np.concatenate([[], *dropped_of(one, part)]).tolist() == (
            np.concatenate([[], *dropped_of(two, part)]).tolist()
        )


def test_a_page_that_is_there_a_thousand_times_is_kept_once(tmp_path: Path) -> None:
    """With room for 64 keys at a time, its buckets are read run after run."""
    page = "a page of boilerplate that is everywhere"
    texts = [page] * 500 + ["another one"] + [page.upper() + "!"] * 500
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", texts), share=20_000)
    assert sum(find(work, 0.8)) == 999
    assert found_in(work) == {k: (0, 1.0) for k in range(1, 1001) if k != 500}


def test_a_bucket_with_too_many_leaders_leaves_the_rest_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST_LEADERS", 1)
    rng = random.Random(4)
    template = [f"w{k}" for k in range(400)]
    texts = []
    for _ in range(120):
        # two of them have a similarity of about 0.74
        page = list(template)
        for k in rng.sample(range(400), 6):
            page[k] = f"v{rng.randrange(10**6)}"
        texts.append(" ".join(page))
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", texts))
    find(work, 0.8)
    assert found_in(work) == naive_duplicates(texts, 0.8, leaders=1)
    assert len(found_in(work)) < len(naive_duplicates(texts, 0.8))


def test_documents_without_words_are_never_dropped_and_short_ones_only_if_equal(tmp_path: Path) -> None:
    texts = ["", "...", "", "...", "Auk!", "auk", "the auk", "auk the", "Great auk was", "great auk  was", "🙂", "🙂"]
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", texts))
    find(work, 0.8)
    assert {k: first for k, (first, _) in found_in(work).items()} == {5: 4, 9: 8}


def test_a_corpus_without_duplicates_has_an_empty_list(tmp_path: Path) -> None:
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", ["one", "two", "", "..."]))
    assert find(work, 0.8) == [0, 0, 0]
    assert (work.index / "duplicates.jsonl").read_bytes() == b""
    assert [list(dropped_of(work, part)) for part in range(3)] == [[], [], []]


def test_a_line_says_place_and_id_of_both_documents(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "the great auk"}\n{"text": "Great!"}\n\n{"text": "The great auk.", "id": 7}\n')
    work = work_for(tmp_path / "index", [path])
    find(work, 0.8)
    first = {"path": str(path), "linenum": 1}
    assert lines_of(work) == [{"path": str(path), "linenum": 4, "id": 7, "duplicate_of": first, "similarity": 1.0}]


def test_long_texts_that_are_read_in_pieces_are_compared_whole(tmp_path: Path) -> None:
    rng = random.Random(2)
    words = [f"wörd{rng.randrange(9999)}" for _ in range(60_000)]
    for name, text in (("a", words), ("b", words[:59_000]), ("c", words[::2])):
        (tmp_path / f"{name}.txt").write_text(" ".join(text))
    work = work_for(tmp_path / "index", [tmp_path / f"{name}.txt" for name in "abc"], share=1 << 20)
    assert find(work, 0.8) == [0, 1, 0]
    assert lines_of(work)[0]["duplicate_of"]["path"].endswith("a.txt")


class Stopping(Work):
    """Is killed when a stage begins, or after its first task."""

    stopped_at = ("", 0)

    def keep(self, stage: str, number: int, result: Any) -> None:
        super().keep(stage, number, result)
        if (stage, number) == self.stopped_at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "stopped_at", [("signatures", 1), ("duplicates", 0), ("duplicates", 2), ("dropped", 1), ("duplicates list", 0)]
)
def test_a_search_that_was_stopped_goes_on_and_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: tuple[str, int]
) -> None:
    monkeypatch.setattr("cooc.create.dedup.WORTH_A_TASK", 10)
    texts = planted(5, 200)
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", texts))
    stopping = Stopping(work.index, work.budget)
    stopping.stopped_at = stopped_at
    with pytest.raises(KeyboardInterrupt):
        find(stopping, 0.8)
    for _ in range(2):
        assert sum(find(work, 0.8)) == len(naive_duplicates(texts, 0.8))
        assert found_in(work) == naive_duplicates(texts, 0.8)


def test_another_threshold_is_not_searched_with_the_bands_of_the_one_before(tmp_path: Path) -> None:
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", planted(5, 100)))
    write_whole(work.path(HASHING), msgspec.json.encode(hashing(0.3)))
    find_duplicates(work, read_plan(work.path(PLAN)), 0.8)
    assert msgspec.json.decode(work.path(HASHING).read_bytes()) == msgspec.to_builtins(hashing(0.8))


def test_work_that_was_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys.u64").write_bytes(b"12345678")
    with Handles() as handles:
        assert handles.read(tmp_path / "keys.u64", 2, 4) == b"34"
        with pytest.raises(BuildError, match=r"keys\.u64: has no bytes 8 to 16; it has been cut off"):
            handles.items(tmp_path / "keys.u64", 1, 2, "<u8")
        with pytest.raises(BuildError, match=r"rows\.u32: can't be read: No such file"):
            handles.read(tmp_path / "rows.u32", 0, 1)


def test_no_more_files_are_open_than_allowed(tmp_path: Path) -> None:
    for k in range(9):
        (tmp_path / f"{k}").write_bytes(b"%d" % k)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Handles(most=3) as handles:
        for k in [*range(9), *range(9)]:
            assert handles.read(tmp_path / f"{k}", 0, 1) == b"%d" % k
            assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, float("nan"), float("inf")])
def test_a_similarity_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match=r"--dedup .*: expected a similarity above 0 and at most 1"):
        check_parameters(Parameters(dedup=threshold))


@pytest.mark.parametrize("threshold", [None, 1e-9, 0.8, 1, 1.0])
def test_a_similarity_that_is_one_is_taken(threshold: float | None) -> None:
    check_parameters(Parameters(dedup=threshold))
    if threshold is not None:
        hashing = choose_hashing(threshold)
        assert hashing.bands >= 2
        assert hashing.bands * hashing.rows <= PERMUTATIONS


def test_the_least_agreement_is_that_of_datasketchs_estimate() -> None:
    for threshold in (1e-9, 1 / 128, 0.5, 0.8, 0.999, 1.0):
        least = least_agreeing(threshold)
        assert least / 128 >= threshold > (least - 1) / 128


def test_another_process_chooses_the_same_hashing() -> None:
    assert hashing_for(0.7) == choose_hashing(0.7)


def test_datasketch_has_one_door() -> None:
    for path in Path(cooc.__file__).parent.rglob("*.py"):
        names = [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, (ast.Import, ast.ImportFrom))]  # fmt: skip
        assert path.name == "minhash.py" or not any("datasketch" in name for name in names), path


documents = st.lists(st.text("abcé😀", max_size=12), max_size=12)


def cut_up(texts: list[str], sizes: list[int]) -> Iterator[tuple[Batch, str]]:
    """Batches of at most so many characters, a document cut where it must be."""
    pieces: list[str] = []
    lines: list[bytes] = []
    continues, open_end, place, room = False, False, 0, sizes[0]
    for k, text in enumerate(texts):
        lines.append(b'{"linenum":%d}\n' % k)
        rest = text
        while True:
            if len(rest) <= room:
                pieces.append(rest)
                room -= len(rest)
                break
            pieces.append(rest[:room])
            rest = rest[room:]
            yield batch_with(pieces, lines, continues, True)
            pieces, lines, continues, place = [], [], True, place + 1
            room = sizes[place % len(sizes)]
        if room == 0:
            yield batch_with(pieces, lines, continues, False)
            pieces, lines, continues, place = [], [], False, place + 1
            room = sizes[place % len(sizes)]
    if pieces:
        yield batch_with(pieces, lines, continues, open_end)


def batch_with(pieces: list[str], lines: list[bytes], continues: bool, open_end: bool) -> Batch:
    return batch_of(pieces, continues=continues, open_end=open_end)._replace(metadata=lines)


def texts_of(batches: list[Batch]) -> tuple[list[str], list[bytes]]:
    """The documents and lines of batches, whose rules are checked on the way."""
    texts: list[bytes] = []
    lines: list[bytes] = []
    is_open = False
    for batch in batches:
        pieces = [batch.data[a:b].tobytes() for a, b in pairwise(batch.offsets)]
        assert pieces
        assert batch.continues == is_open
        assert len(batch.metadata) == len(pieces) - batch.continues
        assert int(batch.offsets[0]) == 0
        assert int(batch.offsets[-1]) == len(batch.data)
        assert batch.data.flags.c_contiguous
        assert not batch.data.flags.writeable
        if is_open:
            texts[-1] += pieces.pop(0)
        texts += pieces
        lines += batch.metadata
        is_open = batch.open_end
    assert not is_open
    return [text.decode() for text in texts], lines


@any_time
@given(documents, st.lists(st.integers(1, 9), min_size=1, max_size=5), st.data())
def test_what_is_left_of_batches_is_the_documents_to_keep(
    texts: list[str], sizes: list[int], data: st.DataObject
) -> None:
    gone = sorted(data.draw(st.sets(st.integers(0, max(0, len(texts) - 1))))) if texts else []
    cut = data.draw(st.integers(0, len(gone)))
    batches = list(cut_up(texts, sizes))
    assert texts_of(batches)[0] == texts
    receipt = Receipt(documents=len(texts), text_bytes=len("".join(texts).encode()))
    dropped = [np.array(each, np.int64) for each in (gone[:cut], gone[cut:])]
    kept, lines = texts_of(list(drop(iter(batches), dropped, receipt)))
    assert kept == [text for k, text in enumerate(texts) if k not in gone]
    assert lines == [b'{"linenum":%d}\n' % k for k in range(len(texts)) if k not in gone]
    assert receipt == Receipt(documents=len(kept), text_bytes=len("".join(kept).encode()))


def test_a_source_that_has_lost_documents_since_is_refused() -> None:
    with pytest.raises(BuildError, match=r"fewer documents than when its duplicates were found"):
        list(drop([batch_of(["a", "b"])], [np.array([1, 2])], Receipt()))


def jaccard(a: str, b: str) -> float:
    first, second = shingles(a), shingles(b)
    return len(first & second) / len(first | second)


@pytest.mark.real
@pytest.mark.skipif(not SIMPLEWIKI.exists(), reason="needs the shared corpora")
def test_copies_planted_in_wikipedia_are_found(tmp_path: Path) -> None:
    """A copy with every 200th word changed has a similarity of about 0.95."""
    with gzip.open(SIMPLEWIKI, "rt") as file:
        texts = [json.loads(line)["text"] for line, _ in zip(file, range(3000), strict=False)]
    long = [k for k, text in enumerate(texts) if len(text.split()) > 100]
    rng = random.Random(1)
    copied = rng.sample(long, 100)
    for k in copied:
        words = texts[k].split()
        words[7::200] = ["changed"] * len(words[7::200])
        texts.append(" ".join(words))
    work = work_for(tmp_path / "index", write(tmp_path / "corpus", texts))
    find(work, 0.8)
    found = found_in(work)
    assert sum(3000 + k in found for k in range(100)) >= 98
    for later, (earlier, similarity) in found.items():
        # the estimate's standard deviation is at most 0.045
        assert abs(jaccard(texts[later], texts[earlier]) - similarity) < 0.2
