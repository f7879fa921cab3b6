"""What every test needs to run interpreted too: `NUMBA_DISABLE_JIT=1 pytest`."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def integers_wrap() -> Iterator[None]:
    """Hashes wrap by design; NumPy warns of it where compiled code does not."""
    with np.errstate(over="ignore" if numba.config.DISABLE_JIT else "warn"):
        yield
