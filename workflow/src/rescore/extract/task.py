"""One model over the examples of one task: batches within the memory there is, and the two tables."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import torch
from tqdm import tqdm

from rescore.bigbench import is_settled
from rescore.extract import forward
from rescore.extract.jobs import ExtractSettings
from rescore.extract.model import Loaded
from rescore.extract.tokens import Asked, Question, answer_spans, encode
from rescore.schema import EXTRACTIONS, GENERATIONS, InputError, Table

NOT_ASKED = forward.Greedy([], [], "not asked")
"""Of questions whose subtasks have multiple-choice metrics only."""
_TOKENISED_AT_ONCE = 512  # examples: their texts are held once as text and once as tokens


class Extracted(NamedTuple):
    """The two tables of a task, and what a log says of making them.

    Attributes
    ----------
    extractions, generations
        Tables of these contracts, in the order of the examples.
    prompts_cut
        By subtask, how many prompts were cut to fit the model's window; only those with any.
    n_tokens
        Tokens that the model read or wrote: prompts once each, candidates and answers.
    """

    extractions: pl.DataFrame
    generations: pl.DataFrame
    prompts_cut: dict[str, int]
    n_tokens: int


class Pieces:
    """Texts of single tokens, each decoded once."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._texts: dict[int, str] = {}

    def __getitem__(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self.decode([token])
        return self._texts[token]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens in a row."""
        return str(self._loaded.tokenizer.decode(list(tokens)))

    def ends(self, tokens: Sequence[int]) -> list[int]:
        """By token, how many characters the text has up to and with it.

        Where the tokens' own texts in a row are the text, their lengths add up; where not (a vocabulary that strips
        the first space, characters of several tokens), every beginning of the tokens is decoded.
        """
        pieces = [self[token] for token in tokens]
        if "".join(pieces) == self.decode(tokens):
            return list(accumulate(map(len, pieces)))
        return [len(self.decode(tokens[: n + 1])) for n in range(len(tokens))]


def run_task(
    loaded: Loaded, frame: pl.DataFrame, rules: Mapping[str, Any], settings: ExtractSettings, *, name: str
) -> Extracted:
    """Score every candidate and decode every answer of one task.

    Parameters
    ----------
    frame
        A table of examples.
    rules
        By subtask, its stop_string and output_regex and the parts of its few-shot prompts, as
        `rescore.bigbench.settings` gives them.
    name
        What the progress bar says.

    Raises
    ------
    InputError
        A number that is none; a question that does not fit in the memory or in the model's window.
    """
    asked = [_asked(row, rules.get(row["subtask"], {})) for row in frame.iter_rows(named=True)]
    questions = [
        question
        for start in range(0, len(asked), _TOKENISED_AT_ONCE)
        for question in encode(
            loaded.tokenizer,
            asked[start : start + _TOKENISED_AT_ONCE],
            window=loaded.window,
            reserve=settings.max_new_tokens,
        )
    ]
    pieces = Pieces(loaded)
    stoppers = {subtask: _stopper(pieces, rules.get(subtask, {})) for subtask in frame["subtask"].unique()}
    is_done = [stoppers[subtask] for subtask in frame["subtask"]]
    asks_text = [rules.get(subtask, {}).get("asks_text", True) for subtask in frame["subtask"]]
    scored: dict[int, list[forward.TokenScores]] = {}
    answered: dict[int, forward.Greedy] = {}
    todo = sorted(range(len(questions)), key=lambda i: _size(questions[i]), reverse=True)
    budget, n_tokens = settings.batch_tokens, 0
    most_rows = max(1, forward.LOGITS_AT_ONCE // loaded.model.config.get_text_config().vocab_size)
    most_rows = max(1, forward.LOGITS_AT_ONCE // loaded.model.config.get_text_config().vocab_size)
    with tqdm(total=len(questions), desc=name, unit="example", disable=None, leave=False) as bar:
        while todo:
            batch = _batch(todo, questions, budget)[:most_rows]
            stops = [is_done[i] for i in batch] if any(asks_text[i] for i in batch) else None
            found = _try(loaded, [questions[i] for i in batch], stops, budget)
            if found is None:
                width = sum(_size(questions[batch[0]]))
                if len(batch) == 1 and budget < width:
                    raise InputError(
                        f"a question of {width} tokens needs more memory than there is; use a smaller dtype in the "
                        "ladder row, or a larger machine"
                    )
                budget //= 2
                continue
            scored |= dict(zip(batch, found[0], strict=True))
            answered |= {i: a if asks_text[i] else NOT_ASKED for i, a in zip(batch, found[1], strict=True)}
            n_tokens += sum(_n_tokens(questions[i], answered[i]) for i in batch)
            todo = todo[len(batch) :]
            bar.update(len(batch))
            if bar.format_dict["elapsed"]:
                bar.set_postfix_str(f"{n_tokens / bar.format_dict['elapsed']:,.0f} tokens/s", refresh=False)
    cut = Counter(subtask for subtask, q in zip(frame["subtask"], questions, strict=True) if q.is_cut)
    return Extracted(
        _extractions(frame, asked, questions, scored),
        _generations(frame, questions, [answered[i] for i in range(len(questions))], loaded, pieces),
        dict(cut),
        n_tokens,
    )


def _asked(row: Mapping[str, Any], rules: Mapping[str, Any]) -> Asked:
    """Turn a row of the examples into text; its shorter prompts keep what stands before the first solved example."""
    targets = list(dict.fromkeys(row["targets"]))
    candidates = list(dict.fromkeys([*targets, *(row["choices"] or [])]))
    prompt, shorter = row["prompt"], []
    if row["shots"] and rules.get("few_shot_separator"):
        prefix, begin = rules["task_prefix"], rules["few_shot_separator"] + rules["input_prefix"]
        at = prompt.find(begin, len(prefix))
        while at >= 0:
            shorter.append(prefix + prompt[at + len(rules["few_shot_separator"]) :])
            at = prompt.find(begin, at + 1)
    return Asked(prompt, shorter[: row["shots"]], candidates, len(targets))


def _size(question: Question) -> tuple[int, int]:
    """What questions of a batch must share, the length of their prompts' tails; and how wide they are."""
    return len(question.prompt_tail), len(question.context) + question.limit


def _n_tokens(question: Question, answer: forward.Greedy) -> int:
    candidates = sum(map(len, question.candidates))
    return len(question.context) + len(question.prompt_tail) + candidates + len(answer.logprob_nats)


def _batch(todo: Sequence[int], questions: Sequence[Question], budget: int) -> list[int]:
    """Take questions of like length, so many that prompts and answers, padding counted, stay within the budget."""
    tail, width = _size(questions[todo[0]])
    batch = [todo[0]]
    for i in todo[1:]:
        own_tail, own_width = _size(questions[i])
        width = max(width, own_width)
        if own_tail != tail or (len(batch) + 1) * width > budget:
            break
        batch.append(i)
    return batch


def _try(
    loaded: Loaded, questions: Sequence[Question], is_done: Sequence[Callable[[list[int]], bool]] | None, budget: int
) -> tuple[list[list[forward.TokenScores]], list[forward.Greedy]] | None:
    """Score one batch, and answer it where `is_done` says when; None where the memory did not suffice."""
    try:
        read = forward.prefill(loaded.model, [q.context for q in questions])
        scores = _score(loaded, read, questions, budget)
        if is_done is None:
            return scores, [NOT_ASKED] * len(questions)
        answers = forward.greedy(
            loaded.model,
            read,
            [q.prompt_tail for q in questions],
            limits=[q.limit for q in questions],
            eos_ids=loaded.eos_ids,
            is_done=is_done,
        )
    except (RuntimeError, MemoryError) as error:
        # torch has an error of its own for a GPU only
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "can't allocate memory" not in str(error):
            raise
    else:
        return scores, answers
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def _score(
    loaded: Loaded, read: forward.Prefill, questions: Sequence[Question], budget: int
) -> list[list[forward.TokenScores]]:
    """Score all candidates of a batch, in groups of like length within the budget."""
    todo = [(row, c) for row, q in enumerate(questions) for c in range(len(q.candidates))]
    todo.sort(key=lambda rc: len(questions[rc[0]].candidates[rc[1]]))
    results: list[list[forward.TokenScores]] = [[_NOTHING] * len(q.candidates) for q in questions]
    context, vocabulary = read.mask.shape[1], read.logits.shape[1]

    def groups() -> Iterator[list[tuple[int, int]]]:
        group: list[tuple[int, int]] = []
        for row, c in todo:
            length = len(questions[row].candidates[c])
            rows = len(group) + 1
            if group and (rows * (context + length) > budget or rows * length * vocabulary > forward.LOGITS_AT_ONCE):
                yield group
                group = []
            group.append((row, c))
        if group:
            yield group

    for group in groups():
        scores = forward.score(
            loaded.model,
            read,
            [row for row, _ in group],
            [questions[row].candidates[c] for row, c in group],
        )
        for (row, c), value in zip(group, scores, strict=True):
            results[row][c] = value
    return results


_NOTHING = forward.TokenScores([], [], [], [])


def _stopper(pieces: Pieces, rules: Mapping[str, Any]) -> Callable[[list[int]], bool]:
    """Say when no more text is needed of an answer.

    With a stop string, when the text holds it, not at its very start (where it cuts nothing). Else when nothing that
    may follow changes what the regular expression takes, and the line is at its end: scoring looks at the whole line
    to say whether the right answer stood in it.
    """
    stop, pattern = rules.get("stop_string"), rules.get("output_regex")
    if not stop and not pattern:
        return lambda tokens: False  # noqa: ARG005
    last = stop[-1] if stop else "\n"

    def is_done(tokens: list[int]) -> bool:
        if last not in pieces[tokens[-1]] and "\ufffd" not in pieces[tokens[-1]]:
            return False  # cheaper than to decode at every token
        text = pieces.decode(tokens)
        return text.find(stop) > 0 if stop else is_settled(text, str(pattern))

    return is_done


def _extractions(
    frame: pl.DataFrame,
    asked: Sequence[Asked],
    questions: Sequence[Question],
    scored: Mapping[int, Sequence[forward.TokenScores]],
) -> pl.DataFrame:
    choices = [set(texts or ()) for texts in frame["choices"].to_list()]
    rows = [(i, c) for i, one in enumerate(asked) for c in range(len(one.candidates))]
    scores = [scored[i][c] for i, c in rows]
    owner = pl.Series([i for i, _ in rows], dtype=pl.UInt32)
    columns: dict[str, Any] = {
        "subtask": frame["subtask"].gather(owner),
        "example_id": frame["example_id"].gather(owner),
        "candidate": [asked[i].candidates[c] for i, c in rows],
        "is_target": [c < asked[i].n_targets for i, c in rows],
        "is_choice": [asked[i].candidates[c] in choices[i] for i, c in rows],
        "token_ids": [questions[i].candidates[c] for i, c in rows],
        **{field: [getattr(score, field) for score in scores] for field in forward.TokenScores._fields},
    }
    return _table(columns, EXTRACTIONS)


def _generations(
    frame: pl.DataFrame,
    questions: Sequence[Question],
    answered: Sequence[forward.Greedy],
    loaded: Loaded,
    pieces: Pieces,
) -> pl.DataFrame:
    texts = [pieces.decode(greedy.token_ids) for greedy in answered]
    spans: list[list[int]] = []
    for start in range(0, len(texts), _TOKENISED_AT_ONCE):
        some = slice(start, start + _TOKENISED_AT_ONCE)
        tails = [len(q.prompt_tail) for q in questions[some]]
        spans += answer_spans(loaded.tokenizer, frame["prompt"][some].to_list(), texts[some], tails)
    ends = []
    for span, text in zip(spans, texts, strict=True):
        reach = pieces.ends(span)
        merged = reach[-1] - len(text) if reach else 0  # characters of the prompt that the span's first token holds
        ends.append([max(0, end - merged) for end in reach])
    columns: dict[str, Any] = {
        "subtask": frame["subtask"],
        "example_id": frame["example_id"],
        "token_ids": [greedy.token_ids for greedy in answered],
        "text": texts,
        "span_ids": spans,
        "span_ends": ends,
        "finish_reason": [greedy.finish_reason for greedy in answered],
        "logprob_nats": [greedy.logprob_nats for greedy in answered],
    }
    return _table(columns, GENERATIONS)


def _table(columns: Mapping[str, Any], table: Table) -> pl.DataFrame:
    """Build a frame; its lists by way of Arrow, which takes lists of lists several times faster."""
    arrow = {
        name: pl.Series(pa.array(values, pa.large_list(_ARROW[name]))) if name in _ARROW else values
        for name, values in columns.items()
    }
    return pl.DataFrame(arrow, schema=dict(table.columns))


_IDS, _NATS = pa.int32(), pa.float32()
_ARROW = {
    **dict.fromkeys(("token_ids", "argmax_ids", "span_ids", "span_ends"), _IDS),
    **dict.fromkeys(("logprob_nats", "best_other_logprob_nats", "entropy_nats"), _NATS),
}
