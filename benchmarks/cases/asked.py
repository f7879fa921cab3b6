"""A command of cooc, asked in this process, and its JSON."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from cooc.cli import main as command_line

Answer = dict[str, Any]


def answer(command: list[str], file: Path) -> Answer:
    """What the command prints with --json, kept in `file`; {"error": …} for one that fails."""
    if file.exists():
        found: Answer = json.loads(file.read_text(encoding="utf-8"))
        return found
    found = _asked(command)
    file.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return found


def _asked(command: list[str]) -> Answer:
    # the command line sets how its streams encode, which a StringIO has no say in
    said, told = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with redirect_stdout(said), redirect_stderr(told):
        try:
            command_line([*command, "--json"])
        except SystemExit as left:
            code = left.code
    text, notes = (stream.buffer.getvalue().decode("utf-8") for stream in (said, told))  # type: ignore[attr-defined]
    # count says of a word that the corpus lacks that it does, leaves by 1, and has answered all others
    if text.strip():
        found: Answer = json.loads(text)
        return found
    return {"error": notes.strip().splitlines()[-1] if notes.strip() else f"left by {code}"}
