"""Reasoning before the answer, against plain forward passes over prompt, own reasoning, answer mark and answer."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from chat_models import chatml, make_chat_model, metaspace, teach
from extracting import extract
from test_chat import QUESTIONS, chat_examples, messages
from test_extract import CONFIGS, characters, make_model, merging
from transformers import AutoModelForCausalLM, AutoTokenizer

from rescore.models import extraction as run
from rescore.models.jobs import ExtractSettings, open_jobs
from rescore.models.loading import load
from rescore.models.probe import ALONE
from rescore.models.reasoning import _mark, _n_kept, _stops
from rescore.models.tokenising import Asked
from rescore.models.vocabulary import Vocabulary
from rescore.tables import EXTRACTIONS, GENERATIONS, REASONING, InputError, provenance, read

MARK = "So the answer is"
FORM = {"reasoning_tokens": 9, "reasoning_cue": "Think.", "answer_mark": MARK}


def tables(folder: Path, name: str = "t") -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    kinds = {"reasoning": REASONING, "extractions": EXTRACTIONS, "generations": GENERATIONS}
    reasoning, extractions, generations = (
        read(folder / kind / "m" / f"{name}.parquet", table) for kind, table in kinds.items()
    )
    return reasoning, extractions, generations


def logprobs(model: Any, context: list[int], answer: list[int]) -> list[float]:
    whole = context + answer
    with torch.inference_mode():
        logp = torch.log_softmax(model(torch.tensor([whole])).logits[0].double(), -1)
    return [float(logp[i - 1, whole[i]]) for i in range(len(context), len(whole))]


def greedy(model: Any, context: list[int], n: int) -> list[int]:
    ids = torch.tensor([context])
    new = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=n)
    return new[0, len(context) :].tolist()


def check_one_by_one(folder: Path, form: dict[str, Any]) -> None:
    """Every number of the tables from the texts alone; for vocabularies that cut a text as they cut its parts."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder / "m"), AutoTokenizer.from_pretrained(folder / "m")
    reasoning, extractions, generations = tables(folder)
    rows = zip(QUESTIONS, reasoning.iter_rows(named=True), generations.iter_rows(named=True), strict=True)
    for (prompt, targets, _), written, answer in rows:
        question = prompt + ("" if prompt.endswith(" ") else " ") + form["reasoning_cue"]
        if form.get("chat"):
            context = tokenizer.apply_chat_template(
                messages(question, form.get("system")), add_generation_prompt=True, return_dict=False
            )
        else:
            context = tokenizer(question)["input_ids"]
        if written["finish_reason"] == "length":
            assert len(written["token_ids"]) == form["reasoning_tokens"]
        assert (
            greedy(model, context, len(written["token_ids"]) or 1)[: len(written["token_ids"])] == written["token_ids"]
        )
        assert written["logprob_nats"] == pytest.approx(logprobs(model, context, written["token_ids"]), abs=1e-4)
        assert written["text"] == tokenizer.decode(written["token_ids"])
        context = context + written["token_ids"]
        line = "" if tokenizer.decode(context).endswith("\n") else "\n"
        mark = f"{line}{form['answer_mark']}{'' if targets[0].startswith(' ') else ' '}"
        found = extractions.filter(example_id=written["example_id"])
        marks = tokenizer(mark, add_special_tokens=False)["input_ids"]
        for row in found.iter_rows(named=True):
            whole = tokenizer(mark + row["candidate"], add_special_tokens=False)["input_ids"]
            n = len(whole) - len(row["token_ids"])
            assert whole[n:] == row["token_ids"]
            assert whole[:n] == marks[:n]
            assert row["logprob_nats"] == pytest.approx(logprobs(model, context + whole[:n], whole[n:]), abs=1e-4)
        written_by_model = (form.get("chat") or not prompt.endswith(" ")) and n < len(marks)  # the space, that is
        steps = len(answer["logprob_nats"])
        behind = context + (marks[:n] if written_by_model else marks)
        assert answer["token_ids"] == greedy(model, behind, steps)[: len(answer["token_ids"])]
        text = tokenizer.decode(answer["token_ids"])
        assert answer["text"] == (text.removeprefix(" ") if written_by_model else text)


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("architecture", CONFIGS)
def test_numbers_equal_plain_forwards_over_the_models_own_reasoning(tmp_path, architecture, chat):
    form = FORM | ({"chat": True, "system": "Be brief."} if chat else {})
    model = make_chat_model(tmp_path / "m", "chatml", architecture)
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS, form)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))
    check_one_by_one(tmp_path, form)


@pytest.mark.parametrize("tokenizer", [characters, merging])
def test_numbers_equal_plain_forwards_without_a_chat(tmp_path, tokenizer):
    model = make_model(tmp_path / "m", "llama", tokenizer())
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS, FORM)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))
    check_one_by_one(tmp_path, FORM)


@pytest.mark.parametrize("chat", [False, True])
def test_numbers_depend_neither_on_the_batch_nor_on_the_way(tmp_path, monkeypatch, chat):
    model = make_chat_model(tmp_path / "m", "llama")
    form = FORM | {"chat": chat, "reasoning_tokens": 20}
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS * 2, form)
    found = []
    for name, size, change in (("many", 16384, {}), ("one", 1, {}), ("alone", 16384, {"way": ALONE})):
        loaded = load(model)._replace(**change)
        monkeypatch.setattr(run, "load", lambda _, loaded=loaded: loaded)
        extract(model, [examples], tmp_path / name, ExtractSettings(max_new_tokens=6, batch_tokens=size))
        found.append(tables(tmp_path / name))
    for other in found[1:]:
        for frame, same in zip(found[0], other, strict=True):
            numbers = [name for name in frame.columns if name.endswith("_nats")]
            assert frame.drop(numbers).equals(same.drop(numbers))
            for name in numbers:
                wanted = frame[name].explode().to_list()
                assert same[name].explode().to_list() == pytest.approx(wanted, abs=1e-4)


def test_reasoning_ends_where_the_model_asks_itself_for_the_answer(tmp_path):
    """The model writes mark and answer by itself; the mark stands once, and the answer is right."""
    tokenizer = chatml()
    told = tokenizer.apply_chat_template(messages("Q: x\nA: Think.", None), tokenize=False, add_generation_prompt=True)
    longer = tokenizer.apply_chat_template(
        messages("Q: yy\nA: Think.", None), tokenize=False, add_generation_prompt=True
    )
    model = teach(
        tmp_path / "m",
        tokenizer,
        [
            f"{told}it is a house.\n{MARK} abc<|im_end|>\n",
            f"{longer}sort it, banana, house, and sort it at length.\n{MARK} abd<|im_end|>\n",
        ],
    )
    questions = [("Q: x\nA: ", ["abc"], None), ("Q: yy\nA: ", ["abd"], ["abc", "abd"])]
    form = FORM | {"chat": True, "reasoning_tokens": 99}
    extract(
        model, [chat_examples(tmp_path / "t.parquet", questions, form)], tmp_path, ExtractSettings(max_new_tokens=9)
    )
    reasoning, extractions, generations = tables(tmp_path)
    assert reasoning["text"].to_list() == ["it is a house.\n", "sort it, banana, house, and sort it at length.\n"]
    assert reasoning["finish_reason"].to_list() == ["stop", "stop"]
    assert generations["text"].to_list() == ["abc", "abd"]
    assert generations["finish_reason"].to_list() == ["eos", "eos"]
    sums = extractions.select("candidate", nats=pl.col("logprob_nats").list.sum(), example_id="example_id")
    right, *two = sums.sort("example_id", "candidate").rows()
    assert right[1] > -0.1
    assert two[1][1] > -0.1 > -1 > two[0][1]


def test_what_is_cut_at_the_limit_is_kept_and_counted(tmp_path, capsys):
    model = make_chat_model(tmp_path / "m", "chatml")
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS, FORM)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))
    reasoning, *_ = tables(tmp_path)
    n = (reasoning["finish_reason"] == "length").sum()
    assert n > 0
    assert provenance(tmp_path / "extractions/m/t.parquet")["reasoning_cut"] == {"t": n}
    assert f"m t: {n} reasonings of t were cut at 9 tokens" in capsys.readouterr().err


def test_a_multiple_choice_task_is_reasoned_about_and_asked_for_no_text(tmp_path):
    model = make_chat_model(tmp_path / "m", "chatml")
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS[:1], FORM, asks_text=False)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))
    reasoning, extractions, generations = tables(tmp_path)
    assert len(reasoning["token_ids"][0]) > 0
    assert generations["finish_reason"].to_list() == ["not asked"]
    plain, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tmp_path / "m"),
        AutoTokenizer.from_pretrained(tmp_path / "m"),
    )
    context = tokenizer("Q: sort bca\nA: Think.")["input_ids"] + reasoning["token_ids"][0].to_list()
    context += tokenizer(f"\n{MARK}")["input_ids"]
    wanted = logprobs(plain, context, extractions["token_ids"][0].to_list())
    assert extractions["logprob_nats"].to_list()[0] == pytest.approx(wanted, abs=1e-4)


def test_a_model_that_writes_nothing_is_asked_at_once(tmp_path):
    tokenizer = merging()
    model = teach(tmp_path / "m", tokenizer, ["Q: x\nA: Think.<eos>", f"Q: x\nA: Think.\n{MARK} abc"])
    AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    form = FORM | {"reasoning_cue": "Think."}
    extract(
        model,
        [chat_examples(tmp_path / "t.parquet", [("Q: x\nA: ", ["abc"], None)], form)],
        tmp_path,
        ExtractSettings(),
    )
    reasoning, extractions, _ = tables(tmp_path)
    assert reasoning["text"].to_list() == [""]
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    mark = tokenizer(f"Q: x\nA: Think.\n{MARK}")["input_ids"]
    wanted = logprobs(plain, mark, tokenizer(" abc")["input_ids"])
    assert extractions["logprob_nats"].to_list()[0] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a house. So the answer is abc", "a house. "),
        ("ab\nQ: sort it", "ab"),
        ("abSTOPcd", "ab"),
        ("ab\n\nQ:", "ab\n"),
        ("So the answer is", ""),
        ("abc", "abc"),
    ],
)
def test_reasoning_is_kept_up_to_what_ended_it(text, kept):
    form = {"answer_mark": MARK, "reasoning_stop": "STOP"}
    stops = _stops({"input_prefix": "\nQ: "}, form)
    vocabulary = Vocabulary(characters())
    tokens = vocabulary.ids([text])[text]
    assert vocabulary.decode(tokens[: _n_kept(vocabulary, tokens, stops)]) == kept
    assert _stops({"input_prefix": "\nQ: "}, form | {"chat": True}) == [MARK, "STOP"]
    assert _stops({}, {"answer_mark": MARK}) == [MARK]


def test_a_token_that_holds_a_part_of_the_stop_is_left_out():
    tokenizer = merging()
    tokens = tokenizer("Q: sort it A: house")["input_ids"]
    merged = next(i for i, token in enumerate(tokens) if len(tokenizer.decode([token])) > 2)
    text = tokenizer.decode([tokens[merged]])
    kept = _n_kept(Vocabulary(tokenizer), tokens, [text[1:]])
    assert kept == merged


@pytest.mark.parametrize("tokenizer", [metaspace(), merging()], ids=["byte fallback", "byte level"])
@pytest.mark.parametrize("end", ["", "STOP", " is"])
def test_a_character_of_several_tokens_is_kept_whole(tokenizer, end):
    text = "the house \U0001f34e"
    tokens = tokenizer(text + end)["input_ids"]
    vocabulary = Vocabulary(tokenizer)
    kept = _n_kept(vocabulary, tokens, ["STOP", " is"])
    assert tokens[:kept] == tokenizer(text)["input_ids"]


@pytest.mark.parametrize(
    ("prompt", "target", "before", "mark"),
    [
        ("A: ", "abc", "it is", f"\n{MARK} "),
        ("A:", " abc", "it is", f"\n{MARK}"),
        ("A:", "abc", "it is", f"\n{MARK} "),
        ("A:\n", "abc", "it is", f"\n{MARK}\n"),
        ("A: ", "abc", "<think>it is", f"\n</think>\n\n{MARK} "),
        ("A: ", "abc", "<think>it</think>is", f"\n{MARK} "),
    ],
)
def test_the_answer_stands_behind_the_mark_as_behind_the_prompt(prompt, target, before, mark):
    assert _mark({"answer_mark": MARK}, Asked(prompt, [], [target], 1), before) == mark
    in_chat = _mark({"answer_mark": MARK, "chat": True}, Asked(prompt, [], [target], 1), before)
    assert in_chat == mark.rstrip() + " " * (target[0] != " ")  # the prompt's white space is in the user's turn


def test_a_thought_that_was_cut_is_ended_before_the_mark(tmp_path):
    tokenizer = chatml()
    told = tokenizer.apply_chat_template(messages("Q: x\nA: Think.", None), tokenize=False, add_generation_prompt=True)
    model = teach(tmp_path / "m", tokenizer, [f"{told}<think>\nit is a house, it is a house, it is a house"])
    form = FORM | {"chat": True}
    examples = chat_examples(tmp_path / "t.parquet", [("Q: x\nA: ", ["abc"], None)], form)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    reasoning, extractions, _ = tables(tmp_path)
    assert reasoning["text"][0].startswith("<think>\nit is")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    text = f"{told}{reasoning['text'][0]}"
    context = tokenizer(text, add_special_tokens=False)["input_ids"]
    context += tokenizer(f"\n</think>\n\n{MARK}", add_special_tokens=False)["input_ids"]
    wanted = logprobs(plain, context, tokenizer(" abc", add_special_tokens=False)["input_ids"])
    assert extractions["logprob_nats"].to_list()[0] == pytest.approx(wanted, abs=1e-4)


def test_a_prompt_near_the_window_leaves_room_for_reasoning_and_answer(tmp_path, capsys):
    tokenizer = characters()
    config = CONFIGS["llama"](len(tokenizer))
    config.max_position_embeddings = 64
    config.initializer_range = 0.3
    config.eos_token_id = config.bos_token_id = config.pad_token_id = tokenizer.eos_token_id
    torch.manual_seed(7)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    model = {
        "model": "m",
        "source": str(tmp_path / "m"),
        "revision": "-",
        "dtype": "float32",
        "trust_remote_code": False,
    }
    question = ("0123456789" * 5 + "\nA: ", ["abc"], None)
    form = {"reasoning_tokens": 9, "answer_mark": "Say"}
    examples = chat_examples(tmp_path / "t.parquet", [question], form)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))
    assert "1 prompts of t are over the model's window of 64 tokens and were cut" in capsys.readouterr().err
    reasoning, extractions, _ = tables(tmp_path)
    # 64 - 9 of reasoning - 5 of "\nSay " - 6 of the answer, less what ends a thought
    prompt = question[0][-(64 - 9 - 5 - 6 - len("\n</think>\n\n") + 1) :]
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    context = tokenizer(prompt)["input_ids"]
    assert reasoning["token_ids"][0].to_list() == greedy(plain, context, 9)[: len(reasoning["token_ids"][0])]
    behind = tokenizer(f"{reasoning['text'][0]}\nSay ")["input_ids"]
    wanted = logprobs(plain, context + behind, tokenizer("abc")["input_ids"])
    assert extractions["logprob_nats"].to_list()[0] == pytest.approx(wanted, abs=1e-4)
    examples = chat_examples(tmp_path / "t.parquet", [question], form | {"reasoning_tokens": 50})
    with pytest.raises(
        InputError, match=r"leaves no room for its prompt .* window of 64; .* reasoning_tokens in the suite"
    ):
        extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=6))


def test_a_stopped_run_goes_on_and_a_changed_setting_is_made_anew(tmp_path):
    model = make_chat_model(tmp_path / "m", "chatml")
    examples = chat_examples(tmp_path / "t.parquet", QUESTIONS, FORM)
    settings = ExtractSettings(max_new_tokens=4)

    def left() -> int:
        return len(list(open_jobs(model, [examples], tmp_path, settings)))

    extract(model, [examples], tmp_path, settings)
    assert left() == 0
    (tmp_path / "reasoning/m/t.parquet").unlink()
    assert left() == 1
    extract(model, [examples], tmp_path, settings)
    assert left() == 0
    chat_examples(examples, QUESTIONS, {})
    extract(model, [examples], tmp_path, settings)
    assert not (tmp_path / "reasoning/m/t.parquet").exists()  # it is of another form
    for change in ({"reasoning_tokens": 5}, {"reasoning_cue": "Go."}, {"reasoning_stop": "."}, {"answer_mark": "Thus"}):
        chat_examples(examples, QUESTIONS, FORM | change)
        assert left() == 1


def test_a_vocabulary_that_puts_a_space_before_a_text_puts_none_before_the_mark(tmp_path):
    tokenizer = metaspace()
    model = make_model(tmp_path / "m", "llama", tokenizer)
    form = FORM | {"reasoning_tokens": 3}
    examples = chat_examples(tmp_path / "t.parquet", [("Q: x\nA: ", ["abc"], None)], form)
    extract(model, [examples], tmp_path, ExtractSettings(max_new_tokens=4))
    reasoning, extractions, _ = tables(tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    own = reasoning["token_ids"][0].to_list()
    # cut as in the whole text: behind a letter, so that no space comes before it
    whole = tokenizer(f"abc\n{MARK} abc", add_special_tokens=False)["input_ids"]
    behind = whole[len(tokenizer("abc", add_special_tokens=False)["input_ids"]) :]
    assert tokenizer.decode(behind) == f"\n{MARK} abc"
    n = len(extractions["token_ids"][0])
    context = tokenizer("Q: x\nA: Think.")["input_ids"] + own + behind[:-n]
    assert extractions["token_ids"][0].to_list() == behind[-n:]
    wanted = logprobs(plain, context, behind[-n:])
    assert extractions["logprob_nats"].to_list()[0] == pytest.approx(wanted, abs=1e-4)
