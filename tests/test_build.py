"""A build gives the same bytes however it is run, goes on where it stopped, and refuses what it can't mean."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cooc.create import pipeline
from cooc.create.merge import merge
from cooc.create.pipeline import build
from cooc.errors import BuildError, SourceError, UsageError
from cooc.index.manifest import MANIFEST, WORK
from cooc.index.reader import Index
from cooc.index.verify import verify
from tests.corpora import cells_of, write_jsonl
from tests.test_merge import files_of

OPTIONS: dict[str, Any] = {"window": [3, 12], "ngrams": 3, "min_count": 2, "terms": ["w1 w2", "w9"], "memory": "1GB"}


def some_documents(count: int, seed: int) -> list[list[str]]:
    """Documents of words that are Zipf-distributed, as words are."""
    chance = random.Random(seed)
    words = [f"w{k}" for k in range(1, 400)]
    weights = [1 / k for k in range(1, 400)]
    return [chance.choices(words, weights, k=chance.randrange(60)) for _ in range(count)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("shards")
    documents = some_documents(140, seed=1)
    return [write_jsonl(folder / f"{k}.jsonl", documents[20 * k : 20 * k + 20]) for k in range(7)]


@pytest.fixture(scope="module")
def reference(shards: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(shards, tmp_path_factory.mktemp("reference") / "index", workers=1, **OPTIONS)


def counts_of(index: Path) -> dict[str, bytes]:
    """The files that hold counts and codes; the others name the sources."""
    return {name: data for name, data in files_of(index).items()
            if not name.startswith(("manifest", "blocks", "tokens/meta"))}  # fmt: skip


def test_any_order_and_number_of_workers_gives_the_same_bytes(
    shards: list[Path], reference: Path, tmp_path: Path
) -> None:
    for workers in (1, 4):
        shuffled = random.Random(workers).sample(shards, k=len(shards))
        assert files_of(build(shuffled, tmp_path / str(workers), workers=workers, **OPTIONS)) == files_of(reference)


def test_one_shard_holds_the_counts_of_seven(shards: list[Path], reference: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(b"".join(shard.read_bytes() for shard in shards))
    assert counts_of(build([whole], tmp_path / "index", workers=1, **OPTIONS)) == counts_of(reference)


def test_any_block_and_part_size_gives_the_same_bytes(
    shards: list[Path], reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (37, 500):
        monkeypatch.setattr(pipeline, "block_size", lambda *_, size=size: size)
        assert files_of(build(shards, tmp_path / str(size), workers=2, **OPTIONS)) == files_of(reference)


STAGES = ["merge-vocabulary", "encode", "n-grams", "n-gram-tables", "pairs-3-merge", "pairs-12", "digests"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_build_that_was_stopped_goes_on_to_the_same_bytes(
    shards: list[Path], reference: Path, tmp_path: Path, stage: str
) -> None:
    class StoppedError(Exception):
        pass

    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name.replace(" ", "-") == stage and done:
            raise StoppedError

    index = tmp_path / "index"
    with pytest.raises(StoppedError):
        build(shards, index, workers=1, progress=stop, **OPTIONS)
    assert (index / WORK).is_dir()
    assert not (index / MANIFEST).exists()
    done: list[str] = []
    build(shards, index, workers=1, progress=lambda name, *_, **__: done.append(name), **OPTIONS)
    assert files_of(index) == files_of(reference)


def test_a_build_resumed_with_other_workers_gives_the_same_bytes(
    shards: list[Path], reference: Path, tmp_path: Path
) -> None:
    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == "pairs 3" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(shards, tmp_path / "index", workers=4, progress=stop, **{**OPTIONS, "memory": "3GB"})
    assert files_of(build(shards, tmp_path / "index", workers=1, **OPTIONS)) == files_of(reference)


def test_a_resumed_build_is_held_to_its_parameters_and_sources(shards: list[Path], tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == "merge vocabulary":
            raise KeyboardInterrupt

    index, copies = tmp_path / "index", [tmp_path / shard.name for shard in shards]
    for shard, copy in zip(shards, copies, strict=True):
        copy.write_bytes(shard.read_bytes())
    with pytest.raises(KeyboardInterrupt):
        build(copies, index, workers=1, progress=stop, **OPTIONS)
    with pytest.raises(BuildError, match=r"has begun with other inputs: windows was \[3,12\], is now \[3\]"):
        build(copies, index, workers=1, **{**OPTIONS, "window": 3})
    with pytest.raises(BuildError, match=r"source .*6\.jsonl is gone"):
        build(copies[:-1], index, workers=1, **OPTIONS)
    copies[2].write_text('{"text": "other"}\n')
    with pytest.raises(BuildError, match=r"source .*2\.jsonl has changed \(it had [\d,]+ bytes, has 18\)"):
        build(copies, index, workers=1, **OPTIONS)


def test_a_resumed_build_is_not_given_less_memory_a_worker(shards: list[Path], tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == "merge vocabulary":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(shards, tmp_path / "index", workers=1, progress=stop, **OPTIONS)
    with pytest.raises(
        BuildError, match="began with 810,000,000 bytes of memory for each worker, and now there are 370,"
    ):
        build(shards, tmp_path / "index", workers=2, **OPTIONS)


def test_a_build_that_failed_at_once_may_be_started_otherwise(tmp_path: Path) -> None:
    source = tmp_path / "some.jsonl"
    source.write_text('{"body": "a b"}\n')
    with pytest.raises(SourceError, match=r'no field "text"; there are: "body"'):
        build([source], tmp_path / "index")
    assert Index(build([source], tmp_path / "index", text_field="body")).manifest.documents == 1


def test_a_finished_index_is_left_alone_by_the_same_call_and_refused_to_another(
    shards: list[Path], reference: Path
) -> None:
    before = files_of(reference)
    assert build(shards, reference, workers=1, **OPTIONS) == reference
    assert files_of(reference) == before
    with pytest.raises(BuildError, match=r"is an index already, built with min_count 2, not 3"):
        build(shards, reference, workers=1, **{**OPTIONS, "min_count": 3})
    with pytest.raises(BuildError, match="is an index already, built from other sources"):
        build(shards[1:], reference, workers=1, **OPTIONS)


def test_a_directory_with_something_else_in_it_is_refused(shards: list[Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(BuildError, match=r"is not empty and holds no index\. Choose another --out"):
        build(shards, tmp_path, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_second_build_into_one_directory_is_refused(shards: list[Path], tmp_path: Path) -> None:
    def again(name: str, done: int, total: int, note: str = "") -> None:
        with pytest.raises(BuildError, match="another build is writing there"):
            build(shards, tmp_path / "index", workers=1, **OPTIONS)

    build(shards, tmp_path / "index", workers=1, progress=again, **OPTIONS)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"window": 0}, r"--window 0: expected 1 to"),
        ({"window": [2, 2]}, "the same window is given twice"),
        ({"ngrams": 6}, "n-grams are counted up to order 5"),
        ({"min_count": 0}, "--min-count 0: expected at least 1"),
        ({"min_pair_count": 0}, "--min-pair-count 0: expected at least 1"),
        ({"max_terms": 0}, "--max-terms 0: expected at least 1"),
        ({"memory": "lots"}, '--memory "lots": expected a size such as 8GB'),
        ({"memory": "1MB"}, "one worker needs at least 238MB"),
        ({"window": 40, "weighting": "harmonic"}, r"too fine for 64 bits; the largest window is 22"),
        ({"tokenizer": "wordpiece"}, 'no tokenizer "wordpiece"; there are word, bytes, and hf:FILE'),
    ],
)
def test_parameters_that_make_no_sense_are_named(shards: list[Path], tmp_path: Path, option: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(shards, tmp_path / "index", **{**OPTIONS, **option})
    assert not (tmp_path / "index").exists()


def test_an_empty_corpus_is_an_error_that_tells_what_was_skipped(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"body": "x"}\n[1]\n')
    with pytest.raises(BuildError, match=r"holds no document: 1 source\(s\) with 1 no text field, 1 not an object"):
        build([bad], tmp_path / "index", on_bad_line="skip")
    assert not (tmp_path / "index").exists()


def test_a_bad_line_stops_the_build_with_its_place_or_is_counted(tmp_path: Path) -> None:
    source = tmp_path / "some.jsonl"
    source.write_text('{"text": "a b a"}\n{"text": 5}\n{"text": "b"}\n')
    with pytest.raises(SourceError, match=r"some\.jsonl:2: .*text.* number"):
        build([source], tmp_path / "failing")
    index = Index(build([source], tmp_path / "index", on_bad_line="skip"))
    record = index.manifest.sources[0]
    assert (record.documents, record.skipped) == (2, {"text is no string": 1})
    assert record.skipped_where == [f"{source}:2: text is no string"]


def test_a_full_disk_is_told_and_the_build_goes_on_when_there_is_room(
    shards: list[Path], reference: Path, tmp_path: Path
) -> None:
    program = (
        "import json, resource, signal, sys\n"
        "from importlib import import_module\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "try:\n"
        "    import_module('cooc.create.pipeline').build(json.loads(sys.argv[2]), sys.argv[3], workers=1, "
        "**json.loads(sys.argv[4]))\n"
        "except Exception as error:\n"
        "    sys.exit(f'{type(error).__name__}: {error}')\n"
    )
    sources = json.dumps([str(shard) for shard in shards])
    for room in (200, 3_000, 20_000):
        arguments = [str(room), sources, str(tmp_path / "index"), json.dumps(OPTIONS)]
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "BuildError" in done.stderr
        assert "could not write" in done.stderr
        assert "run the same command again" in done.stderr
    assert files_of(build(shards, tmp_path / "index", workers=1, **OPTIONS)) == files_of(reference)


def test_metadata_and_ids_stand_beside_the_tokens(tmp_path: Path) -> None:
    source = tmp_path / "dated.jsonl"
    source.write_text('{"id": "m1", "text": "a b", "year": 1801}\n{"id": "m2", "text": "", "year": 1802}\n')
    index = Index(build([source], tmp_path / "index", meta_fields=["year"], id_field="id"))
    lines = index.tokens.metadata.all().tobytes().splitlines()
    assert [json.loads(line)["metadata"] for line in lines] == [{"id": "m1", "year": 1801}, {"id": "m2", "year": 1802}]
    assert index.tokens.document_starts().tolist() == [0, 3]


def test_an_index_travels_to_other_processes_by_its_path(reference: Path) -> None:
    import pickle

    index = Index(reference)
    index.pairs(3).row(0)
    again = pickle.loads(pickle.dumps(index))
    assert again.path == index.path
    assert cells_of(again, 3) == cells_of(index, 3)


def test_near_duplicates_are_left_out_and_listed(tmp_path: Path) -> None:
    documents = [document for document in some_documents(60, seed=9) if len(document) > 8]
    copies = [[*document[:-1], "end"] for document in documents[:5]] + documents[5:8]
    first = write_jsonl(tmp_path / "a.jsonl", documents)
    second = write_jsonl(tmp_path / "b.jsonl", copies)
    index = Index(build([first, second], tmp_path / "index", dedup=0.6, **OPTIONS))
    listed = [json.loads(line) for line in (tmp_path / "index" / "duplicates.jsonl").read_text().splitlines()]
    sources = index.manifest.sources
    assert [source.dropped for source in sources] == [0, len(listed)]
    assert [source.documents + source.dropped for source in sources] == [len(documents), len(copies)]
    assert len(listed) >= 3  # the exact copies are among them
    assert all(line["path"].endswith("b.jsonl") and line["duplicate_of"]["path"].endswith("a.jsonl") for line in listed)
    kept = [copy for k, copy in enumerate(copies, 1) if k not in {line["linenum"] for line in listed}]
    third = write_jsonl(tmp_path / "c.jsonl", [*documents, *kept])
    without = build([third], tmp_path / "without", **OPTIONS)
    assert counts_of(index.path).items() - {("duplicates.jsonl", b"")} >= counts_of(without).items()
    assert verify(index.path).problems == []
    with pytest.raises(UsageError, match=r"was built with --dedup 0\.6: duplicates in different indexes can't be seen"):
        merge([index.path, build([third], tmp_path / "other", dedup=0.6, **OPTIONS)], tmp_path / "merged")


def test_a_list_of_duplicates_that_is_not_whole_is_found(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["great", "auk"]] * 3)
    index = build([source], tmp_path / "index", dedup=0.8, **OPTIONS)
    lines = (index / "duplicates.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 2
    (index / "duplicates.jsonl").write_bytes(lines[0])
    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in verify(index).problems] == ["duplicates.jsonl"]
