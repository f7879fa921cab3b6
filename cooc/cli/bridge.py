"""The command that asks whether densities predict outcomes: bridge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cooc.cli.make import Csv, Json, Plot
from cooc.cli.show import answered, put

if TYPE_CHECKING:
    from cooc.evidence.models import Models


def bridge(
    outcomes: Annotated[
        str, typer.Argument(metavar="OUTCOMES", help="A .jsonl, .json, .csv or .parquet file, or @published.")
    ],
    densities: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Density rows, as of density --json, or @measured (repeatable).",
                     show_default=False),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of the densities to go beyond (repeatable).", show_default=False),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of the outcomes to group by (repeatable).", show_default=False),
    ] = None,
    density: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="The column tried as density (repeatable).")
    ] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only the outcomes of this experiment (repeatable).", show_default=False),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(metavar="A=B", help="The densities' name A is the outcomes' name B.", show_default=False),
    ] = None,
    toward: Annotated[
        list[str] | None,
        typer.Option(metavar="EXPERIMENT=TARGET", help="What the experiment's outcomes are about; its other densities "
                     "count as tried (repeatable).", show_default=False),
    ] = None,
    items: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A density for each term, or @measured: are the lists ordered as their "
                     "outcomes?",
                     show_default=False),
    ] = None,
    kept: Annotated[
        str | None,
        typer.Option(metavar="FILE|COLUMN", help="Of the items those that stayed when others were taken away, or the "
                     "column that says so.", show_default=False),
    ] = None,
    models: Annotated[bool, typer.Option("--models", help="Instead: what do the models of OUTCOMES share?")] = False,
    noise: Annotated[
        float | None,
        typer.Option(metavar="SD", help="With --models: deviation between training seeds.", show_default=False),
    ] = None,
    center: Annotated[
        int | None,
        typer.Option(metavar="YEAR", help="Set the distance of each year from this one against its density.",
                     show_default=False),
    ] = None,
    statistic: Annotated[str, typer.Option(metavar="NAME", help="spearman, pearson or kendall.")] = "spearman",
    alpha: Annotated[float, typer.Option(metavar="P", help="The p that counts, after correction.")] = 0.05,
    effect: Annotated[float, typer.Option(metavar="RHO", help="The correlation that power is for.")] = 0.5,
    tried: Annotated[
        int | None,
        typer.Option(metavar="N", help="Densities tried in all, if more than are in FILE.", show_default=False),
    ] = None,
    registration: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check the analysis against what was registered.", show_default=False),
    ] = None,
    plot: Plot = None,
    plot_kind: Annotated[
        str, typer.Option(metavar="KIND", help="dose, forest, power or calibration.")
    ] = "dose",
    seed: Annotated[int, typer.Option(metavar="N", help="Of permutations and bootstrap.")] = 0,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:  # fmt: skip
    """Does density predict how strongly a model generalises, and can these data say so?

    Outcomes and densities belong together where their seeds and target are equal; a density of one term, where the
    term is the outcome's key. Each experiment is a question, and so are all together: what has a density of its own
    is a unit, and outcomes are permuted over units, within the groups that units lie in, and along a circle where
    units are years. log_frequency is a rival wherever the densities have it. Without --densities: what these
    outcomes could decide at best. @published are the outcomes of the literature, @measured densities of their lists
    in a small corpus. Every density that joins is one try, and p is corrected for them.

    Output: for each question a verdict, supported, contradicted or undecidable, its reason and what would decide it;
    then units, value, low, high, p, partial and partial_p (over the rivals), p_holm (for the densities tried),
    increment (of left-out units), power; then the rows that found no partner. With --json an object {provenance,
    rows, points, ordered (of --items), removed (of --kept), unmatched, registration}. With --models a row for each
    model left out: behaviours, r and skill of the others' mean as its prediction, mean, mean_others.

    Cost: seconds, and tens of megabytes; 9,999 permutations of a few hundred units.

    Example: cooc bridge @published --experiment birds --densities @measured --items @measured --toward
    birds=19th_century
    """
    from cooc.evidence.bridge import bridge as ask

    if models:
        found = _models(outcomes, experiment or (), noise, alpha, seed)
        if not answered(found, as_json=as_json, as_csv=as_csv, plot=plot):
            put(found.text())
        return
    result = ask(
        outcomes if outcomes.startswith("@") else Path(outcomes), list(densities) if densities else None,
        rivals=rival or (), group=group, density=density or ["density"], experiments=experiment or (),
        aliases=pairs(alias, "--alias"), toward=pairs(toward, "--toward"), items=list(items) if items else None,
        kept=_terms(kept), center=center,
        statistic=statistic, alpha=alpha, effect=effect, tried=tried, registration=registration, seed=seed,
    )  # fmt: skip
    if not answered(result, as_json=as_json, as_csv=as_csv, plot=plot, kind=plot_kind):
        put(result.text())


def _terms(given: str | None) -> str | list[str] | None:
    """A file's terms; what has no suffix and is no file is a column's name."""
    from cooc.terms import read_terms

    column = given is None or not (Path(given).suffix or Path(given).is_file())
    return given if column or given is None else list(read_terms(given).terms)


def _models(outcomes: str, experiments: Any, noise: float | None, alpha: float, seed: int) -> Models:
    from cooc.evidence.bridge import given_outcomes
    from cooc.evidence.models import across_models

    held = given_outcomes(outcomes if outcomes.startswith("@") else Path(outcomes))
    return across_models(held.of(*experiments) if experiments else held, noise=noise, alpha=alpha, seed=seed)


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """A=B as a mapping; bad usage where there is no =."""
    parts = [each.partition("=") for each in given or ()]
    for before, equals, after in parts:
        if not (before and equals and after):
            expected = "A=B, the densities' name and the outcomes'" if option == "--alias" else "EXPERIMENT=TARGET"
            raise typer.BadParameter(f"expected {expected}.", param_hint=option)
    return {before: after for before, _, after in parts}
