"""The web API of infini-gram, asked politely: one request at a time, spaced, and nothing twice.

    POST https://api.infini-gram.io/    {"index": "v4_piletrain_llama", "query_type": "count", "query": "great auk"}
    →                                   {"count": 1234, "approx": false, "token_ids": […], "tokens": […], …}

An answer is kept on disk and never asked for again. A server that is busy (403, 429, 5xx, silence) is asked again
after a pause that doubles, with some chance in it, or as long as it says. Nothing is fetched that the user has not
named as api:NAME. `COOC_INFINI_GRAM_API` names another address, `COOC_CACHE_DIR` another place for answers.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import xxhash

from cooc.errors import SourceError, UsageError
from cooc.phrases.sidecar import write_whole

ADDRESS = "https://api.infini-gram.io/"
PREFIX = "api:"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

SPACING = 1.0
"""Seconds between two requests."""

ATTEMPTS = 7
LONGEST_PAUSE = 120.0
TIMEOUT = 60.0

MOST_CHARACTERS = 1_000
"""Of a phrase; the server refuses long ones."""

MOST_BYTES = 1 << 22
BUSY = (403, 408, 425, 429, 500, 502, 503, 504)


class Answer(NamedTuple):
    """What the server says of one query: how often its tokens occur, and whether that is an estimate of its own."""

    query: str
    occurrences: int
    approx: bool
    token_ids: tuple[int, ...]
    is_kept: bool


class Refused(Exception):
    """One attempt that failed: why, whether another may succeed, and the pause the server asks for."""

    def __init__(self, why: str, *, again: bool, pause: float | None = None) -> None:
        self.why, self.again, self.pause = why, again, pause
        super().__init__(why)


class ApiIndex:
    """An index behind the web API, by its name, such as v4_piletrain_llama.

    Making one asks nothing. `sleep` and `chance` are there for the tests.
    """

    def __init__(
        self, name: str, *, address: str | None = None, cache: str | os.PathLike[str] | None = None,
        spacing: float = SPACING, attempts: int = ATTEMPTS, timeout: float = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep, chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        if not NAME.fullmatch(name):
            raise UsageError(f'api:{name} names no index; expected a name such as api:v4_piletrain_llama.')
        self.name = name
        self.address = address or os.environ.get("COOC_INFINI_GRAM_API") or ADDRESS
        if urlsplit(self.address).scheme not in ("http", "https"):
            raise UsageError(f"{self.address} is no address of a web API; expected https://…")
        self.cache = Path(cache) if cache is not None else cache_folder()
        self.spacing, self.attempts, self.timeout = spacing, attempts, timeout
        self._sleep, self._chance, self._last = sleep, chance, -math.inf
        self.requests = 0
        """Requests sent by this object."""

    def __repr__(self) -> str:
        return f"<infini-gram index {self.name} behind {self.address}>"

    @property
    def digest(self) -> str:
        """The server names no digest; this is that of the name and the address."""
        return xxhash.xxh3_128_hexdigest(f"{self.address} {self.name}".encode())

    def count(self, query: str) -> Answer:
        """How often the tokens of a text occur. Raises `SourceError` if the server can't be asked."""
        request = {"index": self.name, "query_type": "count", "query": query}
        path = self.place_of(request)
        kept = self.kept(path, request)
        if kept is not None:
            return kept
        answer = self.ask(request)
        found = read_answer(request, answer, is_kept=False)
        with contextlib.suppress(OSError):  # an answer that can't be kept is an answer still
            path.parent.mkdir(parents=True, exist_ok=True)
            content = {"address": self.address, "request": request, "answer": answer, "time": int(time.time())}
            write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
        return found

    def place_of(self, request: dict[str, str]) -> Path:
        """Where the answer to a request is kept."""
        key = json.dumps([self.address, request], sort_keys=True).encode()
        return self.cache / "infini-gram" / self.name / f"{xxhash.xxh3_128_hexdigest(key)}.json"

    def kept(self, path: Path, request: dict[str, str]) -> Answer | None:
        """The answer on disk; none if there is none, or what is there is not one to this request."""
        try:
            content = json.loads(path.read_bytes())
            if content["request"] != request or content["address"] != self.address:
                return None
            return read_answer(request, content["answer"], is_kept=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SourceError):
            return None

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """The server's answer, after as many attempts as are allowed."""
        for attempt in range(1, self.attempts + 1):
            with self.alone():
                try:
                    return self.once(request)
                except Refused as error:
                    refused = error
            if not refused.again or attempt == self.attempts:
                break
            pause = refused.pause
            if pause is None:
                pause = min(LONGEST_PAUSE, self.spacing * 2**attempt) * (0.5 + self._chance())
            if pause > 10 * LONGEST_PAUSE:
                break
            self._sleep(pause)
        times = f" after {attempt} attempts" if attempt > 1 else ""
        raise SourceError(f"{self.address} gave no answer for {self.name}{times}: {refused.why}")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One request at a time on this machine, none sooner than `spacing` after the one before."""
        try:
            import fcntl

            self.cache.mkdir(parents=True, exist_ok=True)
            file = (self.cache / "infini-gram.lock").open("a+")
        except (OSError, ImportError):
            self._wait(time.monotonic() - self._last)
            yield
            self._last = time.monotonic()
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last = os.fstat(file.fileno())  # its time is that of the last request, whichever process made it
            self._wait(max(0.0, time.time() - last.st_mtime) if last.st_size else math.inf)
            try:
                yield
            finally:
                file.truncate(0)
                file.write("cooc\n")
                file.flush()

    def _wait(self, since: float) -> None:
        if since < self.spacing:
            self._sleep(self.spacing - since)

    def once(self, request: dict[str, str]) -> dict[str, Any]:
        """One attempt. Raises `Refused`."""
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        from cooc import __version__

        headers = {"Content-Type": "application/json", "User-Agent": f"cooc/{__version__}"}
        self.requests += 1
        try:
            with urlopen(
                Request(self.address, json.dumps(request).encode(), headers), timeout=self.timeout
            ) as response:  # fmt: skip
                data = response.read(MOST_BYTES + 1)
        except HTTPError as error:
            with error:
                raise self.refused(error.code, error.headers.get("Retry-After")) from error
        except URLError as error:
            raise self.unreached(error.reason) from error
        except (HTTPException, OSError) as error:
            raise self.unreached(error) from error
        try:
            answer = json.loads(data)
        except ValueError:
            raise Refused("what it sent is no JSON.", again=True) from None
        if not isinstance(answer, dict):
            raise Refused(f"expected a JSON object, found {type(answer).__name__}.", again=True)
        return answer

    def refused(self, code: int, pause: str | None) -> Refused:
        """An answer that says no."""
        if code in BUSY:
            why = f"it answers {code}: busy, or asked too often. Try again later; what was answered is kept."
            return Refused(why, again=True, pause=pause_of(pause))
        return Refused(f"it answers {code}; is the address right?", again=False)

    def unreached(self, reason: Any) -> Refused:
        """No answer at all."""
        if isinstance(reason, TimeoutError):
            return Refused(f"it has not answered within {self.timeout:g} seconds.", again=True)
        if isinstance(reason, OSError) and isinstance(reason, ConnectionResetError | BrokenPipeError):
            return Refused("it broke off.", again=True)
        if isinstance(reason, OSError):
            text = reason.strerror or str(reason)
            return Refused(f"it can't be reached ({text}). Is this machine online? Kept answers need no network.",
                           again=False)  # fmt: skip
        return Refused(f"it broke off ({reason}).", again=True)


def read_answer(request: dict[str, str], answer: dict[str, Any], *, is_kept: bool) -> Answer:
    """A count of the server's. Raises `SourceError` for an error of its own, or what is no count."""
    if "error" in answer:
        raise SourceError(
            f"api:{request['index']}: the server refuses {request['query']!r}: {answer['error']}. "
            "Is the index's name one of those it has?"
        )
    count = answer.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise SourceError(f"api:{request['index']}: expected a count of {request['query']!r}, found {count!r}.")
    ids = answer.get("token_ids")
    tokens = tuple(ids) if isinstance(ids, list) and all(isinstance(each, int) for each in ids) else ()
    return Answer(request["query"], count, bool(answer.get("approx", False)), tokens, is_kept)


def pause_of(header: str | None) -> float | None:
    """Seconds of a Retry-After header: a number or a date; None if it says nothing."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def cache_folder() -> Path:
    """Where answers are kept if not said otherwise."""
    if named := os.environ.get("COOC_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cooc"


def spellings(phrase: str, index: str) -> list[str]:
    """The texts whose counts make up a phrase's: as given, small, with capitals, in capitals.

    A Llama tokenizer puts a space before any text itself; for others the phrase is asked with one and without.

    >>> spellings("great Auk", "v4_piletrain_llama")
    ['great Auk', 'great auk', 'Great auk', 'Great Auk', 'GREAT AUK']
    """
    text = " ".join(phrase.split())
    if not text:
        raise UsageError("an empty phrase has no count; name a word.")
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"a phrase of {len(text):,} characters; the API takes up to {MOST_CHARACTERS:,}.")
    small = text.lower()
    titled = " ".join(word[:1].upper() + word[1:] for word in small.split(" "))
    found = list(dict.fromkeys([text, small, small[:1].upper() + small[1:], titled, text.upper()]))
    return found if "llama" in index else [before + each for each in found for before in (" ", "")]
