"""Which files are the corpus, in which order, and what is said of the others."""

import gzip
from pathlib import Path

import fsspec
import pytest

from cooc.corpus import Fields, Receipt, find_sources, read, split
from cooc.errors import SourceError, UsageError

LINE = b'{"text": "a"}\n'
WARC = b"WARC/1.0\r\nWARC-Type: warcinfo\r\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    documents = ["b.jsonl", "a.json.gz", "sub/c.txt"]
    for name in [*documents, "sub/_SUCCESS", ".hidden.jsonl", "notes.csv", ".git/x.txt"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(LINE) if name.endswith(".gz") else LINE)
    return tmp_path


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    yield filesystem
    filesystem.store.clear()


def names(sources, folder) -> list[str]:
    return [source.url.removeprefix(str(folder) + "/") for source in sources]


def test_a_folder_gives_its_files_of_known_endings_and_names_the_others(folder):
    sources, ignored = find_sources([folder])
    assert names(sources, folder) == ["a.json.gz", "b.jsonl", "sub/c.txt"]
    assert [source.format for source in sources] == ["jsonl", "jsonl", "text"]
    assert [source.compression for source in sources] == ["gzip", None, None]
    skipped = [".git", ".hidden.jsonl", "notes.csv", "sub/_SUCCESS"]
    assert ignored == [str(folder / name) for name in skipped]


def test_the_order_of_places_and_their_repetition_make_no_difference(folder):
    once, _ = find_sources([folder])
    assert find_sources([folder / "sub", folder / "b.jsonl", folder])[0] == once
    assert find_sources([f"{folder}/**", f"{folder}/", folder / "sub/../b.jsonl"])[0] == once
    (folder / "link.jsonl").symlink_to(folder / "b.jsonl")
    assert find_sources([folder])[0] == once


def test_a_folder_that_is_linked_in_is_read_and_a_loop_of_links_ends(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "d.md").write_bytes(b"text")
    (folder / "linked").symlink_to(other)
    (other / "back").symlink_to(folder)
    assert names(find_sources([folder])[0], folder) == ["a.json.gz", "b.jsonl", "linked/d.md", "sub/c.txt"]


def test_a_glob_gives_what_it_matches(folder):
    assert names(find_sources([f"{folder}/*.json*"])[0], folder) == ["a.json.gz", "b.jsonl"]
    assert names(find_sources([f"{folder}/**/*.txt"])[0], folder) == ["sub/c.txt"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    (tmp_path / "a[1].jsonl").write_bytes(LINE)
    assert names(find_sources([tmp_path / "a[1].jsonl"])[0], tmp_path) == ["a[1].jsonl"]


def test_a_file_named_by_itself_may_be_hidden_and_needs_no_ending(folder):
    (folder / "part-0000").write_bytes(gzip.compress(b" \n" + LINE))
    sources, _ = find_sources([folder / "part-0000", folder / ".hidden.jsonl"])
    assert names(sources, folder) == [".hidden.jsonl", "part-0000"]
    assert (sources[1].format, sources[1].compression) == ("jsonl", "gzip")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n", r"it holds something that begins with b'a,b"),
        (gzip.compress(b"a,b\n", mtime=0), r"it holds gzip of something that begins with b'a,b"),
        (b"BZh91AY", "it holds bzip2"),
        (b"", "it holds something that begins with b''"),
    ],
)
def test_a_file_that_tells_nothing_by_name_or_bytes_is_refused(tmp_path, data, message):
    (tmp_path / "data").write_bytes(data)
    with pytest.raises(SourceError, match=rf"none of the endings \.jsonl, .*{message}"):
        find_sources([tmp_path / "data"])


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "crawl"])
def test_web_archives_are_refused_with_a_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(WARC) if name.endswith("gz") else WARC)
    with pytest.raises(SourceError, match=r"a WARC archive holds web pages as fetched.*Extract their text"):
        find_sources([tmp_path / name])


def test_a_folder_of_web_archives_is_refused_too(tmp_path):
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(WARC))
    with pytest.raises(SourceError, match="a WARC archive holds web pages"):
        find_sources([tmp_path])


def test_where_nothing_is_found_the_message_says_what_was_looked_for(tmp_path, folder):
    with pytest.raises(SourceError, match=r"gone: there is no such file or folder"):
        find_sources([tmp_path / "gone"])
    with pytest.raises(SourceError, match=r"no corpus files at .*\*\.tsv: looked for \.jsonl, \.json"):
        find_sources([f"{tmp_path}/*.tsv"])
    with pytest.raises(SourceError, match=r"no corpus files .*; there are other files: .*notes"):
        find_sources([f"{folder}/*.csv"])
    with pytest.raises(SourceError, match="no corpus files at no place"):
        find_sources([])


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    (Path(str(tmp_path)) / "a\udcff.jsonl").write_bytes(LINE)
    with pytest.raises(SourceError, match="the file's name is not valid UTF-8"):
        find_sources([tmp_path])


def test_urls_are_read_like_files(memory):
    memory.pipe({"/c/b.jsonl": LINE * 2, "/c/a.json.gz": gzip.compress(LINE)})
    memory.pipe({"/c/x.csv": b"", "/c/d/e.txt": b"e"})
    sources, ignored = find_sources(["memory://c/d", "memory://c"])
    urls = ["memory:///c/a.json.gz", "memory:///c/b.jsonl", "memory:///c/d/e.txt"]
    assert [source.url for source in sources] == urls
    assert ignored == ["memory:///c/x.csv"]
    assert find_sources(["memory://c/*.jsonl"])[0] == sources[1:2]
    receipts = []
    for source in sources:
        [part] = split(source, target_bytes=1)
        receipts.append(Receipt())
        list(read(part, Fields(), receipt=receipts[-1]))
    assert [receipt.documents for receipt in receipts] == [1, 2, 1]
    assert [receipt.source_bytes for receipt in receipts] == [source.bytes for source in sources]


def test_urls_that_lead_nowhere_say_so(memory):
    with pytest.raises(SourceError, match="memory://gone: there is no such file or folder"):
        find_sources(["memory://gone"])
    with pytest.raises(UsageError, match=r"nosuch://a: fsspec can't open this: Protocol not known"):
        find_sources(["nosuch://a"])


def test_parts_depend_on_the_file_and_the_target_alone(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINE * 10)
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(LINE))
    a, b, empty = find_sources([tmp_path])[0]
    assert [(part.start, part.stop) for part in split(a, target_bytes=60)] == [(0, 60), (60, 120), (120, 140)]
    assert [(part.start, part.stop) for part in split(b, target_bytes=1)] == [(0, -1)]
    assert [(part.start, part.stop) for part in split(empty, target_bytes=1)] == [(0, 0)]
