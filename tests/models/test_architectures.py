"""Every architecture has the numbers of one sequence at a time, whatever stands beside it in a batch."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from architectures import ALONE, ROWS, TREES, VOCABULARY, WHOLE_PROMPTS, WINDOW, tiny
from test_batches import PREFIX
from test_extract import characters, make_examples
from transformers import PreTrainedModel

from rescore.models import candidates, forward
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import Loaded
from rescore.models.one_task import run_task
from rescore.models.probe import ALONE as ALONE_WAY
from rescore.models.probe import Way, probe
from rescore.models.split import split
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXAMPLES, InputError, files

NEW_TOKENS = 8  # as many as the longest target takes, and one
QUESTIONS = [
    (PREFIX + "Q: sort bca\nA:", ["abc"], ["abc", "abcd", "ab", "banana"]),
    (PREFIX + "Q: a\nA:", ["a"], ["a", "abc", "abd", "abde"]),
    (PREFIX + "Q: sort it, and do so at some length, please: dcba\nA:", ["abcd", "a b c d"], None),
    ("Q:", ["house", "h"], ["house", "h", "a"]),  # without it, all others share a prefix
]
BY_WAY = {
    Way(batches=True, shares_prefix=True, trees=True): TREES,
    Way(batches=True, shares_prefix=True, trees=False): ROWS,
    Way(batches=True, shares_prefix=False, trees=False): WHOLE_PROMPTS,
    Way(batches=False, shares_prefix=False, trees=False): ALONE,
}
WAYS = {kind: way for way, kinds in BY_WAY.items() for kind in kinds}


def prepared(model: PreTrainedModel, window: int = WINDOW) -> Loaded:
    parts = split(model)
    way, refused = probe(parts, window, VOCABULARY)
    eos = frozenset({1})
    return Loaded(parts, Vocabulary(characters(), VOCABULARY), window, eos, way, tuple(map(str, refused)))


def worst(loaded: Loaded, folder: Path, questions: list[Any], budget: int) -> float:
    """Compare with one sequence at a time: the largest error, nats; fails where a token or an answer is another."""
    examples = files.read(make_examples(folder / "t.parquet", questions), EXAMPLES)
    settings = ExtractSettings(batch_tokens=budget, max_new_tokens=NEW_TOKENS)
    found = run_task(loaded, examples, {"t": {"asks_text": True}}, settings, name="")
    model, errors = loaded.model.model, []
    prompts = [characters()(prompt)["input_ids"] for prompt, _, _ in questions]
    for row in found.extractions.iter_rows(named=True):
        prompt, tokens = prompts[row["example_id"]], row["token_ids"]
        logits = plain(model, (*prompt, *tokens))[len(prompt) - 1 : -1]
        right = logits.double().log_softmax(-1)
        assert row["argmax_ids"] == right.argmax(1).tolist()
        own = right.gather(1, torch.tensor(tokens)[:, None])[:, 0]
        errors.append((own - torch.tensor(row["logprob_nats"])).abs().max().item())
    for row in found.generations.iter_rows(named=True):
        assert row["token_ids"] == generated(model, tuple(prompts[row["example_id"]]))
    return max(errors)


@lru_cache(256)
@torch.inference_mode()
def plain(model: PreTrainedModel, tokens: tuple[int, ...]) -> torch.Tensor:
    """Logits of one sequence: [tokens, vocabulary]."""
    model(torch.tensor([tokens[:1]]))  # dynamic rotary factors forget a longer sequence
    return model(torch.tensor([tokens])).logits[0]


@lru_cache(256)
def generated(model: PreTrainedModel, prompt: tuple[int, ...]) -> list[int]:
    """What the library itself generates."""
    if model.config.model_type == "camembert" or split(model).alone_from < WINDOW:
        # `generate` counts camembert's positions from 0, and goes on with a cache of other rotary factors
        whole = list(prompt)
        for _ in range(NEW_TOKENS):
            whole.append(int(plain(model, tuple(whole))[-1].argmax()))
    else:
        ids = torch.tensor([prompt])
        options = {"do_sample": False, "max_new_tokens": NEW_TOKENS, "pad_token_id": 0}
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), **options)[0].tolist()
    new = whole[len(prompt) :]
    return new[: new.index(1)] if 1 in new else new


@pytest.mark.parametrize("kind", WAYS)
def test_every_architecture_has_the_numbers_of_one_sequence_at_a_time(tmp_path, kind):
    loaded = prepared(tiny(kind))
    assert loaded.way == WAYS[kind]
    ways = [(QUESTIONS, 16384)]
    if loaded.way.batches:  # else each question is read alone, whatever the others and the budget
        ways += [(QUESTIONS[:3], 16384), (QUESTIONS, 1)]
    for questions, budget in ways:
        assert worst(loaded, tmp_path, questions, budget) < 1e-4


def test_long_prompts_of_doge_are_read_alone(tmp_path):
    loaded = prepared(tiny("doge", keep_window_size=48))  # beyond the questions of the probe
    assert loaded.model.alone_from == 49
    assert worst(loaded, tmp_path, QUESTIONS, 16384) < 1e-4


SWITCH = 64
FACTORS = [1.0, 1.5, 2.0, 3.0]  # by pair of places of a head
SCALINGS = {
    "longrope": {"short_factor": [1.0] * 4, "long_factor": FACTORS, "original_max_position_embeddings": SWITCH},
    "dynamic": {"factor": 4.0},
}


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_long_prompt_does_not_change_the_rotary_factors_of_others(tmp_path, kind):
    window = SWITCH if kind == "dynamic" else WINDOW  # dynamic factors change behind the window of pretraining
    scaling = {"rope_type": kind, "rope_theta": 10000.0} | SCALINGS[kind]
    loaded = prepared(tiny("llama", rope_parameters=scaling, max_position_embeddings=window))
    assert loaded.model.alone_from == SWITCH
    assert loaded.way == WAYS["llama"]
    prompts = [
        "Q: a\nA:",
        "Q: " + "sort it, " * 5 + "a\nA:",
        "Q: " + "sort it, " * 6 + "now\nA:",
        "Q: " + "a" * 120 + "\nA:",
    ]
    lengths = [len(prompt) for prompt in prompts]  # below the switch, across it with an answer, above it
    assert lengths[0] < lengths[1] < SWITCH - NEW_TOKENS < lengths[2] < SWITCH < lengths[3]
    asked = [(prompt, ["abc"], ["abc", "abd", "b"]) for prompt in prompts]
    for questions in (asked, asked[::-1]):
        for budget in (16384, 1):
            assert worst(loaded, tmp_path, questions, budget) < 1e-4
    examples = files.read(tmp_path / "t.parquet", EXAMPLES)
    found = run_task(loaded, examples, {}, ExtractSettings(max_new_tokens=NEW_TOKENS), name="")
    assert found.n_alone == 2  # the two that reach the switch: across it, and above it


def test_a_model_that_sees_later_tokens_is_refused():
    with pytest.raises(InputError, match=r"changes by .* nats with the tokens that follow it"):
        prepared(tiny("bert", is_decoder=False))


def test_the_way_falls_back_step_by_step(monkeypatch):
    """Each time the fastest way that is left is made wrong, the next one is taken; the last needs no cache at all."""
    model = split(tiny("llama"))
    prefill, score = forward.prefill, candidates.score

    def without(shared: bool, trees: bool) -> list[tuple[bool, bool, bool]]:
        """The ways that are tried where a shared prefix, or a tree, gives wrong numbers."""

        def read(model: Any, contexts: Any, *, shares_prefix: bool) -> Any:
            found = prefill(model, contexts, shares_prefix=shares_prefix)
            return found._replace(states=found.states * 1.01) if shared and shares_prefix else found

        def scored(*args: Any, trees: bool) -> Any:
            found = score(*args, trees=trees)
            return [own[::-1] for own in found] if wrong_trees and trees else found

        wrong_trees = trees
        monkeypatch.setattr(forward, "prefill", read)
        monkeypatch.setattr(candidates, "score", scored)
        way, refused = probe(model, WINDOW, VOCABULARY)
        return [*map(tuple, refused), tuple(way)]

    fastest, no_prefix, no_tree, plain = ((True, shared, trees) for trees in (True, False) for shared in (True, False))
    assert without(shared=False, trees=False) == [fastest]
    assert without(shared=True, trees=False) == [fastest, no_prefix]
    assert without(shared=False, trees=True) == [fastest, no_prefix, no_tree]
    assert without(shared=True, trees=True) == [fastest, no_prefix, no_tree, plain]
    monkeypatch.undo()
    monkeypatch.setattr(forward, "greedy", None)  # fails whatever is read before
    way, refused = probe(model, WINDOW, VOCABULARY)
    assert (way, list(map(tuple, refused))) == (ALONE_WAY, [fastest, no_prefix, no_tree, plain])
    assert all(why.startswith("TypeError: ") for why in refused.values())
