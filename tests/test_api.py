"""The web API of infini-gram, by a local server that speaks its protocol and misbehaves as asked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.errors import SourceError, UsageError
from cooc.phrases.api import ApiIndex, cache_folder, pause_of, spellings

COUNTS = {"great auk": 7, "Great auk": 2, "Great Auk": 11, "GREAT AUK": 1, "auk": 40, "Auk": 9, "AUK": 3}


class Server(ThreadingHTTPServer):
    """Answers counts; `script` holds what it does instead, first come first served."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Any] = []
        self.asked: list[tuple[float, dict[str, Any], Any]] = []
        self.now = self.most = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        held = self.server
        held.now += 1
        held.most = max(held.most, held.now)
        try:
            self.answer(held)
        finally:
            held.now -= 1

    def answer(self, held: Server) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        held.asked.append((time.monotonic(), request, self.headers))
        step = held.script.pop(0) if held.script else None
        if step == "slow":
            time.sleep(0.6)
            return
        if step == "broken":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers, body = step if step is not None else (200, {}, json.dumps(self.count(request)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def count(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["index"] != "v4_piletrain_llama":
            return {"error": f"[Flask] Invalid index: {request['index']}"}
        ids = [sum(word.encode()) for word in request["query"].split()]
        found = COUNTS.get(request["query"], 0)
        return {"approx": request["query"] == "AUK", "count": found, "latency": 0.4, "token_ids": ids, "tokens": []}

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class Client(ApiIndex):
    """A client that notes its pauses and does not wait."""

    def __init__(self, server: Server, cache: Path, **options: Any) -> None:
        self.pauses: list[float] = []
        options = {"spacing": 0.0, "chance": lambda: 0.5, "sleep": self.pauses.append, "timeout": 5.0, **options}
        super().__init__("v4_piletrain_llama", address=server.address, cache=cache, **options)


BUSY = (403, {}, "Forbidden")


def test_a_phrase_is_the_sum_of_its_spellings(server: Server, tmp_path: Path) -> None:
    found = cooc.count(Client(server, tmp_path), "great auk", "auk", "penguin")
    rows = {row["phrase"]: row for row in found.rows()}
    assert (rows["great auk"]["occurrences"], rows["auk"]["occurrences"], rows["penguin"]["occurrences"]) == (21, 52, 0)
    assert rows["great auk"]["documents"] is None
    assert not rows["great auk"]["approx"] and rows["auk"]["approx"], "the server's own word is passed on"
    assert "also inside longer words" in rows["auk"]["note"] and "approximate" in rows["auk"]["note"]
    variants = [row for row in found.to_dict()["variants"] if row["phrase"] == "auk"]
    assert {row["variant"]: row["occurrences"] for row in variants} == {"auk": 40, "Auk": 9, "AUK": 3}
    assert server.asked[0][1] == {"index": "v4_piletrain_llama", "query_type": "count", "query": "great auk"}
    assert server.asked[0][2]["User-Agent"].startswith("cooc/")


def test_spellings_of_the_same_tokens_count_once(server: Server, tmp_path: Path) -> None:
    server.script = [(200, {}, json.dumps({"count": 5, "approx": False, "token_ids": [1, 2]}))] * 3
    assert cooc.count(Client(server, tmp_path), "auk").rows()[0]["occurrences"] == 5


def test_an_answer_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    first, second = Client(server, tmp_path), Client(server, tmp_path)
    assert first.count("auk").is_kept is False
    assert second.count("auk") == first.count("auk")._replace(is_kept=True)
    assert (first.requests, second.requests, len(server.asked)) == (1, 0, 1)
    other = Client(server, tmp_path)
    other.name = "v4_other_llama"
    with pytest.raises(SourceError, match="Invalid index: v4_other_llama"):
        other.count("auk")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"request": 1}', b"\xff\xfe", b'{"address": 1}'])
def test_a_kept_answer_that_is_none_is_asked_for_again(server: Server, tmp_path: Path, content: bytes) -> None:
    client = Client(server, tmp_path)
    path = client.place_of({"index": client.name, "query_type": "count", "query": "auk"})
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert client.count("auk").occurrences == 40
    assert Client(server, tmp_path).count("auk").is_kept, "and the new one is kept"


def test_kept_answers_are_whole_and_say_what_they_answer(server: Server, tmp_path: Path) -> None:
    Client(server, tmp_path).count("auk")
    (path,) = (tmp_path / "infini-gram" / "v4_piletrain_llama").iterdir()
    kept = json.loads(path.read_bytes())
    assert kept["request"]["query"] == "auk" and kept["answer"]["count"] == 40
    path.write_bytes(path.read_bytes().replace(b'"query": "auk"', b'"query": "owl"'))
    assert not Client(server, tmp_path).count("auk").is_kept, "an answer to another question is none"


def test_a_busy_server_is_asked_again_after_ever_longer_pauses(server: Server, tmp_path: Path) -> None:
    server.script = [BUSY, BUSY, (429, {}, ""), (503, {}, "")]
    client = Client(server, tmp_path, spacing=1.0)
    assert client.count("auk").occurrences == 40
    backed_off = [pause for pause in client.pauses if pause > 1.0]
    assert backed_off == [2.0, 4.0, 8.0, 16.0], "spacing · 2^k, times 0.5 to 1.5"


def test_pauses_have_chance_in_them(server: Server, tmp_path: Path) -> None:
    for chance, pause in ((0.0, 1.0), (0.999, 2.998)):
        server.script = [BUSY]
        client = Client(server, tmp_path / str(chance), spacing=1.0, chance=lambda value=chance: value)
        client.count("auk")
        assert client.pauses[0] == pytest.approx(pause)


def test_a_server_that_names_a_pause_is_heeded(server: Server, tmp_path: Path) -> None:
    server.script = [(429, {"Retry-After": "17"}, "")]
    client = Client(server, tmp_path)
    client.count("auk")
    assert client.pauses == [17.0]
    server.script = [(503, {"Retry-After": "100000"}, "")]
    with pytest.raises(SourceError, match="answers 503"):
        Client(server, tmp_path / "far").count("auk")


def test_pauses_are_seconds_or_dates() -> None:
    assert pause_of("3.5") == 3.5 and pause_of(None) is None and pause_of("soon") is None
    assert pause_of("-4") == 0.0
    assert 50 < (pause_of(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60


def test_it_gives_up_and_says_what_to_do(server: Server, tmp_path: Path) -> None:
    server.script = [BUSY] * 20
    client = Client(server, tmp_path, attempts=4)
    with pytest.raises(SourceError, match="no answer for v4_piletrain_llama after 4 attempts: it answers 403: busy"):
        client.count("auk")
    assert client.requests == 4
    server.script = []
    assert Client(server, tmp_path).count("auk").occurrences == 40, "a refusal is not kept"


def test_a_wrong_address_is_not_asked_twice(server: Server, tmp_path: Path) -> None:
    server.script = [(404, {}, "")] * 2
    with pytest.raises(SourceError, match="answers 404; is the address right"):
        Client(server, tmp_path).count("auk")
    assert len(server.asked) == 1


@pytest.mark.parametrize(("body", "message"), [
    ("<html>", "after 3 attempts: what it sent is no JSON"),
    ("[1]", "expected a JSON object, found list"),
    ('{"count": "many"}', "expected a count of 'auk', found 'many'"),
    ('{"count": -1}', "expected a count of 'auk', found -1"),
    ('{"count": true}', "expected a count of 'auk', found True"),
    ('{"latency": 3}', "expected a count of 'auk', found None"),
    ('{"error": "Query too long"}', "the server refuses 'auk': Query too long"),
])  # fmt: skip
def test_an_answer_that_is_none_is_an_error(server: Server, tmp_path: Path, body: str, message: str) -> None:
    server.script = [(200, {}, body)] * 3
    with pytest.raises(SourceError, match=message):
        Client(server, tmp_path, attempts=3).count("auk")
    assert not list(tmp_path.rglob("*.json")), "and is not kept"


def test_silence_and_broken_connections_are_tried_again(server: Server, tmp_path: Path) -> None:
    server.script = ["slow", "broken"]
    client = Client(server, tmp_path, timeout=0.2)
    assert client.count("auk").occurrences == 40
    assert client.requests == 3
    server.script = ["slow"] * 3
    with pytest.raises(SourceError, match=r"has not answered within 0\.2 seconds"):
        Client(server, tmp_path / "other", timeout=0.2, attempts=2).count("auk")


def test_offline_is_said_at_once_and_kept_answers_need_no_network(server: Server, tmp_path: Path) -> None:
    Client(server, tmp_path).count("auk")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}/"
    client = ApiIndex("v4_piletrain_llama", address=nowhere, cache=tmp_path, spacing=0)
    with pytest.raises(SourceError, match=r"can't be reached .* Is this machine online"):
        client.count("great auk")
    assert client.requests == 1
    client.address = server.address
    server.script = [BUSY] * 9
    assert client.count("auk").is_kept


def test_requests_are_spaced_and_never_two_at_once(server: Server, tmp_path: Path) -> None:
    def ask(number: int) -> None:
        ApiIndex("v4_piletrain_llama", address=server.address, cache=tmp_path, spacing=0.15).count(f"auk {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [moment for moment, *_ in server.asked]
    assert len(times) == 4 and server.most == 1
    assert min(b - a for a, b in pairwise(times)) > 0.1


def test_answers_are_given_where_they_can_not_be_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    client = Client(server, tmp_path / "file" / "cache")
    assert client.count("auk").occurrences == client.count("auk").occurrences == 40
    assert client.requests == 2


def test_opening_asks_nothing_and_refuses_what_is_no_name(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOC_INFINI_GRAM_API", server.address)
    assert "v4_piletrain_llama" in repr(cooc.open("api:v4_piletrain_llama"))
    assert server.asked == []
    for name in ("api:", "api:../x", "api:a b"):
        with pytest.raises(UsageError, match="names no index"):
            cooc.open(name)
    monkeypatch.setenv("COOC_INFINI_GRAM_API", "file:///etc/passwd")
    with pytest.raises(UsageError, match="is no address of a web API"):
        cooc.open("api:v4_piletrain_llama")


def test_what_the_api_cannot_answer_is_said(server: Server, tmp_path: Path) -> None:
    client: Any = Client(server, tmp_path)
    with pytest.raises(UsageError, match="answers count alone; contexts needs the index's files"):
        cooc.contexts(client, "auk")
    with pytest.raises(UsageError, match="answers count alone; pair"):
        cooc.pair(client, "auk", "egg")
    with pytest.raises(UsageError, match="can be asked as a whole"):
        cooc.count(client, "auk", where="year < 1900")
    with pytest.raises(UsageError, match="an empty phrase"):
        cooc.count(client, "  ")
    with pytest.raises(UsageError, match="1,001 characters; the API takes up to 1,000"):
        cooc.count(client, "a" * 1001)
    assert server.asked == []


def test_other_tokenizers_are_asked_with_and_without_a_space() -> None:
    assert spellings("auk", "v4_dolmasample_olmo") == [" auk", "auk", " Auk", "Auk", " AUK", "AUK"]
    assert spellings("  Great   Auk ", "v4_rpj_llama_s4")[0] == "Great Auk"


def test_the_command_line_counts_by_name(server: Server, tmp_path: Path) -> None:
    environment = {"COOC_INFINI_GRAM_API": server.address, "COOC_CACHE_DIR": str(tmp_path)}
    for _ in range(2):  # the second time from the disk
        done = CliRunner().invoke(app, ["count", "api:v4_piletrain_llama", "AUK", "--json"], env=environment)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["rows"][0]["occurrences"] == 52
    assert len(server.asked) == 3
    said = CliRunner().invoke(app, ["info", "api:v4_piletrain_llama"], env=environment).stdout
    assert "it can be asked for counts" in said and str(tmp_path) in said


def test_the_cache_has_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COOC_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cooc"
    monkeypatch.setenv("COOC_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_the_web_is_not_touched_by_importing_or_opening(tmp_path: Path) -> None:
    code = (
        "import sys; sys.addaudithook(lambda e, a: e.startswith('socket') and sys.exit(e)); import cooc; "
        "cooc.open('api:v4_piletrain_llama')"
    )
    environment = {**os.environ, "COOC_CACHE_DIR": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
