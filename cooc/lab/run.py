"""An experiment from recipe to report: corpus, index, base model, sets, registration, finetunes, analysis."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cooc.errors import UsageError
from cooc.evidence.read import Row
from cooc.evidence.register import register
from cooc.lab.analyse import ALL_RIVALS, ALSO, GROUP, REGISTERED, RIVALS, STATISTIC, Analysis, analyse_lab
from cooc.lab.arms import SETS, found_sets, planted_sets, read_whole_rows, write_rows
from cooc.lab.plant import read_planted
from cooc.lab.recipe import Recipe
from cooc.lab.stages import CORPUS, DENSITIES, PLANTED, Lab, Tell, based, claim, indexed, quiet
from cooc.lab.write import write_up

if TYPE_CHECKING:
    from cooc.lab.model import Transformer

DESIGNS = "designs"


def run(recipe: Recipe, folder: Path, tell: Tell = quiet) -> Analysis:
    """Run an experiment, or go on with it, in its directory; the same call gives the analysis of a finished one.

    Raises UsageError where PyTorch is not installed, the directory is another's, or the finetuning texts share a word
    with what is measured.
    """
    _check_torch()
    claim(recipe, folder)
    lab = indexed(recipe, folder, tell)
    sets = sets_of(lab, tell)
    net = based(lab, tell)
    _finetunes(lab, net, sets, tell)
    tell("analysis", 0, 1, "")
    found = analyse_lab(folder)
    write_up(found, folder)
    return found


def _check_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError('the lab trains with PyTorch, which is not installed: pip install "cooc[lab]"') from None


def sets_of(lab: Lab, tell: Tell) -> list[Row]:
    """The sets to finetune on, chosen before any model is looked at."""
    file = lab.folder / SETS
    if not file.exists():
        tell("sets", 0, 1, "densities and arms")
        if lab.recipe.kind == "found":
            rows = found_sets(lab.index, lab.recipe, lab.folder / DESIGNS)
        else:
            rows = planted_sets(lab.index, lab.recipe, read_planted(lab.folder / CORPUS / PLANTED))
        write_rows(file, rows)
    return read_whole_rows(file)


def _finetunes(lab: Lab, net: Transformer, sets: list[Row], tell: Tell) -> None:
    """Rivals, then the registration, then the finetunes: none is made before the analysis is written down."""
    from cooc.lab.finetune import finetune_all, meter_for, write_densities

    tell("finetunes", 0, 1, "rivals")
    meter = meter_for(lab, net, sets)
    write_densities(lab, net, meter, sets)
    register_lab(lab.recipe, lab.folder, len(sets))
    finetune_all(lab, net, meter, sets, tell)


def register_lab(recipe: Recipe, folder: Path, sets: int) -> None:
    """Two registrations: over the corpus' rivals, which decides, and over those of the model too."""
    words = {
        "found": "The more densely a set stands around a target in the corpus, the more a model finetuned on the set "
        "moves towards the target, at equal frequency, length and spelling.",
        "planted": "The larger the share of a name's occurrences near words of a target, the more a model finetuned "
        "on names of that dose moves towards the target.",
    }[recipe.kind]
    if recipe.corpus.shuffle:
        words += " This model saw the tokens in random order: no such relation is expected, and one would refute us."
    files = {name: sha256((folder / name).read_bytes()).hexdigest() for name in (SETS, DENSITIES)}
    plan = {"sets": sets, "metric": STATISTIC, "finetune": recipe.finetune.steps, "seeds": recipe.finetune.seeds,
            "repeats": recipe.finetune.repeats}  # fmt: skip
    for name, rivals in ((REGISTERED, RIVALS), (ALSO, ALL_RIVALS)):
        if not (folder / name).exists():
            register(
                folder / name, words, rivals=rivals, group=GROUP, experiments=(recipe.name,),
                seed=recipe.seed, files=files, plan=plan, recipe=recipe.digest(),
            )  # fmt: skip

