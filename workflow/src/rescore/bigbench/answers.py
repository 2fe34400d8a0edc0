"""From the greedy continuation to the answer that is compared with the targets."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl
import regex

TIME_LIMIT_S = 1.0
_compiled = cache(regex.compile)  # the library's own cache takes longer to ask than a short text to search


class Answer(NamedTuple):
    """An answer and where it stands in the continuation, in characters."""

    text: str
    start: int
    end: int


def post_process(text: str, *, stop_string: str | None, output_regex: str | None) -> Answer:
    r"""Cut an answer out of a continuation as the reference does (`postprocess_output` in `models/model_utils.py`).

    The text is cut after the first stop string, unless that stands at the very start. Then the first match of the
    regular expression is taken: its group where it has one, the empty string where there is no match.

    Raises
    ------
    TimeoutError
        The expression, which comes with the task and is not trusted, ran longer than a second.

    Examples
    --------
    >>> post_process(" 42 or so. Or 43", stop_string=None, output_regex=r"\d+")
    Answer(text='42', start=1, end=3)
    >>> post_process("e, l, a\nInput: b", stop_string="\n", output_regex=r"[^\n]+").text
    'e, l, a'
    """
    if stop_string:
        at = text.find(stop_string)
        if at > 0:
            text = text[: at + len(stop_string)]
    if not output_regex:
        return Answer(text, 0, len(text))
    try:
        match = _compiled(output_regex).search(text, timeout=TIME_LIMIT_S)
    except TimeoutError as error:
        raise TimeoutError(f"output_regex ran longer than {TIME_LIMIT_S:g} s on {len(text)} characters") from error
    group = 1 if match and match.re.groups else 0
    if match is None or match[group] is None:
        return Answer("", 0, 0)
    return Answer(match[group], *match.span(group))


def is_settled(text: str, output_regex: str) -> bool:
    r"""Whether the answer's line has ended and nothing that may follow the text can change the answer.

    The expression's first match is final where neither it nor an attempt at an earlier place reached the end of the
    text. Expressions that look around or ask for the end are never taken as settled.

    Examples
    --------
    >>> is_settled("42", r"\d+"), is_settled("42 is", r"\d+"), is_settled("42 is\n", r"\d+")
    (False, False, True)
    """
    if _LOOKS_AROUND.search(output_regex):
        return False
    try:
        match = regex.search(output_regex, text, timeout=TIME_LIMIT_S)
        if match is None or "\n" not in text[match.end() :]:
            return False
        reach = (
            regex.fullmatch(output_regex, text, pos=at, partial=True, timeout=TIME_LIMIT_S)
            for at in range(match.start() + 1)
        )
        return not any(reach)
    except TimeoutError:
        return False  # `post_process` will report it


_LOOKS_AROUND = regex.compile(r"[$]|\\[bBZzGKmMA]|\(\?")


def answers(generations: pl.DataFrame, settings: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Post-process the greedy continuations of one task.

    `generations` is the table GENERATIONS with `model`; `settings` are by subtask, as `rescore.bigbench.settings`
    returns them.

    Returns
    -------
    polars.DataFrame
        model, subtask, example_id, answer, answer_token_ids (those of the span that hold a character of the answer, or
        a part of one), reason (why both are null: the expression hit its time limit).
    """
    texts = generations.select("subtask", "text", "span_ends").iter_rows()
    told = pl.DataFrame([_told(settings[s], text, ends) for s, text, ends in texts], schema=_TOLD, orient="row")
    return (
        generations.select("model", "subtask", "example_id", "span_ids")
        .hstack(told)
        .select(
            *("model", "subtask", "example_id", "answer"),
            answer_token_ids=pl.col("span_ids").list.slice("first_token", "n_tokens"),
            reason="reason",
        )
    )


_TOLD = {"answer": pl.String, "first_token": pl.Int64, "n_tokens": pl.Int64, "reason": pl.String}


def _told(rules: Mapping[str, Any], text: str, ends: Sequence[int]) -> tuple[str | None, int | None, int, str | None]:
    """Return the columns `_TOLD` of one continuation."""
    try:
        answer = post_process(text, stop_string=rules["stop_string"], output_regex=rules["output_regex"])
    except TimeoutError as error:
        return None, None, 0, str(error)
    held = _held(answer, ends)
    return answer.text, held.start, len(held), None


def _held(answer: Answer, ends: Sequence[int]) -> range:
    """Tokens that hold a character of the answer, or bytes of one.

    A character of several tokens reads as one or more replacement characters until its last byte, so a token may make
    the text shorter. Each token's reach is therefore cut to that of all later tokens, and a token that reaches no
    further than the one before it completes the character there.
    """
    if not answer.text:
        return range(0)
    reach = list(accumulate(reversed(ends), min))[::-1]
    first, last = bisect_right(reach, answer.start), bisect_left(reach, answer.end)
    return range(first, min(max(last + 1, bisect_right(reach, answer.end)), len(reach)))
