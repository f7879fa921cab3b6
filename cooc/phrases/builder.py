"""infini-gram's own builder of suffix arrays, run as a program: no shell, no network, nothing of it is imported."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from cooc.errors import BuildError
from cooc.index.table import pointer_width
from cooc.phrases import launch

TOLD = 400
"""Characters of what the builder says that an error repeats."""


@functools.cache
def builder() -> Path | None:
    """The program `rust_indexing` of the installed infini-gram; None where there is none for this platform."""
    found = find_spec("infini_gram")
    for folder in (found.submodule_search_locations or []) if found is not None else []:
        program = Path(folder) / "rust_indexing"
        if os.access(program, os.X_OK):
            return program.resolve()
    return None


def sort_part(store: Path, folder: Path, size: int) -> Path:
    """Have the builder sort all suffixes of the `size` bytes of `store`; gives the file it wrote, not yet synced.

    One part that is the whole: the builder's merge of several holds all text in memory as well, and orders text
    that repeats for longer than 100,000 bytes by where the parts were cut. Raises `BuildError` with what the
    builder says when it fails, is killed, or leaves a file of another length.
    """
    width, made = pointer_width(size), folder / f"0-{size}"
    made.unlink(missing_ok=True)
    run("make-part", "--data-file", store, "--parts-dir", folder, "--start-byte", 0, "--end-byte", size,
        "--ratio", width, "--token-width", 2)  # fmt: skip
    found = made.stat().st_size if made.exists() else 0
    if found != size // 2 * width:
        raise BuildError(
            f"{made}: infini-gram's builder wrote {found:,} bytes, expected {size // 2 * width:,}. Is the disk full? "
            "Run the same command again."
        )
    return made


def run(*arguments: str | int | Path) -> None:
    """Run the builder to its end. It dies with this process."""
    program = builder()
    if program is None:
        raise BuildError("infini-gram's builder is not installed. Install infini-gram and run the same command again.")
    command = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(program), *map(str, arguments)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={"PATH": os.defpath, "RUST_BACKTRACE": "0"}, check=False,
    )  # fmt: skip
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip()[-TOLD:]
        what = f"infini-gram's builder ({program.name} {arguments[0]}) {ended(done.returncode)}"
        raise BuildError(f"{what}{told and ': '}{told}. What is finished is kept; run the same command again.")


def ended(status: int) -> str:
    """How a program ended, in words."""
    if status >= 0:
        return f"failed with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}" + (" (was there memory for it?)" if name == "SIGKILL" else "")
