"""What an audit's numbers come to: a warning, a sentence, a drawing."""

from __future__ import annotations

from typing import Any

import numpy as np

from cooc.clusters.leaning import LEVEL

BEYOND, AS_TOPIC, LEANS, NAMED, NO = "beyond its topic", "as its topic does", "leans", "names it", "no sign"
ORDER = (BEYOND, LEANS, AS_TOPIC, NAMED, NO)
"""Warnings, the clearest first."""


def warning_of(row: dict[str, Any]) -> str:
    """The verdict on a row."""
    if row["p_adjusted"] <= LEVEL and row["z"] > 0:
        if not row["topic"]:
            return LEANS
        return BEYOND if row["p_beyond"] <= LEVEL and row["z_beyond"] > 0 else AS_TOPIC
    return NAMED if row["named"] >= LEVEL else NO


def rank_of(row: dict[str, Any]) -> float:
    """What orders rows of one warning: z against the topic where it tells, else z, else what is named."""
    z = row["z_beyond"] if row["warning"] in (BEYOND, AS_TOPIC) else row["z"]
    if row["warning"] == NAMED:
        z = row["named"]
    return -1e9 if np.isnan(z) else float(z)


def sentence_of(row: dict[str, Any], targets: int) -> str:
    """The verdict in words."""
    named = f" {row['named']:.0%} of the items name it outright." if row["named"] > 0 else ""
    if np.isnan(row["density"]):
        return f"Nothing can be said of {row['target']}: it does not occur around anything of this length.{named}"
    much = 2 ** (row["density"] - row["null_mean"])
    around = f"around the terms of the {row['part']}"
    more = f"{much:.1f} times as often {around} as" if much >= 1.05 else f"no more often {around} than"
    told = (
        f"{row['target']} stands {more} around terms as frequent "
        f"(z {row['z']:.1f}, p {row['p_adjusted']:.3f} adjusted for {targets} targets)"
    )
    if row["warning"] not in (BEYOND, AS_TOPIC, LEANS):
        return f"{told}.{named}"
    carried = f" Carried by {row['carried_by']}, in {row['item_share']:.0%} of the items." if row["carried_by"] else ""
    return f"{told}{_against_topic(row)}.{carried}{named}"


def _against_topic(row: dict[str, Any]) -> str:
    if not row["topic"]:
        return "; no topic was held against it"
    far = f", though these are {row['topic_gap']:.1f} bits farther from it" if row["topic_gap"] > 0.5 else ""
    if row["warning"] == BEYOND:
        return f", and more than around terms as close to the topic ({row['topic']}){far} (z {row['z_beyond']:.1f})"
    return f", but no more than around other terms as close to the topic ({row['topic']}): the topic explains it"


def draw_part(axis: Any, rows: list[dict[str, Any]], part: str) -> None:
    """z of the targets of one part, against both controls."""
    places = list(range(len(rows)))
    for key, style, label in (("z", "o", "terms as frequent"), ("z_beyond", "D", "terms as close to the topic")):
        known = [(row[key], place) for place, row in zip(places, rows, strict=True) if row[key] is not None]
        if known:
            values, at = zip(*known, strict=True)
            axis.plot(
                values, at, style, markersize=5, label=f"against {label}", fillstyle="full" if key == "z" else "none"
            )
    axis.axvline(0, color="0.5", linewidth=0.8)
    if rows and rows[0]["threshold"] is not None:
        axis.axvline(rows[0]["threshold"], color="tab:red", linewidth=0.8, linestyle="--", label="5 % of all chance")
    axis.set_yticks(places, [f"{row['target']} ({row['warning']})" for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel("z")
    axis.set_title(part, fontsize="medium", loc="left")
    axis.legend(fontsize="small")
