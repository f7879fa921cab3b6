"""How every kernel is compiled and where the machine code is kept."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numba import config, njit


@functools.cache
def cache_folder() -> str:
    """Where this version of the kernels keeps its machine code.

    Numba notices a change in a kernel's own file but not in the files of the kernels it calls, and would
    go on using the old ones; so the folder is named by the digest of all of them. It lies in the package
    where that can be written, else in the user's cache.
    """
    here = Path(__file__).parent
    digest = xxhash.xxh3_64()
    for file in sorted(here.glob("*.py")):
        digest.update(file.read_bytes())
    if os.environ.get("NUMBA_CACHE_DIR"):
        return os.environ["NUMBA_CACHE_DIR"] + "/cooc-" + digest.hexdigest()
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cooc"
    for place in (here / "__pycache__", user, Path(tempfile.gettempdir()) / f"cooc-{os.getuid()}"):
        folder = place / f"kernels-{digest.hexdigest()}"
        try:
            if not folder.exists():
                for older in place.glob("kernels-*"):
                    shutil.rmtree(older, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def compiled(function: Any) -> Any:
    """`njit` without the interpreter lock, the machine code kept on disk between runs.

    Numba's cache is not safe against several processes that compile at once, so a build compiles in
    one process before it starts others.
    """
    if config.DISABLE_JIT:
        return interpreted(function)
    kernel = njit(nogil=True)(function)
    if cache_folder():
        before, config.CACHE_DIR = config.CACHE_DIR, cache_folder()
        try:
            kernel.enable_caching()
        finally:
            config.CACHE_DIR = before
    return kernel


def interpreted(function: Any) -> Any:
    """The function itself, for NUMBA_DISABLE_JIT=1; hashes wrap by design, and NumPy alone would warn of it."""

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*arguments)

    return run
