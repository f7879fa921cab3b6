"""The lab's model, and small experiments from recipe to report. They need PyTorch (the extra `lab`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cooc.lab.arms import read_whole_rows  # noqa: E402
from cooc.lab.measure import Meter, generated, lexicons_of, measured, meter_of  # noqa: E402
from cooc.lab.model import Shape, Transformer, cuts_of  # noqa: E402
from cooc.lab.recipe import Measure, Model, read_recipe  # noqa: E402
from cooc.lab.run import run  # noqa: E402
from cooc.lab.train import heldout_loss, made, prepare, train  # noqa: E402
from cooc.lab.words import Words, words_of  # noqa: E402
from cooc.terms import TermSet  # noqa: E402
from tests.corpora import index_of  # noqa: E402
from tests.lab_corpus import write_lab  # noqa: E402

SIZES = Model(words=40, width=16, layers=2, heads=2, context=12, steps=6, batch=4, rate=1e-2)


def words(count: int = 40) -> Words:
    counts = np.arange(count, 0, -1) * 10
    return Words(np.arange(count) - 2, counts.astype(np.int64), np.zeros(0, np.uint32), {})


def quiet(*_: object) -> None:
    """Says nothing."""


def a_model(count: int = 40) -> Transformer:
    prepare(SIZES)
    net = made(SIZES, words(count), 0)
    with torch.no_grad():
        net.classes.normal_()
    return net


def test_probabilities_add_up_and_losses_are_their_logarithms() -> None:
    net = a_model()
    hidden = torch.randn(7, 16, generator=torch.Generator().manual_seed(0))
    logs = net.log_probabilities(hidden)
    assert torch.allclose(logs.exp().sum(1), torch.ones(7), atol=1e-5)
    for word in range(40):
        losses = net.losses(hidden, torch.full((7,), word))
        assert torch.allclose(losses, -logs[:, word], atol=1e-5)


def test_a_new_model_says_the_frequencies_of_words() -> None:
    net = made(SIZES, words(), 0)
    p = net.log_probabilities(torch.zeros(1, 16)).exp()[0].detach().numpy()
    counts = words().counts + 0.5
    assert p == pytest.approx(counts / counts.sum(), rel=1e-4)


def test_no_place_sees_what_comes_after_it() -> None:
    net = a_model()
    ids = torch.randint(40, (1, 10), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[0, 6] = (ids[0, 6] + 1) % 40
    before, after = net(ids), net(other)
    assert torch.equal(before[0, :6], after[0, :6])
    assert not torch.allclose(before[0, 6:], after[0, 6:])


def test_a_model_learns_what_follows_what(tmp_path: Path) -> None:
    ids = np.tile(np.arange(2, 10), 200).astype(np.int32)
    longer = Model(words=40, width=16, layers=1, heads=2, context=12, steps=120, batch=16, rate=1e-2)
    net = train(longer, words(), ids, folder=tmp_path, seed=0, tell=quiet)
    assert heldout_loss(net, ids, 12)[0] < 0.3


def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cooc.lab.train.EVERY", 2)
    ids = np.random.default_rng(0).integers(2, 40, size=500).astype(np.int32)
    whole = train(SIZES, words(), ids, folder=tmp_path / "whole", seed=1, tell=quiet)

    def killed(stage: str, step: int, *_: object) -> None:
        if step == 5:
            raise KeyboardInterrupt("killed")

    with pytest.raises(KeyboardInterrupt, match="killed"):
        train(SIZES, words(), ids, folder=tmp_path / "cut", seed=1, tell=killed)
    resumed = train(SIZES, words(), ids, folder=tmp_path / "cut", seed=1, tell=quiet)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def a_meter(folder: Path) -> tuple[Transformer, Meter]:
    documents = [[f"w{k}" for k in range(30) for _ in range(30 - k)]]
    index = index_of(folder, documents, min_count=1)
    known = words_of(index, 40)
    net = made(SIZES, known, 0)
    plan = Measure(prompts=["w1 w2", "w3"], targets=[], length=6, texts=10, controls=2)
    sets = [TermSet("some", ["w10", "w12"]), TermSet("others", ["w20"])]
    lexicons = lexicons_of(index, known, sets, apart=["w1 w2 w3"], controls=2, seed=0)
    return net, meter_of(index, known, net, plan, lexicons, 0)


def test_controls_are_as_frequent_and_in_no_lexicon(tmp_path: Path) -> None:
    _, meter = a_meter(tmp_path)
    held = [set(lexicon.words.tolist()) for lexicon in meter.lexicons]
    controls = [set(lexicon.controls.tolist()) for lexicon in meter.lexicons]
    assert [len(each) for each in controls] == [4, 2]
    assert not controls[0] & controls[1]
    assert not (controls[0] | controls[1]) & (held[0] | held[1] | {word for prompt in meter.prompts for word in prompt})


def test_equal_models_say_equal_things_and_read_themselves_as_they_write(tmp_path: Path) -> None:
    net, meter = a_meter(tmp_path)
    assert (generated(net, meter)[0] == meter.texts).all()
    first, again = measured(net, meter), measured(net, meter)
    assert first == again
    for lexicon in meter.lexicons:  # on the base model's texts, reading and writing are the same places
        assert first["probability", lexicon.name] == pytest.approx(first["generation", lexicon.name], abs=1e-4)


def test_a_model_that_says_a_lexicon_more_is_measured_so(tmp_path: Path) -> None:
    net, meter = a_meter(tmp_path)
    before = measured(net, meter)
    with torch.no_grad():
        net.bias[torch.from_numpy(meter.lexicons[0].words)] += 1.0
    after = measured(net, meter)
    assert after["generation", "some"] - before["generation", "some"] == pytest.approx(1 / np.log(2), rel=0.2)


def test_cuts_leave_words_in_every_class() -> None:
    for count in (8, 40, 12_000):
        a, b = cuts_of(count)
        assert 0 < a < b < count
    assert sum(p.numel() for p in Transformer(Shape(40, 16, 1, 2, 12, cuts_of(40))).parameters()) > 0


@pytest.mark.slow
def test_a_small_experiment_learns_and_one_that_was_killed_finds_the_same(tmp_path: Path) -> None:
    recipe = read_recipe(write_lab(tmp_path))
    found = run(recipe, tmp_path / "whole")
    assert found.learned["model"] < found.learned["unigram"]
    assert found.runs == 2 * 3 * 4 + 3
    assert found.decided.registration["deviations"] == []

    def killed(stage: str, done: int, *_: object) -> None:
        if stage == "finetunes" and done == 5:
            raise KeyboardInterrupt("killed")

    with pytest.raises(KeyboardInterrupt, match="killed"):
        run(recipe, tmp_path / "cut", killed)
    with (tmp_path / "cut" / "outcomes.jsonl").open("a") as file:
        file.write('{"experiment": "sm')
    run(recipe, tmp_path / "cut")
    whole, cut = (read_whole_rows(tmp_path / name / "outcomes.jsonl") for name in ("whole", "cut"))
    assert whole == cut
    assert (tmp_path / "cut" / "report.md").read_text() == (tmp_path / "whole" / "report.md").read_text()


SEEDS = range(3, 9)
"""Of recipes: 24 finetunes of a tiny model show an effect by chance now and then, so one of them says nothing."""


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_planted_dose_is_found_but_not_in_a_corpus_in_random_order(shuffle: bool, tmp_path: Path) -> None:
    doses, supported = [], 0
    for seed in SEEDS:
        recipe = read_recipe(write_lab(tmp_path / str(seed), shuffle=shuffle, seed=seed))
        found = run(recipe, tmp_path / str(seed) / "out")
        assert found.learned["shuffled"] == shuffle
        assert (found.learned["model"] < found.learned["unigram"] - 1) == (not shuffle)
        doses.append(next(row["value"] for row in found.others if row["question"] == "dose planted"))
        supported += found.decided.rows()[0]["verdict"] == "supported"
    # of 24 units each, the mean of six has a standard deviation of 0.085 where there is nothing
    if shuffle:
        assert abs(np.mean(doses)) < 0.17
        assert supported <= 1
    else:
        assert np.mean(doses) > 0.17
