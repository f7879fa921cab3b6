"""Slices of open pretraining corpora in their native formats, read whole."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import pytest

from cooc.corpus import Fields, Receipt, find_sources, read, split
from cooc.errors import SourceError

SLICES = Path(__file__).parents[2] / "shared" / "data" / "corpora" / "slices"
LISTED = SLICES / "PROVENANCE.tsv"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not LISTED.exists(), reason="needs the shared corpora")]

# What holds the text where "text" doesn't.
TEXT_FIELDS = {
    "c4_pf_decoding/c4.jsonl": "prefix",
    "data_prep_kit_parquet/filter__test-data__input__test1.parquet": "contents",
    "data_prep_kit_parquet/hap__test-data__input__test1.parquet": "contents",
    "olmo_hf_arrow/boolq__none__validation__data-00000-of-00001.arrow": "passage",
}
ROWS = LISTED.read_text().splitlines() if LISTED.exists() else []
FILES = [row["file"] for row in csv.DictReader(ROWS, delimiter="\t")]


def check(name: str, target_bytes: int) -> list[str]:
    [source], _ = find_sources([SLICES / name])
    texts, stored = [], 0
    for part in split(source, target_bytes=target_bytes):
        receipt = Receipt()
        for batch in read(part, Fields(text=TEXT_FIELDS.get(name, "text")), receipt=receipt):
            assert not batch.continues and not batch.open_end
            data = batch.data.tobytes()
            texts += [data[a:b].decode() for a, b in pairwise(batch.offsets)]
            assert len(batch.metadata) == len(batch.offsets) - 1
            assert all(json.loads(line)["path"] == source.url for line in batch.metadata)
        assert not receipt.skipped
        stored += receipt.source_bytes
    assert stored == source.bytes
    return texts


@pytest.mark.parametrize("name", [name for name in FILES if ".warc" not in name])
def test_a_slice_reads_whole_and_alike_in_parts(name):
    texts = check(name, 1 << 30)
    assert sum(len(text) for text in texts) > 1000
    assert check(name, 50_000) == texts
    if name.endswith(".jsonl"):
        field = TEXT_FIELDS.get(name, "text")
        assert texts == [json.loads(line)[field] for line in (SLICES / name).read_bytes().splitlines()]


@pytest.mark.parametrize("name", [name for name in FILES if ".warc" in name])
def test_web_archives_are_refused(name):
    with pytest.raises(SourceError, match=r"a WARC archive holds web pages as fetched, not documents"):
        find_sources([SLICES / name])


def test_every_slice_is_found_in_its_folder():
    sources, ignored = find_sources([SLICES])
    names = {Path(source.url).relative_to(SLICES).as_posix() for source in sources}
    assert names == {name for name in FILES if ".warc" not in name}
    assert {Path(name).suffix for name in ignored} == {".gz", ".tsv"}
