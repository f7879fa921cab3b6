"""A source → the parts that are read by themselves, whoever reads them."""

from cooc.corpus.model import Part, Source


def split(source: Source, *, target_bytes: int) -> list[Part]:
    """Parts of about `target_bytes`, which depend on the file and on that number alone.

    Uncompressed local files of lines are cut anywhere, parquet files between row groups; the rest is whole.
    """
    if source.format == "parquet":
        return _row_groups(source, target_bytes)
    if source.format in ("jsonl", "lines") and source.compression is None and not source.remote:
        starts = list(range(0, max(source.bytes, 1), target_bytes))
        return [Part(source, a, b) for a, b in zip(starts, [*starts[1:], source.bytes], strict=True)]
    return [Part(source)]


def _row_groups(source: Source, target_bytes: int) -> list[Part]:
    # pyarrow takes a while to import
    from cooc.corpus.parquet import guarded, open_parquet
    from cooc.corpus.stream import open_raw

    with open_raw(source) as raw:
        meta = open_parquet(source, raw).metadata
    groups = range(meta.num_row_groups)
    sizes = guarded(source, lambda: [meta.row_group(group).total_byte_size for group in groups], "by its footer")
    parts, start, size = [], 0, 0
    for group in groups:
        size += sizes[group]
        if size >= target_bytes or group == groups.stop - 1:
            parts.append(Part(source, start, group + 1))
            start, size = group + 1, 0
    return parts or [Part(source, 0, 0)]
