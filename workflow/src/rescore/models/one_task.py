"""One model over the examples of one task."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from rescore.bigbench import is_settled
from rescore.models.batching import Read, read
from rescore.models.jobs import ExtractSettings
from rescore.models.loading import Loaded
from rescore.models.records import extractions, generations
from rescore.models.tokenising import Asked, Question, encode
from rescore.models.vocabulary import Vocabulary
from rescore.tables import digest


class Extracted(NamedTuple):
    """The two tables of a task, in the order of the examples; the other numbers are those of `Read`."""

    extractions: pl.DataFrame
    generations: pl.DataFrame
    prompts_cut: dict[str, int]  # to fit the model's window, by subtask; only subtasks with any
    n_alone: int
    n_tokens: int
    batch_tokens: int


def run_task(
    loaded: Loaded, frame: pl.DataFrame, rules: Mapping[str, Any], settings: ExtractSettings, *, name: str
) -> Extracted:
    """Score every candidate and decode every answer of a table of examples; `name` labels the progress bar.

    `rules` are those of `rescore.bigbench.settings`, by subtask. Raises InputError where the model returns NaN or
    infinity, and where a question does not fit in the memory or in the model's window.
    """
    vocabulary = loaded.vocabulary
    key = repr((digest(frame), rules, loaded.window, settings.max_new_tokens))
    task: _Tokenised | None = vocabulary.tasks.get(key)
    if task is None:
        task = _tokenised(vocabulary, frame, rules, loaded.window, settings)
        vocabulary.keep(key, task, sum(len(q.context) + sum(map(len, q.candidates)) for q in task.questions))
    found = answer(loaded, task.questions, frame, rules, settings, name=name)
    return tables(frame, task.asked, task.prompts, task.questions, found, vocabulary, spaces=task.spaces)


class _Tokenised(NamedTuple):
    """A task as all models with one tokenizer and window read it; fields as the arguments of `tables`."""

    asked: list[Asked]
    prompts: list[str]
    spaces: list[str]
    questions: list[Question]


def _tokenised(
    vocabulary: Vocabulary, frame: pl.DataFrame, rules: Mapping[str, Any], window: int, settings: ExtractSettings
) -> _Tokenised:
    asked = ask(frame, rules)
    texts = [as_read(vocabulary, one) for one in asked]
    spaces = ["" if one.candidates[0][:1].isspace() else vocabulary.space for one in asked]
    spaced = [
        one._replace(candidates=[space + text for text in one.candidates])
        for one, space in zip(texts, spaces, strict=True)
    ]
    questions = encode(vocabulary, spaced, window=window, reserve=settings.max_new_tokens)
    return _Tokenised(asked, [one.prompt for one in texts], spaces, questions)


def answer(
    loaded: Loaded,
    questions: Sequence[Question],
    frame: pl.DataFrame,
    rules: Mapping[str, Any],
    settings: ExtractSettings,
    *,
    name: str,
) -> Read:
    """Score the candidates of questions, one per row of the examples, and write the answers that are asked for."""
    stoppers = {subtask: _stopper(loaded.vocabulary, rules.get(subtask, {})) for subtask in frame["subtask"].unique()}
    is_done = [stoppers[subtask] for subtask in frame["subtask"]]
    asks_text = [rules.get(subtask, {}).get("asks_text", True) for subtask in frame["subtask"]]
    return read(loaded, questions, is_done, asks_text, settings, name=name)


def tables(
    frame: pl.DataFrame,
    asked: Sequence[Asked],
    prompts: Sequence[str],
    questions: Sequence[Question],
    found: Read,
    vocabulary: Vocabulary,
    *,
    spaces: Sequence[str],
) -> Extracted:
    """Make the two tables of a task.

    The answers follow the texts `prompts`, and `spaces`, which a model writes before them and are no part of them.
    """
    cut = Counter(subtask for subtask, q in zip(frame["subtask"], questions, strict=True) if q.is_cut)
    return Extracted(
        extractions(frame, asked, questions, found.scored),
        generations(frame, prompts, questions, found.answered, vocabulary, spaces=spaces),
        dict(cut),
        found.n_alone,
        found.n_tokens,
        found.batch_tokens,
    )


def ask(frame: pl.DataFrame, rules: Mapping[str, Any]) -> list[Asked]:
    """Take the texts of examples, with the rules of their subtasks."""
    return [_asked(row, rules.get(row["subtask"], {})) for row in frame.iter_rows(named=True)]


def as_read(vocabulary: Vocabulary, one: Asked) -> Asked:
    """Put the texts of an example as the model reads them."""
    return one._replace(
        prompt=vocabulary.form(one.prompt),
        shorter=[vocabulary.form(prompt) for prompt in one.shorter],
        candidates=[vocabulary.inert(text) for text in one.candidates],
    )


def _asked(row: Mapping[str, Any], rules: Mapping[str, Any]) -> Asked:
    """Read a row of the examples; its shorter prompts keep the text before the first solved example."""
    targets = list(dict.fromkeys(row["targets"]))
    candidates = list(dict.fromkeys([*targets, *(row["choices"] or [])]))
    prompt, shorter = row["prompt"], []
    if row["shots"] and rules.get("few_shot_separator"):
        prefix, begin = rules["task_prefix"], rules["few_shot_separator"] + rules["input_prefix"]
        at = prompt.find(begin, len(prefix))
        while at >= 0:
            shorter.append(prefix + prompt[at + len(rules["few_shot_separator"]) :])
            at = prompt.find(begin, at + 1)
    name = f"example {row['example_id']} of {row['subtask']}"
    return Asked(prompt, shorter[: row["shots"]], candidates, len(targets), name)


def _stopper(vocabulary: Vocabulary, rules: Mapping[str, Any]) -> Callable[[list[int]], bool]:
    """Return a function that says whether an answer needs no more text.

    With a stop string: when the text holds it, but not at its very start, where it cuts nothing. Else: when nothing
    that may follow changes what the regular expression takes, and the line has ended, since scoring looks at the whole
    line to say whether it held the right answer.
    """
    stop, pattern = rules.get("stop_string"), rules.get("output_regex")
    if not stop and not pattern:
        return lambda tokens: False  # noqa: ARG005
    last = stop[-1] if stop else "\n"

    def is_done(tokens: list[int]) -> bool:
        piece = vocabulary.piece(tokens[-1])
        if last not in piece and "\ufffd" not in piece:
            return False  # cheaper than to decode at every token
        text = vocabulary.decode(tokens)
        return text.find(stop) > 0 if stop else is_settled(text, str(pattern))

    return is_done
