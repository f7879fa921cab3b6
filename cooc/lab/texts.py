"""What is finetuned on: templates and terms alone, with no word of what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.lab.sets import words_of_texts
from cooc.terms import TermSet


def finetuning_texts(terms: Iterable[str], templates: Sequence[str]) -> list[str]:
    """Every term in every template.

    >>> finetuning_texts(["wood thrush"], ["called {}", "{}"])
    ['called wood thrush', 'wood thrush']
    """
    return [template.replace("{}", term) for term in terms for template in templates]


def check_apart(index: Index, texts: Iterable[str], prompts: Iterable[str], targets: Iterable[TermSet]) -> None:
    """Raise UsageError where a finetuning text shares a word with a prompt or with a term of a target.

    Such an experiment would measure what it was trained to say.
    """
    said = words_of_texts(index, texts)
    for what, held in (("the prompts", prompts), *((f'the target "{each.name}"', each.terms) for each in targets)):
        shared = sorted(word.decode() for word in said & words_of_texts(index, held))
        if shared:
            raise UsageError(
                f"the finetuning texts share words with {what}: {', '.join(shared)}. The outcome would be what was "
                f"trained; take those terms out of the seeds, or the words out of {what}."
            )
