"""Files, globs, folders and URLs → the corpus files in them, ordered by their names alone."""

import glob
import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from cooc.corpus.model import Source
from cooc.corpus.sniff import KNOWN_ENDINGS, format_by_name, is_warc, refuse_warc, sniff
from cooc.errors import SourceError, UsageError

SHOWN_NAMES = 10
CHANGE_MARKS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created")

TextDocuments = Literal["file", "line"]


def find_sources(
    places: Sequence[str | os.PathLike[str]], *, text_documents: TextDocuments = "file"
) -> tuple[list[Source], list[str]]:
    """The corpus files at these places, sorted by name and each once, and the names that were passed over.

    A folder or glob gives its files of known endings; those that begin with a dot or an underscore and those
    of other endings are passed over. A file named by itself is read whatever its ending, if its first bytes
    tell what it is. `text_documents="line"` makes a document of each line of a text file.
    """
    sources: dict[str, Source] = {}
    ignored: set[str] = set()
    for place in places:
        entries, by_itself = _entries(os.fspath(place))
        for entry in entries:
            known = None if _is_hidden(entry.url) and not by_itself else format_by_name(entry.url)
            if known is None and by_itself:
                known = sniff(entry)
            if known is None:
                ignored.add(entry.url)
                continue
            source = msgspec.structs.replace(entry, format=known[0], compression=known[1])
            if source.format == "text" and text_documents == "line":
                source = msgspec.structs.replace(source, format="lines")
            key = source.url if source.remote else os.path.realpath(source.url)
            sources[key] = min(source, sources.get(key, source), key=lambda s: s.url)
    if not sources:
        raise _nothing([os.fspath(place) for place in places], sorted(ignored))
    found = sorted(sources.values(), key=lambda s: s.url)
    return found, sorted(ignored - {source.url for source in found})


def _entries(place: str) -> tuple[list[Source], bool]:
    """Files at a place, their formats still unknown; whether the place is one file named by itself."""
    place = place.removeprefix("file://")
    if "://" in place:
        return _remote(place)
    place = os.path.normpath(place)
    if os.path.isdir(place):
        return [_local(path) for path in _walk(place)], False
    if os.path.exists(place):
        return [_local(place)], True
    if not glob.has_magic(place):
        raise SourceError(f"{place}: there is no such file or folder")
    paths = [os.path.normpath(path) for path in glob.glob(place, recursive=True)]
    return [_local(path) for path in paths if not os.path.isdir(path)], False


def _walk(folder: str) -> Iterator[str]:
    """All files below a folder, through links too; a hidden folder stands for what is in it."""
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(root))
        for name in list(folders):
            path = os.path.join(root, name)
            if _is_hidden(name):
                yield path
            if _is_hidden(name) or os.path.realpath(path) in seen:
                folders.remove(name)
        for name in files:
            yield os.path.join(root, name)


def _is_hidden(path: str) -> bool:
    return os.path.basename(path.rstrip("/")).startswith((".", "_"))


def _local(path: str) -> Source:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SourceError(f"{path!r}: the file's name is not valid UTF-8. Rename it") from None
    try:
        status = os.stat(path)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror}") from error
    return Source(path, "jsonl", None, status.st_size, status.st_mtime)


def _remote(url: str) -> tuple[list[Source], bool]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        if glob.has_magic(path):
            found, by_itself = filesystem.glob(path, detail=True), False
        elif filesystem.isdir(path):
            found, by_itself = filesystem.find(path, detail=True), False
        else:
            found, by_itself = {path: filesystem.info(path)}, True
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: fsspec can't open this: {error}") from error
    except FileNotFoundError as error:
        raise SourceError(f"{url}: there is no such file or folder") from error
    except OSError as error:
        raise SourceError(f"{url}: can't be listed: {error}") from error
    entries = [
        _stored(url if by_itself else filesystem.unstrip_protocol(name), info)
        for name, info in found.items()
        if info.get("type", "file") == "file"
    ]
    return entries, by_itself


def _stored(url: str, info: dict[str, Any]) -> Source:
    """A remote file by what its storage says of it; whichever change mark the storage has."""
    mark = next((info[key] for key in CHANGE_MARKS if info.get(key) is not None), None)
    if info.get("size") is None:
        raise SourceError(f"{url}: the server doesn't tell its size. Download it first")
    return Source(url, "jsonl", None, int(info["size"]), None if mark is None else str(mark))


def _nothing(places: list[str], ignored: list[str]) -> SourceError:
    if ignored and all(is_warc(name) for name in ignored):
        return refuse_warc(ignored[0])
    names = ", ".join(ignored[:SHOWN_NAMES])
    more = f" and {len(ignored) - SHOWN_NAMES} more" if len(ignored) > SHOWN_NAMES else ""
    others = f"; there are other files: {names}{more}" if ignored else ""
    where = ", ".join(places) or "no place"
    return SourceError(f"no corpus files at {where}: looked for {KNOWN_ENDINGS}{others}")
