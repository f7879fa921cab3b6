"""The command that adopts an infini-gram index: open-infini-gram; and what `cooc info` says of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cooc.cli.make import Csv, Json
from cooc.cli.show import printed, put, say


def open_infini_gram(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="tokenized.0, table.0, offset.0, …", show_default=False)
    ],
    tokenizer: Annotated[
        str,
        typer.Option(metavar="hf:FILE|bytes", help="The tokenizer.json it was made with.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="SIDECAR", help="Folder to write.", show_default="DIR.cooc")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="u8|u16|u32", help="Type of its tokens.", show_default="as the files are")
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(metavar="4|5|6", help="Of its files; 5: reversed documents.", show_default="as they are, or 4"),
    ] = None,
    keep_case: Annotated[bool, typer.Option("--keep-case", help="Tell Bird from bird.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Adopt an infini-gram index that somebody else made: check it, and write a sidecar to ask it by.

    Sizes, separators, pointers and their order are checked, all of them up to 64 MB of tokens, else a sample; then
    infini-gram's own engine opens it in a process of its own and must count as cooc does. DIR is not changed. Then
    cooc count, contexts, pair and kwic take SIDECAR for an index; cooc build infini-gram:SIDECAR counts all of it.

    Output: what it holds, and the sidecar's path; with --json the sidecar's record.

    Cost: seconds, and one reading of files up to 256 MB, 256 MB of longer ones, for digests.

    Example: cooc open-infini-gram v4_pileval_llama --tokenizer hf:llama/tokenizer.json --out indexes/pileval
    """
    import cooc

    options: dict[str, Any] = {"tokenizer": tokenizer, "out": out, "dtype": dtype, "version": version}
    index = cooc.open_infini_gram(directory, keep_case=keep_case, **options)
    record = about_foreign_json(index)
    if not printed(as_json, as_csv, lambda: record, lambda: flattened(record), ["name", "value"]):
        about_foreign(index, put=say)
        put(str(index.path))


def flattened(document: Any, name: str = "") -> list[dict[str, Any]]:
    """Every value of a document as a row, its path joined by dots as the name."""
    if isinstance(document, dict | list | tuple) and document:
        parts = document.items() if isinstance(document, dict) else enumerate(document)
        return [row for key, value in parts for row in flattened(value, f"{name}.{key}" if name else str(key))]
    return [{"name": name, "value": document}]


def about_foreign_json(index: Any) -> dict[str, Any]:
    """The sidecar's record, or the name and address of an index behind the web API."""
    import msgspec

    if not hasattr(index, "sidecar"):
        return {"format": "infini-gram-api", "index": index.name, "address": index.address, "cache": str(index.cache)}
    record: dict[str, Any] = msgspec.to_builtins(index.sidecar.record)
    return {"path": str(index.path), "documents": index.documents, "tokens": index.token_count, **record}


def about_foreign(index: Any, put: Any = put) -> None:
    """Print what a person wants to know first."""
    if not hasattr(index, "sidecar"):
        put(f"{index.name}: an index of infini-gram behind {index.address}; it can be asked for counts")
        put(f"answers are kept in {index.cache}")
        return
    held = index.sidecar.record
    size = sum(file.bytes for shard in held.shards for file in shard.files)
    reversed_ = ", documents reversed" if held.index_version == 5 else ""
    put(f"{index.path}  (digest {held.digest[:16]}): the sidecar of an infini-gram index")
    put(f"{held.directory}: version {held.index_version}{reversed_}, {held.dtype}, {size:,} bytes")
    put(f"{index.documents:,} documents, {index.token_count:,} tokens, {len(held.shards)} shards")
    digest = f", digest {held.tokenizer.digest[:16]}" if held.tokenizer.digest else ""
    put(f"tokenizer {held.tokenizer.kind}, {held.tokenizer.vocabulary:,} tokens{digest}")
    put(f"asked by words{', case kept' if held.keep_case else ''}; windows are of words")
