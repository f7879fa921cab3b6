"""What a run of fault tests has done, written down: how many kills, flips and cases, of how many operations.

`make faults` names a file by COOC_FAULT_LOG; docs/faults.md has the figures of the last whole run.
"""

from __future__ import annotations

import json
import os
from datetime import date
from typing import Any

ALL = os.environ.get("COOC_FAULTS") == "all"
"""Whether every moment, cut and flip is taken, and not a part of them."""

SCALE = int(os.environ.get("COOC_FAULT_SCALE", "1"))
"""How many times as many cases as by default."""


def tell(fault: str, **figures: Any) -> None:
    """Add a line to the log, if there is one: the number of the fault, and what was done and found."""
    path = os.environ.get("COOC_FAULT_LOG")
    if path:
        with open(path, "a") as file:
            file.write(json.dumps({"fault": fault, "date": date.today().isoformat(), **figures}) + "\n")
