"""Where the prompt ends and the answer begins, in tokens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from rescore.schema import InputError


class Asked(NamedTuple):
    """One example in text.

    Attributes
    ----------
    prompt
        The whole prompt.
    shorter
        The same with ever fewer solved examples in front, to be used where the window is too small.
    candidates
        Targets, then choices; no text twice.
    n_targets
        How many of the candidates, the first ones, are targets.
    """

    prompt: str
    shorter: Sequence[str]
    candidates: Sequence[str]
    n_targets: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """One example in tokens.

    Attributes
    ----------
    context
        Tokens that the prompt and every prompt + candidate begin with; never empty.
    prompt_tail
        What is left of the prompt's own tokens behind the context; mostly nothing.
    candidates
        By candidate, its tokens behind the context.
    starts
        By candidate, how many of those still belong to the prompt; from there on the answer span begins.
    limit
        How many tokens the greedy answer may take.
    is_cut
        Whether the prompt lost solved examples, and where that was not enough its left, to fit the model's window.

    Notes
    -----
    The rule: a candidate's answer span is what is left of the tokens of prompt + candidate behind those it shares with
    the tokens of the prompt alone. Where the vocabulary does not merge across the boundary, the span is the candidate's
    own tokens. Where it does (a prompt that ends in a space, and a vocabulary whose words begin with one) the merged
    token, which only the candidate could have brought, is scored as part of the answer; that is also where
    lm-evaluation-harness cuts, which moves a prompt's trailing spaces to the answer.

        prompt            A : _            context      A :
        prompt + "166"    A : _166         answer span  _166
                          ^^^ shared
    """

    context: list[int]
    prompt_tail: list[int]
    candidates: list[list[int]]
    starts: list[int]
    limit: int
    is_cut: bool


def encode(tokenizer: PreTrainedTokenizerBase, asked: Sequence[Asked], *, window: int, reserve: int) -> list[Question]:
    """Tokenise examples.

    Parameters
    ----------
    tokenizer
        The model's own; its special tokens at the beginning are kept, one it adds at the end is not.
    asked
        The examples.
    window
        How many tokens the model can look at.
    reserve
        How many tokens the greedy answer may take at least; one more than the longest target has, where that is more.

    Raises
    ------
    InputError
        The window has no room for the answer and a token of the prompt.
    """
    ids = _ids(tokenizer, (text for one in asked for text in _texts(one.prompt, one.candidates)))
    special = frozenset(tokenizer.all_special_ids)
    questions = []
    for one in asked:
        found = _cut(tokenizer, one.prompt, one, ids)
        is_cut = False
        for prompt in one.shorter:
            if found.longest(reserve) <= window:
                break
            found = _cut(tokenizer, prompt, one, _ids(tokenizer, _texts(prompt, one.candidates)))
            is_cut = True
        head = next((n for n, token in enumerate(found.context) if token not in special), len(found.context))
        longest = found.longest(reserve)
        dropped = max(0, longest - window)
        if dropped > max(0, len(found.context) - head - 1):
            raise InputError(
                f"an answer of up to {longest - len(found.context)} tokens leaves no room for its prompt in the "
                f"model's window of {window}; lower extract.max_new_tokens, or leave the task out for this model"
            )
        questions.append(
            Question(
                context=found.context[:head] + found.context[head + dropped :],
                prompt_tail=found.prompt_tail,
                candidates=found.candidates,
                starts=found.starts,
                limit=max(reserve, found.longest_target),
                is_cut=is_cut or dropped > 0,
            )
        )
    return questions


def answer_spans(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], answers: Sequence[str]) -> list[list[int]]:
    """Tokens of answers, cut from those of prompt + answer by the rule that cuts a candidate's (see `Question`)."""
    pairs = list(zip(prompts, answers, strict=True))
    ids = _ids(tokenizer, (text for prompt, answer in pairs for text in (prompt, prompt + answer)))
    return [ids[p + answer][_n_shared(ids[p], ids[p + answer]) :] for p, answer in pairs]


@dataclass(frozen=True)
class _Cut:
    """Prompt and candidates in tokens, cut apart; `longest_target` is the most that a right answer takes, and one."""

    context: list[int]
    prompt_tail: list[int]
    candidates: list[list[int]]
    starts: list[int]
    longest_target: int

    def longest(self, reserve: int) -> int:
        """Tokens of the longest sequence that has to fit the window."""
        answer = len(self.prompt_tail) + max(reserve, self.longest_target)
        return len(self.context) + max([answer, *map(len, self.candidates)])


def _cut(tokenizer: PreTrainedTokenizerBase, prompt: str, asked: Asked, ids: Mapping[str, list[int]]) -> _Cut:
    prompt_ids = ids[prompt]
    wholes = [ids[prompt + candidate] for candidate in asked.candidates]
    if not prompt_ids:  # something must be looked at before the first token; as lm-evaluation-harness does
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if first is None:
            raise InputError("a prompt is empty, and the tokenizer has neither a BOS nor an EOS token to begin with")
        prompt_ids = [first]
        wholes = [whole if whole[:1] == [first] else [first, *whole] for whole in wholes]
    shared = [_n_shared(prompt_ids, whole) for whole in wholes]
    context = max(1, min([len(prompt_ids), *shared]))
    spans = (len(whole) - n + 1 for whole, n in zip(wholes[: asked.n_targets], shared, strict=False))
    return _Cut(
        context=prompt_ids[:context],
        prompt_tail=prompt_ids[context:],
        candidates=[whole[context:] for whole in wholes],
        starts=[max(0, n - context) for n in shared],
        longest_target=max(spans, default=0),
    )


def _texts(prompt: str, candidates: Iterable[str]) -> list[str]:
    return [prompt, *(prompt + candidate for candidate in candidates)]


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> dict[str, list[int]]:
    """Tokens of each text, all texts in one call; without the EOS that some tokenizers end every text with."""
    distinct = list(dict.fromkeys(texts))
    found: dict[str, list[int]] = dict(zip(distinct, tokenizer(distinct)["input_ids"], strict=True)) if distinct else {}
    for text, ids in found.items():
        if ids and ids[-1] == tokenizer.eos_token_id and not text.endswith(str(tokenizer.eos_token)):
            found[text] = ids[:-1]
    return found


def _n_shared(a: Sequence[int], b: Sequence[int]) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
