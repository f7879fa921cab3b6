"""What a corpus file is, by its name or else by its first bytes."""

from cooc.corpus.model import Compression, Format, Source
from cooc.corpus.stream import Content, DamagedStreamError, open_raw, recognise
from cooc.errors import SourceError

COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
LINES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}
BINARY: dict[str, Format] = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"}
KNOWN_ENDINGS = (
    ".jsonl, .json, .ndjson, .txt, .text, .md (each also with .gz or .zst), .parquet, .arrow, .feather, .ipc"
)
SNIFFED_BYTES = 4096


def format_by_name(name: str) -> tuple[Format, Compression | None] | None:
    """The format a file's ending stands for; None for endings that cooc doesn't know."""
    stem = name.lower()
    ending = "." + stem.rpartition(".")[2]
    if ending in BINARY:
        return BINARY[ending], None
    compression = COMPRESSIONS.get(ending)
    if compression:
        ending = "." + stem[: -len(ending)].rpartition(".")[2]
    return (LINES[ending], compression) if ending in LINES else None


def is_warc(name: str) -> bool:
    return name.lower().endswith((".warc", ".warc.gz", ".warc.zst", ".wet.gz", ".arc.gz"))


def refuse_warc(url: str) -> SourceError:
    return SourceError(
        f"{url}: a WARC archive holds web pages as fetched, not documents. Extract their text first, for "
        "example with `dolma warc` or trafilatura, and build from the JSON lines that gives"
    )


def sniff(source: Source) -> tuple[Format, Compression | None]:
    """The format of a file whose name doesn't tell, by its first bytes; SourceError if they don't."""
    if is_warc(source.url):
        raise refuse_warc(source.url)
    with open_raw(source) as raw:
        head = raw.read(8)
    found = recognise(head)
    if found == "parquet":
        return "parquet", None
    if found == "Arrow IPC":
        return "arrow", None
    compression: Compression | None = "gzip" if found == "gzip" else "zstd" if found == "zstd" else None
    start = _start_of_text(source, compression) if compression or found is None else head
    inner = recognise(start)
    if inner == "WARC":
        raise refuse_warc(source.url)
    if inner is None and start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "jsonl", compression
    what = inner or f"something that begins with {start[:24]!r}"
    raise SourceError(
        f"{source.url}: its name has none of the endings {KNOWN_ENDINGS}, and it holds "
        f"{f'{compression} of {what}' if compression else what}. If cooc can read that, give it its ending"
    )


def _start_of_text(source: Source, compression: Compression | None) -> bytes:
    known = Source(source.url, "jsonl", compression, source.bytes, source.modified)
    with Content(known) as content:
        try:
            return content.read(SNIFFED_BYTES)
        except DamagedStreamError as error:
            raise SourceError(f"{source.url}: {error}") from error
