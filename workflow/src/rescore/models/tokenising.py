"""Where the prompt ends and the answer begins, in tokens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rescore.models.vocabulary import Vocabulary
from rescore.tables import InputError

TOKENISED_AT_ONCE = 512
"""Examples whose texts and tokens are held at once."""


class Asked(NamedTuple):
    """One example as text."""

    prompt: str
    shorter: Sequence[str]  # the prompt with ever fewer solved examples, for a window that is too small
    candidates: Sequence[str]  # targets, then choices, each text once
    n_targets: int  # how many of the candidates, the first ones, are targets
    name: str = "a question"  # for messages


@dataclass(frozen=True, kw_only=True)
class Question:
    """One example as tokens.

    The rule: the answer spans of a question begin where the tokens of the prompt alone and those of prompt + candidate
    first differ, at the candidate that differs first. Where the vocabulary does not merge across the boundary, a span
    is the candidate's own tokens. Where it does (a prompt that ends in a space, and a vocabulary whose words begin with
    one) the space is part of all answers, so that all are likelihoods of what follows the same tokens:

        prompt             A : _            context      A :
        prompt + "house"   A : _house       answer span  _house
        prompt + "16"      A : _ 1 6        answer span  _ 1 6
                           ^^^ shared by all

    There it agrees with lm-evaluation-harness, which always moves a prompt's trailing white space to the answers. Where
    nothing merges, the harness's log-likelihoods include that white space and ours do not.
    """

    context: list[int]  # what the prompt and every prompt + candidate begin with; never empty
    prompt_tail: list[int]  # the prompt's own tokens after the context; mostly none
    candidates: list[list[int]]  # by candidate, its tokens after the context: the answer span
    limit: int  # of tokens of the greedy answer
    is_cut: bool  # whether it lost solved examples, and then its left end, to fit the model's window
    name: str = "a question"  # for messages


def encode(vocabulary: Vocabulary, asked: Sequence[Asked], *, window: int, reserve: int) -> list[Question]:
    """Tokenise examples for a model that can look at `window` tokens.

    The greedy answer may take `reserve` tokens; more where the longest target has as many: one more than it has.
    Raises InputError where the window has no room for the answer and a token of the prompt.
    """
    questions: list[Question] = []
    ids: dict[str, list[int]] = {}
    for at, one in enumerate(asked):
        if at % TOKENISED_AT_ONCE == 0:
            some = asked[at : at + TOKENISED_AT_ONCE]
            ids = vocabulary.ids(text for other in some for text in _texts(other.prompt, other.candidates))
        found = _cut(vocabulary, one.prompt, one, ids)
        is_cut = False
        for prompt in one.shorter:
            if found.longest(reserve) <= window:
                break
            found = _cut(vocabulary, prompt, one, vocabulary.ids(_texts(prompt, one.candidates)))
            is_cut = True
        head, end = vocabulary.kept(found.context)
        longest = found.longest(reserve)
        dropped = max(0, longest - window)
        if dropped > max(0, len(found.context) - head - end):
            raise InputError(
                f"{one.name}: an answer of up to {longest - len(found.context)} tokens, with reasoning before it if "
                f"the suite asks for that, leaves no room for its prompt in the model's window of {window}; lower "
                "extract.max_new_tokens, or reasoning_tokens in the suite, or leave the task out for this model"
            )
        questions.append(
            Question(
                context=found.context[:head] + found.context[head + dropped :],
                prompt_tail=found.prompt_tail,
                candidates=found.candidates,
                limit=max(reserve, found.longest_target),
                is_cut=is_cut or dropped > 0,
                name=one.name,
            )
        )
    return questions


def answer_spans(
    vocabulary: Vocabulary, prompts: Sequence[str], answers: Sequence[str], tails: Sequence[int]
) -> list[list[int]]:
    """Tokens of answers, cut from those of prompt + answer where the question's candidates are cut (see `Question`).

    `tails` says how many of a prompt's last tokens are not in the context.
    """
    asked = list(zip(prompts, answers, tails, strict=True))
    spans: list[list[int]] = []
    ids: dict[str, list[int]] = {}
    for at, (prompt, answer, tail) in enumerate(asked):
        if at % TOKENISED_AT_ONCE == 0:
            some = asked[at : at + TOKENISED_AT_ONCE]
            ids = vocabulary.ids(text for first, then, _ in some for text in (first, first + then))
        alone, whole = ids[prompt], ids[prompt + answer]
        spans.append(whole[min(len(alone) - tail, n_shared(alone, whole)) :])
    return spans


@dataclass(frozen=True)
class _Cut:
    """Prompt and candidates as tokens, cut apart; `longest_target` is the length of the longest target plus one."""

    context: list[int]
    prompt_tail: list[int]
    candidates: list[list[int]]
    longest_target: int

    def longest(self, reserve: int) -> int:
        """Tokens of the longest sequence that has to fit the window."""
        answer = len(self.prompt_tail) + max(reserve, self.longest_target)
        return len(self.context) + max([answer, *map(len, self.candidates)])


def _cut(vocabulary: Vocabulary, prompt: str, asked: Asked, ids: Mapping[str, list[int]]) -> _Cut:
    prompt_ids = ids[prompt]
    wholes = [ids[prompt + candidate] for candidate in asked.candidates]
    if not prompt_ids:  # the first token needs one before it, as in lm-evaluation-harness
        bos, eos = vocabulary.tokenizer.bos_token_id, vocabulary.tokenizer.eos_token_id
        first = bos if bos is not None else eos
        if first is None:
            raise InputError(
                f"{asked.name}: its prompt is empty, and the tokenizer has neither a BOS nor an EOS token to begin with"
            )
        vocabulary.check([first])
        prompt_ids = [first]
        wholes = [whole if whole[:1] == [first] else [first, *whole] for whole in wholes]
    shared = [n_shared(prompt_ids, whole) for whole in wholes]
    context = max(1, min([len(prompt_ids), *shared]))
    spans = [whole[n:] for whole, n in zip(wholes[: asked.n_targets], shared, strict=False)]  # behind the prompt
    return _Cut(
        context=prompt_ids[:context],
        prompt_tail=prompt_ids[context:],
        candidates=[whole[context:] for whole in wholes],
        longest_target=max(map(len, spans), default=-1) + 1,
    )


def _texts(prompt: str, candidates: Iterable[str]) -> list[str]:
    return [prompt, *(prompt + candidate for candidate in candidates)]


def n_shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:  # mostly so, and much faster to see
        return n
    return next(n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
