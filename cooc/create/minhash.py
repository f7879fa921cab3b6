"""The one door of datasketch: its permutations, and into how many bands of how many rows it cuts a signature.

Runs as a process of its own (`python -m cooc.create.minhash 0.8`), which gives back the memory of what datasketch
imports.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from cooc.errors import BuildError

PERMUTATIONS = 128
SEED = 1
SCHEME = "affine32"

WEIGHTS = (0.1, 0.9)
"""What datasketch weighs false and missed candidates with. A false candidate costs a comparison of signatures, a
missed one is a duplicate left: at 0.8 this finds 87 % of the pairs just there and 97 % of those at 0.85, where equal
weights would find 40 % and 69 %."""

MOST_OPTIMIZED = 0.99
"""Above, datasketch's optimum is one band, which it refuses; two bands of 64 rows do for all."""


class Hashing(msgspec.Struct, frozen=True):
    """Permutation j of a hash h is a[j] * h + b[j] modulo 2**32; band k are the values [k * rows, (k + 1) * rows)."""

    threshold: float
    bands: int
    rows: int
    a: list[int]
    b: list[int]


def choose_hashing(threshold: float) -> Hashing:
    """What datasketch's MinHash and MinHashLSH have for a threshold."""
    from datasketch import MinHash, MinHashLSH

    chosen = MinHashLSH(threshold=min(threshold, MOST_OPTIMIZED), num_perm=PERMUTATIONS, weights=WEIGHTS)
    a, b = MinHash(num_perm=PERMUTATIONS, seed=SEED, scheme=SCHEME).permutations
    return Hashing(threshold, chosen.b, chosen.r, a.tolist(), b.tolist())


def hashing_for(threshold: float) -> Hashing:
    """The same, computed in another process."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cooc.create.minhash", repr(threshold)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    if done.returncode != 0:
        raise BuildError(f"--dedup needs datasketch, which does not run: {done.stderr.decode().strip()[-500:]}")
    return msgspec.json.decode(done.stdout, type=Hashing)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(choose_hashing(float(sys.argv[1]))))
