"""Choosing documents and counting in them, in plain Python: the specification of where.py and kernels/slices.py."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Truth = bool | None


def number(value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\s*", value):
        text = value.strip()
        found = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
        return None if isinstance(found, float) and math.isinf(found) else found
    return None


def compared(found: Any, sign: str, value: Any) -> Truth:
    """The relation of a document's value to the one asked for, None where there is none."""
    if found is None or isinstance(found, list | dict):
        return None
    found = {True: "true", False: "false"}[found] if isinstance(found, bool) else found
    if sign == "~":
        return str(value) in str(found)
    if not (isinstance(found, str) and isinstance(value, str)):
        found, value = number(found), number(value)
        if found is None or value is None:
            return {"=": False, "!=": True}.get(sign)
    return {
        "=": found == value, "!=": found != value, "<": found < value,
        "<=": found <= value, ">": found > value, ">=": found >= value,
    }[sign]  # fmt: skip


def truth(tree: Any, values: Mapping[str, Any]) -> Truth:
    """The truth of ("and", …), ("or", …), ("not", x), (field, sign, value) or (field, "in", values)."""
    head, *rest = tree
    if head in ("and", "or", "not"):
        parts = [truth(part, values) for part in rest]
        if head == "not":
            return None if parts[0] is None else not parts[0]
        if head == "and":
            return False if False in parts else None if None in parts else True
        return True if True in parts else None if None in parts else False
    if rest[0] == "in":
        each = [compared(values.get(head), "=", value) for value in rest[1]]
        return None if None in each else any(each)
    return compared(values.get(head), rest[0], rest[1])


def sides(
    documents: Sequence[Sequence[int]], none: int, reach: float, weights: Sequence[int]
) -> tuple[list[list[int]], list[list[int]]]:
    """For each token the weights of the tokens with a row after it, and before it; 1 each without weights."""

    def weight(distance: int) -> int:
        return (weights[distance] if weights else 1) if distance <= reach else 0

    ahead = [
        [sum(weight(q - p) for q in range(p + 1, len(each)) if each[q] != none) for p in range(len(each))]
        for each in documents
    ]
    behind = [[sum(weight(p - q) for q in range(p) if each[q] != none) for p in range(len(each))] for each in documents]
    return ahead, behind


def places(document: Sequence[int], phrase: Sequence[int]) -> list[int]:
    """Where a sequence begins."""
    size = len(phrase)
    return [k for k in range(len(document) - size + 1) if list(document[k : k + size]) == list(phrase)]


def row(
    documents: Sequence[Sequence[int]], units: Sequence[Sequence[int]], asked: Sequence[int],
    left: float, right: float, weights: Sequence[int],
) -> tuple[Counter[int], int]:  # fmt: skip
    """How often each unit stands around a sequence, by number, and the occurrences of the sequence."""
    counts: Counter[int] = Counter()
    occurrences = 0
    for document in documents:
        for begin in places(document, asked):
            occurrences += 1
            for column, unit in enumerate(units):
                for other in places(document, unit):
                    after, before = other - (begin + len(asked) - 1), begin - (other + len(unit) - 1)
                    if 1 <= after <= right or 1 <= before <= left:
                        counts[column] += weights[max(after, before)] if weights else 1
    return counts, occurrences


def log_odds(count: float, other: float, n: float, other_n: float, prior: float) -> tuple[float, float]:
    """δ and σ of Monroe, Colaresi & Quinn (2008), in bits, of one word."""
    alpha = prior * (count + other) / (n + other_n)
    odds = (count + alpha) / (n + prior - count - alpha)
    other_odds = (other + alpha) / (other_n + prior - other - alpha)
    error = math.sqrt(1 / (count + alpha) + 1 / (other + alpha))
    return math.log(odds / other_odds) / math.log(2), error / math.log(2)
