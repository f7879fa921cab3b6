"""Scans of one list of terms into one: equal to the scan of all their sources at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.seeds.cells import FileRun, Part, merged
from cooc.seeds.model import ScanRecord, ScanWindow, parse_memory
from cooc.seeds.result import ScanResult
from cooc.seeds.scan import Place, checked_out, sorted_sources
from cooc.seeds.terms import Seeds
from cooc.seeds.words import Words, join_words
from cooc.seeds.write import Counted, companions, write_scan

Array = NDArray[Any]


def merge_scans(paths: Sequence[Place | ScanResult], out: Place, *, memory: str | int = "8GB") -> ScanResult:
    """Add up scans of the same terms and windows into the parquet file `out`.

    Raises `UsageError` naming the first thing in which two differ, or a source that two of them hold (its
    documents would count twice), and `BuildError` if `out` can't be written.
    """
    path = checked_out(out)
    scans = [place if isinstance(place, ScanResult) else ScanResult(place) for place in paths]
    if not scans:
        raise UsageError("merge needs at least one scan.")
    if any(path.exists() and os.path.samefile(path, each.path) for each in scans):
        raise UsageError(f"{path} is itself to be merged. Choose another --out.")
    check_alike(scans)
    words, maps = join_words([words_of(each) for each in scans])
    seeds, totals = seeds_of_scans(scans)
    names = scans[0].windows
    budget = parse_memory(memory)
    with tempfile.TemporaryDirectory(prefix=".cooc-scan-", dir=path.parent) as name:
        runs = [
            FileRun(Path(name) / f"scan-{number}", 2 * len(names)).write(cells_of(each, seeds, words, names))
            for number, each in enumerate(scans)
        ]
        room = max(1 << 12, budget // 4 // (8 + 16 * len(names)))
        write_scan(path, merged_record(scans, words), Counted(seeds, words, totals, names), merged(runs, room=room))
    del maps
    return ScanResult(path)


def check_alike(scans: list[ScanResult]) -> None:
    """Raise `UsageError` unless the scans counted the same things, each in sources of its own."""
    first, seen = scans[0], dict[str, ScanResult]()
    for other in scans[1:]:
        for what, a, b in (
            ("tokenizer", first.record.tokenizer, other.record.tokenizer),
            ("windows", told(first.record.windows), told(other.record.windows)),
            ("where", first.record.where, other.record.where),
            ("terms", first.record.terms_digest, other.record.terms_digest),
        ):
            if a != b:
                raise UsageError(f"{first.path} and {other.path} differ in their {what}: they can't be merged.")
    for each in scans:
        for source in each.record.sources:
            if source.url in seen:
                raise UsageError(
                    f"{source.url} is a source of both {seen[source.url].path} and {each.path}: its documents would "
                    "count twice."
                )
            seen[source.url] = each


def told(windows: list[ScanWindow]) -> list[ScanWindow]:
    """The windows without what was counted in them."""
    return [msgspec.structs.replace(window, total=0) for window in windows]


def words_of(scan: ScanResult) -> Words:
    """The words of a scan with their marginals."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(companions(scan.path)["words"])
    sums = np.array([table[f"contexts_{name}"].to_numpy() for name in scan.windows], np.int64)
    names = table["context"].combine_chunks().cast(pa.large_string())
    return Words(names, table["occurrences"].to_numpy(), table["documents"].to_numpy(), sums)


def seeds_of_scans(scans: list[ScanResult]) -> tuple[Seeds, Array]:
    """The seeds with all their spellings, and their totals added up."""
    names = scans[0].terms["term"].to_list()
    given: list[dict[str, None]] = [{} for _ in names]
    totals = np.zeros((len(names), 2 + len(scans[0].windows)), np.int64)
    for each in scans:
        for number, spellings in enumerate(each.terms["given"].to_list()):
            given[number].update(dict.fromkeys(spellings))
        columns = ["occurrences", "documents", *(f"contexts_{name}" for name in each.windows)]
        totals += each.terms.select(columns).to_numpy()
    return Seeds(names, [list(each) for each in given], []), totals


def cells_of(scan: ScanResult, seeds: Seeds, words: Words, names: list[str]) -> Iterator[Part]:
    """The cells of a scan by the numbers of the merged words."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(scan.path, read_dictionary=["term", "context"])
    terms = pa.array(seeds.names, pa.string())
    columns = [f"{what}_{name}" for name in names for what in ("count", "documents")]
    for group in range(file.num_row_groups):
        batch = file.read_row_group(group).combine_chunks()
        keys = np.zeros(batch.num_rows, np.uint64)
        for column, known, shift in (("term", terms, 32), ("context", words.names, 0)):
            encoded = batch[column].combine_chunks()
            dictionary = encoded.dictionary.cast(known.type)
            numbers = np.asarray(pc.index_in(dictionary, value_set=known)).astype(np.uint64)
            keys |= numbers[np.asarray(encoded.indices)] << np.uint64(shift)
        yield Part(keys, np.column_stack([batch[column].to_numpy() for column in columns]))


def merged_record(scans: list[ScanResult], words: Words) -> ScanRecord:
    """What the merged file says of itself."""
    records = [each.record for each in scans]
    windows = [
        msgspec.structs.replace(window, total=int(words.sums[number].sum()))
        for number, window in enumerate(records[0].windows)
    ]
    return msgspec.structs.replace(
        records[0], windows=windows, documents=sum(record.documents for record in records),
        tokens=sum(record.tokens for record in records), words=len(words.names),
        sources=sorted_sources([source for record in records for source in record.sources]),
    )  # fmt: skip
