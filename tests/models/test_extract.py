"""The engine against the plainest way to get the same numbers: one sequence at a time, no cache, no padding."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from extracting import extract
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from tokenizers.decoders import ByteLevel, Fuse
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedTokenizerFast,
)

from rescore.models import extraction as run
from rescore.models import tokenising as tokens
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import load
from rescore.models.tokenising import Question, answer_spans
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXAMPLES, EXTRACTIONS, GENERATIONS, InputError, read, write

NANO = sorted(Path("data/ladders/nano").glob("nano-*-s[0-9]"))
NEW_TOKENS = 8


def characters() -> PreTrainedTokenizerFast:
    """Every printable character is a token."""
    words = ["<unk>", "<eos>", "\n", *map(chr, range(32, 127))]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", unk_token="<unk>")


def merging() -> PreTrainedTokenizerFast:
    """Byte-level BPE whose words begin with a space, so that it merges across the end of a prompt."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<eos>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    inner.train_from_iterator(["Q: sort it A: abc abd Q: ab A: banana house abc"] * 9, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")


CONFIGS = {
    "gpt_neox": lambda v: GPTNeoXConfig(
        vocab_size=v, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    ),
    "llama": lambda v: LlamaConfig(
        vocab_size=v, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64,
    ),
    "gpt2": lambda v: GPT2Config(vocab_size=v, n_embd=32, n_layer=2, n_head=2),
}  # fmt: skip


def make_model(folder: Path, architecture: str, tokenizer: PreTrainedTokenizerFast) -> dict[str, object]:
    """Save a model with random weights, large enough that its probabilities differ; return its ladder row."""
    torch.manual_seed(7)
    config = CONFIGS[architecture](len(tokenizer))
    config.initializer_range = 0.3
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return row(folder)


def row(folder: Path) -> dict[str, object]:
    return {
        "model": folder.name,
        "source": str(folder),
        "revision": "-",
        "dtype": "float32",
        "trust_remote_code": False,
    }


Asked = tuple[str, list[str], list[str] | None]


def make_examples(path: Path, questions: list[Asked], stop: str | None = None) -> Path:
    frame = pl.DataFrame(
        {
            "task": "t",
            "subtask": "t",
            "example_id": range(len(questions)),
            "prompt": [q[0] for q in questions],
            "targets": [q[1] for q in questions],
            "choices": [q[2] for q in questions],
            "target_scores": [None if q[2] is None else [1.0] + [0.0] * (len(q[2]) - 1) for q in questions],
            "shots": 0,
            "seed": 0,
        },
        schema=dict(EXAMPLES.columns),
    )
    write(frame, path, EXAMPLES, {"subtasks": {"t": {"stop_string": stop, "output_regex": None, "asks_text": True}}})
    return path


QUESTIONS: list[Asked] = [
    ("Q: sort bca\nA: ", ["abc"], ["abc", "bca", "banana"]),
    ("Q: sort it, and do so at some length, please: dcba\nA: ", ["abcd", "a b c d"], None),
    ("Q: x\nA:", [" y"], [" y", " yes", " yesterday"]),
    ("A: ", ["house", "h"], ["house", "h", "a", "ab", "abc"]),
]


def one_by_one(model: Any, tokenizer: Any, prompt: str, candidate: str, all_: list[str]) -> dict[str, list[float]]:
    """Score a candidate with a plain forward pass over the whole sequence."""
    before, ids = tokenizer(prompt)["input_ids"], tokenizer(prompt + candidate)["input_ids"]
    parted = [
        next((i for i, (a, b) in enumerate(zip(before, other, strict=False)) if a != b), min(len(before), len(other)))
        for other in (tokenizer(prompt + text)["input_ids"] for text in all_)
    ]
    start = min(parted)
    with torch.inference_mode():
        logp = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
    found: dict[str, list[float]] = {"token_ids": ids[start:]}
    at = logp[start - 1 : len(ids) - 1]
    span = torch.tensor(ids[start:])[:, None]
    found["logprob_nats"] = at.gather(1, span)[:, 0].tolist()
    found["argmax_ids"] = at.argmax(1).tolist()
    found["best_other_logprob_nats"] = at.scatter(1, span, -torch.inf).max(1).values.tolist()
    return found


def check_against_one_by_one(folder: Path, examples: Path, out: Path) -> None:
    frame = read(out / "extractions" / folder.name / examples.name, EXTRACTIONS)
    prompts = dict(read(examples, EXAMPLES).select("example_id", "prompt").iter_rows())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    candidates = dict(frame.group_by("example_id").agg("candidate").iter_rows())
    for found in frame.iter_rows(named=True):
        example = found["example_id"]
        wanted = one_by_one(model, tokenizer, prompts[example], found["candidate"], candidates[example])
        for column in ("token_ids", "argmax_ids"):
            assert found[column] == wanted[column]
        for column in ("logprob_nats", "best_other_logprob_nats"):
            assert found[column] == pytest.approx(wanted[column], abs=1e-4)


@pytest.mark.parametrize("tokenizer", [characters, merging])
@pytest.mark.parametrize("architecture", CONFIGS)
@pytest.mark.parametrize("batch_tokens", [1, 16384])
def test_numbers_equal_the_plain_forward(tmp_path, architecture, tokenizer, batch_tokens):
    model = make_model(tmp_path / "m", architecture, tokenizer())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path, ExtractSettings(batch_tokens=batch_tokens, max_new_tokens=NEW_TOKENS))
    check_against_one_by_one(tmp_path / "m", examples, tmp_path)
    answers = read(tmp_path / "generations" / "m" / "t.parquet", GENERATIONS)
    plain, words = AutoModelForCausalLM.from_pretrained(tmp_path / "m"), tokenizer()
    for (prompt, _, _), answer in zip(QUESTIONS, answers.iter_rows(named=True), strict=True):
        ids = torch.tensor([words(prompt)["input_ids"]])
        wanted = plain.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)[
            0, ids.shape[1] :
        ].tolist()
        ended = words.eos_token_id in wanted
        assert answer["token_ids"] == (wanted[: wanted.index(words.eos_token_id)] if ended else wanted)
        assert answer["finish_reason"] == ("eos" if ended else "length")
        assert answer["text"] == words.decode(answer["token_ids"])
        whole = words(prompt + answer["text"])["input_ids"]
        assert whole[len(whole) - len(answer["span_ids"]) :] == answer["span_ids"]
        assert answer["span_ends"][-1:] == [len(answer["text"])][: len(answer["span_ids"])]
        assert len(answer["logprob_nats"]) == len(answer["token_ids"]) + ended


@pytest.mark.parametrize("folder", NANO[:: max(1, len(NANO) - 1)], ids=lambda f: f.name)
def test_shipped_models_equal_the_plain_forward(tmp_path, folder):
    from rescore.commands.prompts import prompts

    prompts(
        "letter_sorting:length_5",
        tmp_path / "t.parquet",
        Path("data/tasks"),
        shots=0,
        seed=1,
        max_examples=None,
    )
    examples = tmp_path / "t.parquet"
    extract(row(folder), [examples], tmp_path, ExtractSettings())
    assert read(tmp_path / "extractions" / folder.name / "t.parquet", EXTRACTIONS).height >= 100
    check_against_one_by_one(folder, examples, tmp_path)


def encode(tokenizer: Any, prompt: str, candidates: list[str], *, window: int, reserve: int) -> Question:
    asked = [tokens.Asked(prompt, [], candidates, 0, "example 7 of t")]
    [question] = tokens.encode(Vocabulary(tokenizer), asked, window=window, reserve=reserve)
    return question


def test_merged_token_belongs_to_the_answer():
    tokenizer = merging()
    question = encode(tokenizer, "A: ", ["abc", "b"], window=100, reserve=0)
    space = tokenizer("A: ")["input_ids"][-1]
    assert question.context == tokenizer("A:")["input_ids"]
    assert question.prompt_tail == [space]
    assert [tokenizer.decode(ids) for ids in question.candidates] == [" abc", " b"]
    assert question.candidates[0][0] != space  # merged


def test_all_answers_of_a_question_begin_at_the_same_place():
    tokenizer = merging()
    together = encode(tokenizer, "A: ", ["abc", "1"], window=100, reserve=0)
    space = tokenizer("A: ")["input_ids"][-1]
    assert together.candidates[1] == [space, *tokenizer("1")["input_ids"]]  # the other one has the space in it
    alone = encode(tokenizer, "A: ", ["1"], window=100, reserve=0)
    assert alone.candidates == [tokenizer("1")["input_ids"]]
    spans = answer_spans(Vocabulary(tokenizer), ["A: ", "A: "], ["1", "1"], [1, 0])
    assert spans == [together.candidates[1], alone.candidates[0]]


def test_prompt_over_the_window_loses_its_left():
    question = encode(characters(), "0123456789", ["ab"], window=8, reserve=3)
    assert characters().decode(question.context) == "56789"
    assert question.is_cut


def test_empty_prompt_begins_with_eos():
    tokenizer = characters()
    question = encode(tokenizer, "", ["ab"], window=8, reserve=3)
    assert question.context == [tokenizer.eos_token_id]
    assert tokenizer.decode(question.candidates[0]) == "ab"


def with_bos() -> PreTrainedTokenizerFast:
    """`characters` with one token for beginning and end, put before every text, as OPT has it."""
    tokenizer = characters()
    eos = (tokenizer.eos_token, tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing("<eos> $A", special_tokens=[eos])
    tokenizer.bos_token = tokenizer.eos_token
    return tokenizer


def test_beginning_token_is_kept_and_never_scored():
    tokenizer = with_bos()
    cut = encode(tokenizer, "0123456789", ["ab"], window=8, reserve=3)
    assert tokenizer.decode(cut.context) == "<eos>6789"
    empty = encode(tokenizer, "", ["ab"], window=8, reserve=3)
    assert empty.context == [tokenizer.eos_token_id]
    assert tokenizer.decode(empty.candidates[0]) == "ab"


@pytest.mark.parametrize(("candidate", "reserve"), [("ab", 9), ("a" * 9, 1)])
def test_answer_that_leaves_no_room_for_its_prompt_is_refused(candidate, reserve):
    told = r"^example 7 of t: an answer of .* leaves no room for its prompt in the model's window of 8; "
    with pytest.raises(InputError, match=told):
        encode(characters(), "0123456789", [candidate], window=8, reserve=reserve)


def test_span_of_a_right_answer_is_the_targets():
    tokenizer = merging()
    [target] = (encode(tokenizer, "A: ", ["banana"], window=99, reserve=0).candidates,)
    assert answer_spans(Vocabulary(tokenizer), ["A: "], ["banana"], [0]) == [target[0]]
    assert tokenizer.decode(target[0]) == " banana"


def test_no_right_answer_is_cut(tmp_path):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=2))
    answers = read(tmp_path / "generations" / "m" / "t.parquet", GENERATIONS)
    for (_, targets, _), answer in zip(QUESTIONS, answers.iter_rows(named=True), strict=True):
        assert answer["finish_reason"] in ("eos", "length")
        limit = max(len(t) for t in targets) + 1
        assert len(answer["token_ids"]) == limit or answer["finish_reason"] == "eos"


def test_answer_ends_at_the_stop_string(tmp_path):
    model = make_model(tmp_path / "m", "llama", characters())
    free = make_examples(tmp_path / "free.parquet", QUESTIONS)
    extract(model, [free], tmp_path, ExtractSettings(max_new_tokens=NEW_TOKENS))
    texts = read(tmp_path / "generations" / "m" / "free.parquet", GENERATIONS)["text"]
    first = texts[0]
    stop = next(c for c in first[1:] if c != first[0])
    stopped = make_examples(tmp_path / "stop.parquet", QUESTIONS, stop)
    extract(model, [stopped], tmp_path, ExtractSettings(max_new_tokens=NEW_TOKENS))
    answers = read(tmp_path / "generations" / "m" / "stop.parquet", GENERATIONS)
    for text, answer in zip(texts, answers.iter_rows(named=True), strict=True):
        at = text.find(stop, 1)
        assert answer["text"] == (text[: at + 1] if at > 0 else text)
        assert (answer["finish_reason"] == "stop") == (at > 0)


def test_what_is_done_is_left_alone(tmp_path, monkeypatch):
    model = make_model(tmp_path / "m", "llama", characters())
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    settings = ExtractSettings(max_new_tokens=NEW_TOKENS)
    made = extract(model, [examples], tmp_path, settings)
    assert made == [tmp_path / "extractions" / "m" / "t.parquet"]
    loads = []
    monkeypatch.setattr(run, "load", lambda r: loads.append(r) or load(r))
    assert extract(model, [examples], tmp_path, settings) == []
    assert not loads
    other = make_examples(tmp_path / "u.parquet", QUESTIONS[:2])
    assert extract(model, [examples, other], tmp_path, settings) == [tmp_path / "extractions" / "m" / "u.parquet"]
    make_examples(tmp_path / "t.parquet", QUESTIONS[1:])
    assert extract(model, [examples, other], tmp_path, settings) == made
    assert extract(model | {"dtype": "bfloat16"}, [examples], tmp_path, settings) == made
    (tmp_path / "generations" / "m" / "t.parquet").write_bytes(b"cut off")
    (tmp_path / "extractions" / "m" / "t.parquet").write_bytes(b"cut off")
    assert extract(model | {"dtype": "bfloat16"}, [examples], tmp_path, settings) == made
    assert len(loads) == 4


def test_not_a_number_stops_the_model(tmp_path):
    model = make_model(tmp_path / "m", "llama", characters())
    broken = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    with torch.no_grad():
        broken.lm_head.weight[3, 3] = torch.nan
    broken.save_pretrained(tmp_path / "m")
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    with pytest.raises(InputError, match=r"model 'm': .*/m: its logits hold NaN"):
        extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=NEW_TOKENS))
    assert not (tmp_path / "extractions").exists()


def no_tensor(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def cut_off(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])


def other_config(folder: Path) -> None:
    (folder / "config.json").write_text(
        (folder / "config.json").read_text().replace('"hidden_size": 32', '"hidden_size": 48')
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_tensor, "lacks weights: model.layers.1.mlp.up_proj.weight"),
        (no_tokenizer, "tokenizer"),
        (cut_off, "cannot be loaded"),
        (other_config, "m"),
    ],
)
def test_half_a_model_is_refused(tmp_path, spoil, says):
    model = make_model(tmp_path / "m", "llama", characters())
    spoil(tmp_path / "m")
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    with pytest.raises(InputError, match=f"model 'm': .*{says}") as error:
        extract(model, [examples], tmp_path, ExtractSettings())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "extractions").exists()


def test_sliding_window_answers_do_not_depend_on_the_batch(tmp_path):
    torch.manual_seed(7)
    tokenizer = merging()
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, sliding_window=12, initializer_range=0.3, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    found = []
    for batch_tokens in (1, 16384):
        out = tmp_path / str(batch_tokens)
        extract(row(tmp_path / "m"), [examples], out, ExtractSettings(batch_tokens=batch_tokens, max_new_tokens=8))
        found.append(read(out / "generations" / "m" / "t.parquet", GENERATIONS)["token_ids"].to_list())
    assert found[0] == found[1]


def test_folder_that_cannot_be_loaded_is_named(tmp_path):
    model = make_model(tmp_path / "m", "llama", characters())
    (tmp_path / "m" / "config.json").write_text("{}")
    examples = make_examples(tmp_path / "t.parquet", QUESTIONS)
    with pytest.raises(InputError, match=r"model 'm': .*/m cannot be loaded") as error:
        extract(model, [examples], tmp_path, ExtractSettings())
    assert "\n" not in str(error.value)
