r"""Reasoning before the answer: a model writes greedily, then a mark asks it for the answer.

    context    prompt, with the cue | what the model wrote | "\nSo the answer is "
    answers                                                                       42

The tokens of prompt and reasoning are those that the model read and wrote; the mark and the answers behind it are cut
into tokens of their own.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl

from rescore.models import records
from rescore.models.batching import read
from rescore.models.chat import THOUGHT_END, Inside, is_thinking
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import Loaded
from rescore.models.one_task import Extracted, answer, as_read, ask, tables
from rescore.models.tokenising import TOKENISED_AT_ONCE, Asked, Question, encode
from rescore.models.vocabulary import Vocabulary

_NO_WINDOW = 2**62


class Reasoned(NamedTuple):
    """The tables of a task, and by subtask how many reasonings were cut at the limit."""

    extracted: Extracted
    reasoning: pl.DataFrame
    cut: dict[str, int]


def run_reasoned(
    loaded: Loaded,
    frame: pl.DataFrame,
    rules: Mapping[str, Any],
    settings: ExtractSettings,
    form: Mapping[str, Any],
    *,
    name: str,
) -> Reasoned:
    """Let a model reason about every question of a task, then score every candidate and decode every answer.

    Reasoning ends with EOS or the end of the turn, with the form's `reasoning_stop`, where the model writes the answer
    mark itself, in a plain prompt where it begins another question, or after `reasoning_tokens`. It is kept up to the
    text that ended it. Arguments and errors are those of `rescore.models.one_task.run_task`; `form` is as
    `rescore.config.prompt_form.prompt_form` returns it.
    """
    asked, vocabulary, inside = ask(frame, rules), loaded.vocabulary, Inside(loaded.vocabulary)
    texts = [as_read(vocabulary, _with_cue(one, form.get("reasoning_cue", ""))) for one in asked]
    longest = [_mark(form, one, "<think>") for one in asked]
    prompts = _prompts(loaded, texts, _behind(inside, longest, texts, settings), form["reasoning_tokens"])
    by_subtask = {subtask: _stops(rules.get(subtask, {}), form) for subtask in frame["subtask"].unique()}
    stops = [by_subtask[subtask] for subtask in frame["subtask"]]
    is_done = [_stopper(vocabulary, own) for own in stops]
    written = read(loaded, prompts, is_done, [True] * len(prompts), settings, name=f"{name} reasoning")
    n_kept = [_n_kept(vocabulary, one.token_ids, own) for one, own in zip(written.answered, stops, strict=True)]
    reasoning = records.reasoning(frame, written.answered, n_kept, vocabulary)
    marks = [
        _mark(form, one, vocabulary.opening + text, at_line_begin=(first.prompt + text).endswith("\n"))
        for one, first, text in zip(asked, texts, reasoning["text"], strict=True)
    ]
    behind = _behind(inside, marks, texts, settings)
    # The model writes the space before its answer itself, unless the task's own prompt, read as it is, ends in one.
    has_space = [not form.get("chat") and one.prompt[-1:].isspace() for one in asked]
    spaces = ["" if is_read or not q.prompt_tail else " " for is_read, q in zip(has_space, behind, strict=True)]
    questions = [
        replace(
            last,
            context=first.context + own + last.context,
            prompt_tail=[] if space else last.prompt_tail,
            is_cut=first.is_cut,
        )
        for first, own, last, space in zip(prompts, reasoning["token_ids"].to_list(), behind, spaces, strict=True)
    ]
    found = answer(loaded, questions, frame, rules, settings, name=name)
    found = found._replace(n_tokens=found.n_tokens + written.n_tokens)
    cut = Counter(reasoning.filter(finish_reason="length")["subtask"])
    bare = [mark.removesuffix(space) for mark, space in zip(marks, spaces, strict=True)]
    extracted = tables(frame, asked, bare, questions, found, inside, spaces=spaces)
    return Reasoned(extracted, reasoning, dict(cut))


def _with_cue(one: Asked, cue: str) -> Asked:
    """Put the cue after a prompt and its shorter forms."""

    def longer(prompt: str) -> str:
        return prompt + ("" if not cue or not prompt or prompt[-1].isspace() else " ") + cue

    return one._replace(prompt=longer(one.prompt), shorter=[longer(prompt) for prompt in one.shorter])


def _mark(form: Mapping[str, Any], one: Asked, before: str, *, at_line_begin: bool = False) -> str:
    """Return the text between reasoning and answer: a line that ends in white space as the prompt does without a chat.

    Else a space is put between mark and target, unless the target begins with white space.
    """
    space = "" if form.get("chat") else one.prompt[len(one.prompt.rstrip()) :]
    space = space or " " * (not one.candidates[0][:1].isspace())
    line = THOUGHT_END if is_thinking(before) else "\n" * (not at_line_begin)
    return f"{line}{form['answer_mark']}{space}"


def _behind(
    inside: Vocabulary, marks: Sequence[str], texts: Sequence[Asked], settings: ExtractSettings
) -> list[Question]:
    """Tokens of marks and answers."""
    asked = [one._replace(prompt=mark, shorter=[]) for mark, one in zip(marks, texts, strict=True)]
    return encode(inside, asked, window=_NO_WINDOW, reserve=settings.max_new_tokens)


def _prompts(loaded: Loaded, texts: Sequence[Asked], behind: Sequence[Question], limit: int) -> list[Question]:
    """Tokens of prompts, cut so that the reasoning and what comes behind it fit the window."""
    found = []
    for at, (one, last) in enumerate(zip(texts, behind, strict=True)):
        if at % TOKENISED_AT_ONCE == 0:  # many in one call; the vocabulary remembers them
            loaded.vocabulary.ids(other.prompt for other in texts[at : at + TOKENISED_AT_ONCE])
        answers = max([len(last.prompt_tail) + last.limit, *map(len, last.candidates)])
        asked = [one._replace(candidates=[], n_targets=0)]
        found += encode(loaded.vocabulary, asked, window=loaded.window, reserve=limit + len(last.context) + answers)
    return [replace(question, limit=limit) for question in found]


def _stops(rules: Mapping[str, Any], form: Mapping[str, Any]) -> list[str]:
    """List the texts that end the reasoning of a subtask."""
    stops = [form["answer_mark"], form.get("reasoning_stop")]
    begin = rules.get("input_prefix", "").strip()
    if begin and not form.get("chat"):  # another question; in a chat the model's turn has an end of its own
        stops.append(f"\n{begin}")
    return [text for text in stops if text]


def _stopper(vocabulary: Vocabulary, stops: Sequence[str]) -> Callable[[list[int]], bool]:
    """Return a function that says whether what was written ends with one of the stops, or a text that holds it."""
    lasts = ["\ufffd", *{stop[-1] for stop in stops}]
    reach = 4 * max(map(len, stops)) + 1  # tokens that may hold a stop: each is a byte of it at least

    def is_done(tokens: list[int]) -> bool:
        piece = vocabulary.piece(tokens[-1])
        if not any(last in piece for last in lasts):
            return False  # cheaper than to decode at every token
        text = vocabulary.decode(tokens[-reach:])
        return any(stop in text for stop in stops)

    return is_done


def _n_kept(vocabulary: Vocabulary, tokens: list[int], stops: Sequence[str]) -> int:
    """Count the tokens before the first stop; one that holds a part of it is left out."""
    text = vocabulary.decode(tokens)
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    if not found:
        return len(tokens)
    # A prefix that ends inside a character may decode to more text than a longer one: a replacement per byte.
    reach = list(accumulate(reversed(vocabulary.ends(tokens)), min))[::-1]
    return next((n for n, end in enumerate(reach) if end > min(found)), len(tokens))
