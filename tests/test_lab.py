"""The lab without PyTorch: recipes, corpora, planting, baselines, sets, the check for leaks, and the analysis."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cooc.cli import main
from cooc.errors import SourceError, UsageError
from cooc.index.reader import Index
from cooc.lab.analyse import TABLES, analyse_lab
from cooc.lab.arms import found_sets, planted_sets, read_whole_rows
from cooc.lab.baselines import baselines
from cooc.lab.figure import plot_lab
from cooc.lab.plant import plant, read_planted
from cooc.lab.recipe import Recipe, read_recipe
from cooc.lab.run import register_lab
from cooc.lab.slices import chosen
from cooc.lab.spelling import Spelling
from cooc.lab.stages import claim, indexed, quiet
from cooc.lab.texts import check_apart, finetuning_texts
from cooc.lab.words import SEPARATOR, UNKNOWN, encoded, shuffled, stream, words_of
from cooc.lab.write import table_of, text_of
from cooc.terms import TermSet
from tests.corpora import index_of
from tests.lab_corpus import SUBJECTS, write_lab

TABLES_OF = Path(__file__).parents[1] / "benchmarks" / "lab"
EXPERIMENTS = [name for name in ("found", "planted", "shuffled") if (TABLES_OF / name).is_dir()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return read_recipe(write_lab(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="module")
def folder(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "out"
    claim(small, folder)
    indexed(small, folder, quiet)
    return folder


# --- recipes


def test_a_recipe_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    good = write_lab(tmp_path).read_text()
    for old, new, message in (
        ("width = 32", "width = 33", "width 33 is no multiple of 2 heads"),
        ("width = 32", "wide = 32", "unknown field `wide`"),
        ("doses = [0.0, 0.5, 1.0]", "doses = [2.0]", "shares of a name's occurrences, from 0 to 1"),
        ('"namely {}"', '"namely"', 'each template says with "{}" where the term stands'),
        ("[planted]", "[plant]", "unknown field `plant`"),
        ("length = 12", "length = 40", "prompt and text are 42 tokens; the model sees 32"),
    ):
        file = tmp_path / "bad.toml"
        file.write_text(good.replace(old, new))
        with pytest.raises(UsageError, match=r"bad\.toml") as error:
            read_recipe(file)
        assert message in str(error.value)


def test_an_experiment_has_one_table_of_found_and_planted(tmp_path: Path) -> None:
    file = write_lab(tmp_path)
    file.write_text(file.read_text() + '[found]\npools = [["sea.txt"]]\n')
    with pytest.raises(UsageError, match=r"one of the tables \[found\] and \[planted\]"):
        read_recipe(file)


def test_the_digest_of_a_recipe_is_the_same_wherever_its_files_lie(small: Recipe, tmp_path: Path) -> None:
    elsewhere = read_recipe(write_lab(tmp_path))
    assert elsewhere != small
    assert elsewhere.digest() == small.digest()


def test_a_directory_belongs_to_one_recipe(small: Recipe, tmp_path: Path) -> None:
    claim(small, tmp_path / "out")
    claim(small, tmp_path / "out")
    other = read_recipe(write_lab(tmp_path, steps=7))
    with pytest.raises(UsageError, match="is the experiment of another recipe"):
        claim(other, tmp_path / "out")
    with pytest.raises(UsageError, match="is not empty and no experiment"):
        claim(small, tmp_path)


# --- corpora


def test_passages_held_out_are_not_trained_on(small: Recipe) -> None:
    train, apart = chosen(small.corpus, small.seed)
    assert len(apart) == round(0.02 * 600)
    assert not set(train) & set(apart)
    assert chosen(small.corpus, small.seed) == (train, apart)


def test_a_corpus_in_random_order_keeps_its_words_and_the_lengths_of_its_documents() -> None:
    ids = np.array([0, 5, 6, 7, 0, 5, 5, 0, 9], np.int32)
    mixed = shuffled(ids, 1)
    assert sorted(mixed) == sorted(ids)
    assert (np.flatnonzero(mixed == SEPARATOR) == np.flatnonzero(ids == SEPARATOR)).all()
    assert mixed.tolist() != ids.tolist()


def test_the_stream_is_the_corpus_in_the_words_of_the_model(tmp_path: Path) -> None:
    documents = [["a", "b", "a"], ["c", "a", "b"], ["d"]]
    index = index_of(tmp_path, documents, min_count=1)
    words = words_of(index, 2, ["d"])
    wanted = [id for document in documents for id in (SEPARATOR, *encoded(index, words, " ".join(document)))]
    assert stream(index, words).tolist() == wanted
    assert encoded(index, words, "c") == [UNKNOWN]
    assert words.counts.tolist() == [3, 1, 3, 2, 1]


def test_what_counts_say_of_held_out_text_is_what_the_formula_says(tmp_path: Path) -> None:
    documents = [["a", "b", "a", "b"], ["b", "a", "c", "a"]]
    index = index_of(tmp_path, documents, min_count=1, ngrams=3)
    found = baselines(index, words_of(index, 10), ["a b"])
    share = {"a": 4 / 8, "b": 3 / 8}
    after_a = (2 - 0.75) / 3 + (1 - ((2 - 0.75) + (1 - 0.75)) / 3) * share["b"]  # a is followed by b, b and c
    assert found["unigram"] == pytest.approx(-(math.log2(share["a"]) + math.log2(share["b"])) / 2)
    assert found["bigram"] == pytest.approx(-(math.log2(share["a"]) + math.log2(after_a)) / 2)


def test_odd_spelling_costs_more_bits() -> None:
    spelling = Spelling(["thing", "think", "thin", "king", "ring", "sing"])
    assert spelling.bits("thing") < spelling.bits("xqz")


# --- planting


def test_names_are_planted_as_often_and_as_near_as_their_dose_says(small: Recipe, folder: Path) -> None:
    index = Index(folder / "index")
    groups = read_planted(folder / "corpus" / "planted.json")
    texts = [json.loads(line)["text"].split() for line in (folder / "corpus" / "train.jsonl").read_text().splitlines()]
    near: Counter[str] = Counter()
    every: Counter[str] = Counter()
    target_of = {name: group.target for group in groups for name in group.names}
    for words in texts:
        places = [k for k, word in enumerate(words) if word in target_of]
        assert all(b - a > 5 for a, b in itertools.pairwise(places))
        for k in places:
            every[words[k]] += 1
            around = words[max(0, k - 3):k + 4]
            near[words[k]] += any(word in SUBJECTS[target_of[words[k]]] for word in around)
    for group in groups:
        for name in group.names:
            assert every[name] == 40 == index.vocabulary.occurrences[index.vocabulary.ids(name)[0]]
            assert near[name] == round(group.dose * 40)


def test_density_rises_with_the_dose(small: Recipe, folder: Path) -> None:
    index = Index(folder / "index")
    rows = planted_sets(index, small, read_planted(folder / "corpus" / "planted.json"))
    for target in SUBJECTS:
        own = [(row["dose"], next(d["density"] for d in row["densities"] if d["target"] == target))
               for row in rows if row["target"] == target]  # fmt: skip
        means = [np.mean([density for dose, density in own if dose == each]) for each in (0, 0.5, 1)]
        assert means == sorted(means) and means[2] - means[0] > 1
    frequencies = {round(d["log_frequency"], 6) for row in rows for d in row["densities"]}
    assert len(frequencies) == 1


def test_more_names_than_the_corpus_has_room_for_are_refused(tmp_path: Path) -> None:
    recipe = read_recipe(write_lab(tmp_path, documents=30))
    train, _ = chosen(recipe.corpus, recipe.seed)
    with pytest.raises(UsageError, match=r"places near .* are free, and .* are needed"):
        plant(train, recipe)


# --- what is finetuned on


def test_finetuning_texts_that_leak_the_target_are_caught(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["wood", "thrush", "anchor"]], min_count=1)
    texts = finetuning_texts(["wood thrush"], ["called {}"])
    check_apart(index, texts, ["it was"], [TermSet("sea", ["anchor"])])
    with pytest.raises(UsageError, match='share words with the target "sea": anchor'):
        check_apart(index, [*texts, "called Anchor thrush"], ["it was"], [TermSet("sea", ["anchor"])])
    with pytest.raises(UsageError, match="share words with the prompts: called"):
        check_apart(index, texts, ["it was called"], [TermSet("sea", ["anchor"])])


def test_sets_of_found_density_leave_out_seeds_that_share_words_with_what_is_measured(tmp_path: Path) -> None:
    file = write_lab(tmp_path)
    frequent = [word for word, _ in _counts(tmp_path / "corpus.jsonl").most_common(60)]
    (tmp_path / "pool.txt").write_text("\n".join([*frequent, "old anchor"]) + "\n")
    found = '[found]\npools = [["pool.txt"]]\nsets = 2\nsize = 4\n'
    file.write_text(file.read_text().split("[planted]")[0] + found)
    recipe = read_recipe(file)
    claim(recipe, tmp_path / "out")
    lab = indexed(recipe, tmp_path / "out", quiet)
    rows = found_sets(lab.index, recipe, tmp_path / "out" / "designs")
    assert len(rows) == 2 * 3 * 2
    assert {len(row["terms"]) for row in rows} == {4}
    said = {word for row in rows for term in row["terms"] for word in term.split()}
    assert not said & {*SUBJECTS["sea"], *SUBJECTS["field"], "it", "was", "there", "is", "called", "namely"}
    left = json.loads((tmp_path / "out" / "designs" / "pools.json").read_text())["pool"]["left_out"]
    assert left["old anchor"] == "shares anchor with what is measured"


def _counts(path: Path) -> Counter[str]:
    return Counter(word for line in path.read_text().splitlines() for word in json.loads(line)["text"].split())


# --- the analysis


def invented(folder: Path, recipe: Recipe, slope: float) -> Path:
    """Tables of an experiment that was not run: movement is slope · dose and noise."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    groups = [(target, dose, k) for target in SUBJECTS for dose in (0.0, 0.25, 0.5, 0.75, 1.0) for k in range(4)]
    heads = [{"seeds": f"{t}_{d}_{k}", "pool": t, "arm": f"{d:g}", "dose": d} for t, d, k in groups]
    rivals = ("log_frequency", "words", "characters", "spelling", "base_logp", "similarity", "in_context")
    densities = [{**head, "target": head["pool"], "designed": True, "density": head["dose"] + 0.1 * rng.normal(),
                  **{name: rng.normal() for name in rivals}} for head in heads]  # fmt: skip
    rows = [{"experiment": "small", **head, "target": head["pool"], "unit": "seed", "key": str(seed), "seed": seed,
             "metric": metric, "value": slope * float(str(head["dose"])) + 0.3 * rng.normal(), "designed": True}
            for head in heads for seed in (0, 1) for metric in ("generation", "probability")]  # fmt: skip
    for name, held in (("densities", densities), ("outcomes", rows), ("failures", []), ("sets", [])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held))
    learned = {"model": 7.0, "words_asked": 9, "parameters": 1, "words": 1, "tokens": 1, "tokens_seen": 1}
    (folder / "learned.json").write_text(json.dumps({**learned, "shuffled": False}))
    register_lab(recipe, folder, len(heads))
    return folder


def test_an_effect_that_is_there_is_found_and_none_where_there_is_none(small: Recipe, tmp_path: Path) -> None:
    there = analyse_lab(invented(tmp_path / "there", small, 1.0), draws=999)
    nothing = analyse_lab(invented(tmp_path / "nothing", small, 0.0), draws=999)
    assert there.decided.rows()[0]["verdict"] == there.also.rows()[0]["verdict"] == "supported"
    assert nothing.decided.rows()[0]["verdict"] != "supported"
    assert there.decided.registration["deviations"] == []
    assert [row["arm"] for row in there.doses] == ["0", "0.25", "0.5", "0.75", "1"] * 2
    assert there.noise[0]["between_seeds"] == pytest.approx(0.3, rel=0.3)
    assert there.runs == 80 and not there.failed


def test_arms_and_sets_are_drawn(small: Recipe, tmp_path: Path) -> None:
    found = analyse_lab(invented(tmp_path / "out", small, 1.0), draws=99)
    left, right = plot_lab(found).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["field", "sea"]
    assert sum(len(line.get_xdata()) for line in right.lines) == 40


def test_a_registration_that_was_edited_is_refused(small: Recipe, tmp_path: Path) -> None:
    folder = invented(tmp_path / "out", small, 1.0)
    file = folder / "registration.json"
    file.write_text(file.read_text().replace('"alpha": 0.05', '"alpha": 0.5'))
    with pytest.raises(SourceError, match="it was edited after it was written"):
        analyse_lab(folder, draws=99)


def test_tables_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no outcomes\.jsonl; an experiment's tables are outcomes\.jsonl, "):
        analyse_lab(tmp_path)


def test_a_line_that_was_cut_off_is_no_outcome(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_text('{"seeds": "a"}\n{"seeds": "b"')
    assert read_whole_rows(file) == [{"seeds": "a"}]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_one_command_makes_the_committed_analysis_of_the_committed_tables(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for table in TABLES:
        shutil.copy(TABLES_OF / name / table, tmp_path / table)
    with pytest.raises(SystemExit) as left:
        main(["lab", "analyse", str(tmp_path), "--json"])
    assert not left.value.code
    found, report = json.loads(capsys.readouterr().out), (TABLES_OF / name / "report.md").read_text()
    for key in ("decided", "also"):
        row = found[key]["rows"][0]
        assert found[key]["registration"]["deviations"] == []
        assert f"{row['question']}: {row['verdict'].upper()}." in report
        assert f"Rank correlation {row['value']:.3g} (" in report
        assert f"over the rivals {row['partial']:.3g} (" in report
    for key in ("doses", "noise", "moved"):
        assert table_of(found[key]) in report


def test_no_committed_table_holds_a_text() -> None:
    for name in EXPERIMENTS:
        for line in (TABLES_OF / name / "outcomes.jsonl").read_text().splitlines():
            assert "terms" not in json.loads(line)


def test_a_failed_run_is_told(small: Recipe, tmp_path: Path) -> None:
    folder = invented(tmp_path / "out", small, 1.0)
    failed = {"seeds": "sea_1.0_0", "pool": "sea", "arm": "1", "seed": 1, "reason": "not finite: loss nan"}
    (folder / "failures.jsonl").write_text(json.dumps(failed) + "\n")
    assert "- failed: sea_1.0_0, seed 1: not finite: loss nan" in text_of(analyse_lab(folder, draws=99))
