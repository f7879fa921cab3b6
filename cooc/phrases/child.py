"""infini-gram's engine opened in a process of its own: a broken file kills that one, and only that one.

    python -m cooc.phrases.child < request.json

The request names directories, token type and phrases of token ids; the answer is their counts.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cooc.errors import BuildError, DamagedIndex
from cooc.phrases.validate import REQUIRED, WORDS, Layout, separator_of

SECONDS = 600


def witnessed(layout: Layout, phrases: Sequence[Sequence[int]]) -> list[int]:
    """How often the engine finds phrases of tokens as they stand in the index, opened through a clean path.

    Raises `DamagedIndex` where the engine dies of it or refuses it.
    """
    step = -1 if layout.version == 5 else 1  # the engine turns the tokens it is asked for as the documents were
    with tempfile.TemporaryDirectory(prefix="cooc-", dir=clean_place()) as place:
        request = {
            "directories": linked(layout, Path(place)), "dtype": layout.dtype,
            "version": 4 if layout.version == 6 else layout.version,
            "separator": separator_of(layout.shards[0].token_width),
            "phrases": [list(map(int, phrase))[::step] for phrase in phrases],
        }  # fmt: skip
        try:
            done = subprocess.run(
                [sys.executable, "-m", "cooc.phrases.child"], input=json.dumps(request), text=True,
                capture_output=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise DamagedIndex(f"infini-gram's engine has not opened the index in {SECONDS} seconds.") from None
    where = layout.shards[0].folder
    if done.returncode < 0:
        raise DamagedIndex(
            f"{where}: infini-gram's engine died on opening it ({signal.Signals(-done.returncode).name}), though its "
            "sizes and a sample of its entries are right. Compare it with its source and copy it again."
        )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        lines = done.stderr.strip().splitlines()
        raise BuildError(f"{where}: infini-gram's engine could not be asked: {(lines or ['no answer'])[-1]}") from None
    if "error" in answer:
        raise DamagedIndex(f"{where}: infini-gram's engine refuses it: {answer['error']}")
    counts: list[int] = answer["counts"]
    return counts


def clean_place() -> str | None:
    """A folder for temporary ones whose path the engine won't take for a file's name; None for the usual one."""
    usual = tempfile.gettempdir()
    for place in (usual, str(Path.home())):
        if not any(word in place for word in WORDS) and Path(place).is_dir():
            return place
    raise BuildError(f"{usual}: infini-gram's engine can't work below a path with such a name; set TMPDIR to another.")


def linked(layout: Layout, place: Path) -> list[str]:
    """Folders of links to the required files and no others."""
    folders = []
    for number, shard in enumerate(layout.shards):
        folder = place / (f"s{number}" if layout.version == 6 else "s")
        folder.mkdir(exist_ok=True)
        for name in REQUIRED:
            (folder / f"{name}{shard.suffix}").symlink_to(shard.path(name).resolve())
        folders.append(str(folder))
    return list(dict.fromkeys(folders))


def answered(request: dict[str, Any]) -> dict[str, Any]:
    """What the engine says; runs in the child."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from infini_gram.engine import InfiniGramEngine

    engine = InfiniGramEngine(
        index_dir=request["directories"], eos_token_id=0, vocab_size=request["separator"],
        version=request["version"], token_dtype=request["dtype"], ds_prefetch_depth=0, sa_prefetch_depth=0,
        od_prefetch_depth=0,
    )  # fmt: skip
    counts = []
    for phrase in request["phrases"]:
        found: Any = engine.count(input_ids=phrase)
        if "error" in found:
            return {"error": found["error"]}
        counts.append(int(found["count"]))
    return {"counts": counts}


if __name__ == "__main__":
    print(json.dumps(answered(json.load(sys.stdin))))
