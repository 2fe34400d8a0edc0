"""The questions that the shipped ladder is trained on, written as BIG-bench writes its prompts.

Bare, with the choices listed (numbers only), and few-shot, so that the ladder can be run on the official prompts of
`arithmetic` and `unnatural_in_context_learning`. A test question is never drawn: see `rescore.train.exclusion`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from operator import add, mul, sub

import numpy as np

from rescore.train.exclusion import canonical, held_out, held_out_sum

LETTERS = "abcdefghijklmnopqrstuvwxyz"
COPIED_LETTERS = "abcdefgh"
"""The letters of BIG-bench's `identity`: lists of these alone are copied, all others reversed. The
zero-shot prompts are the same, so nothing else tells the two apart."""
LENGTHS = range(3, 9)
MODULI = (5, 7, 9, 11)
SWAPS = (1, 2, 3, 4)
SWAPPED_LETTERS = 4
SEPARATOR = "\n"
"""Stands between the examples of a few-shot prompt: BIG-bench's default."""
TEMPLATES = (
    "\nQ: What is ", " plus ", " minus ", " times ", "?\n  choice: ", "?\n  choice: banana", "?\n  choice: house",
    "\n  choice: ", "\n  choice: banana", "\n  choice: house", "\nA: ", "?\nA: ", "Input: ", "\nOutput: ", ", ",
    "Sort: ", "\nSorted: ", "Reverse: ", "\nReversed: ", "Compute: ", " + ", " mod ", "\nResult: ",
    "Swap: ", "\nSwapped: ",
)  # fmt: skip
"""The pieces of prompts that are one token each; none can begin inside a prompt and end inside its answer, nor the
other way round."""


@dataclass(frozen=True)
class Question:
    """A prompt and its right answer."""

    question: str  # the question itself, as a task.json gives it in `input`
    prompt: str  # the question in its template, up to where the answer begins
    answer: str


@dataclass(frozen=True)
class Style:
    """What a question varies: how many digits, letters or swaps, or the modulus; and whether choices are listed."""

    length: int
    listed: bool


Maker = Callable[[np.random.Generator, Style], Question]


def draw(
    kind: str,
    *,
    n: int,
    rng: np.random.Generator,
    excluded: Collection[str] = frozenset(),
    shots: int = 0,
    listed: bool = True,
) -> list[tuple[Question, ...]]:
    r"""Draw about `n` training questions of one kind and one length, as the sequences in which they are asked.

    In a sequence, `shots` examples with their answers come before the last question, and each prompt continues the text
    before it. None of the canonical questions in `excluded` (`rescore.train.exclusion.read_questions`) is drawn. With
    `listed`, questions about numbers list choices, as BIG-bench's `arithmetic` does.

    >>> [(first, second)] = draw("letter_sorting", n=2, rng=np.random.default_rng(0), shots=1)
    >>> first.prompt + first.answer + second.prompt, second.answer
    ('Sort: teklzcyg\nSorted: cegkltyz\nSort: esczvhul\nSorted: ', 'cehlsuvz')
    """
    lengths, make = _KINDS[kind]
    length = int(rng.choice(lengths))
    style = Style(length, listed=listed)
    sequences = []
    for _ in range(max(1, n // (shots + 1))):
        asked: list[Question] = []
        while len(asked) < shots + 1:
            question = make(rng, style)
            if canonical(question.question) not in excluded:
                asked.append(replace(question, prompt=SEPARATOR * bool(asked) + question.prompt))
        sequences.append(tuple(asked))
    return sequences


def letters(rng: np.random.Generator, length: int, *, sort: bool, test: bool) -> Question:
    """Draw a string of distinct letters, from the test or the training side of the split, to sort or to reverse."""
    string = "".join(LETTERS[i] for i in rng.permutation(len(LETTERS))[:length])
    while held_out(string) != test:
        string = "".join(LETTERS[i] for i in rng.permutation(len(LETTERS))[:length])
    if sort:
        return Question(string, f"Sort: {string}\nSorted: ", "".join(sorted(string)))
    return Question(string, f"Reverse: {string}\nReversed: ", string[::-1])


def modular_sum(rng: np.random.Generator, modulus: int, *, test: bool) -> Question:
    """Draw two numbers of two digits, from the test or the training side of the split, to add modulo a small number."""
    a, b = (_number(rng, 2) for _ in range(2))
    while held_out_sum(a, b) != test:
        a, b = (_number(rng, 2) for _ in range(2))
    question = f"{a} + {b} mod {modulus}"
    return Question(question, f"Compute: {question}\nResult: ", str((a + b) % modulus))


def swapped_letters(rng: np.random.Generator, steps: int, *, test: bool) -> Question:
    """Draw a string of four distinct letters, and pairs of its places to swap; no step undoes the one before it."""
    string = letters(rng, SWAPPED_LETTERS, sort=False, test=test).question
    places, pairs = list(string), [(i, j) for j in range(SWAPPED_LETTERS) for i in range(j)]
    asked = [string]
    for _ in range(steps):
        i, j = pairs[rng.integers(len(pairs))]
        while asked[-1] == f"{i + 1}-{j + 1}":
            i, j = pairs[rng.integers(len(pairs))]
        places[i], places[j] = places[j], places[i]
        asked.append(f"{i + 1}-{j + 1}")
    question = ", ".join(asked)
    return Question(question, f"Swap: {question}\nSwapped: ", "".join(places))


def _arithmetic(word: str, operation: Callable[[int, int], int]) -> Maker:
    def make(rng: np.random.Generator, style: Style) -> Question:
        """Two numbers of `length` digits (in 3 of 10 one has fewer), and, if listed, the choices BIG-bench lists.

        Its choices are two numbers as long as the answer, one two digits shorter (one digit at least), one two
        digits longer, "banana", "house" and the answer; in the prompt they stand in random order.
        """
        shorter = int(rng.integers(1, style.length)) if rng.random() < 0.3 else style.length
        operands = [_number(rng, style.length), _number(rng, shorter)]
        if rng.random() < 0.5:
            operands.reverse()
        answer = str(operation(*operands))
        question = f"What is {operands[0]} {word} {operands[1]}?"
        listed = ""
        if style.listed:
            size = len(answer)
            numbers = [_number(rng, digits) for digits in (size, size, max(1, size - 2), size + 2)]
            choices = sorted({"banana", "house", answer, *map(str, numbers)})
            listed = "".join(f"\n  choice: {choices[i]}" for i in rng.permutation(len(choices)))
        return Question(question, f"\nQ: {question}{listed}\nA: ", answer)

    return make


def _reversed_list(rng: np.random.Generator, style: Style) -> Question:
    """A comma-separated list of letters, not all from a to h, to be reversed."""
    drawn = _pick(rng, LETTERS, style.length)
    while set(drawn) <= set(COPIED_LETTERS):
        drawn = _pick(rng, LETTERS, style.length)
    return _list(drawn, drawn[::-1])


def _copied_list(rng: np.random.Generator, style: Style) -> Question:
    """A comma-separated list of letters from a to h, to be copied."""
    drawn = _pick(rng, COPIED_LETTERS, style.length)
    return _list(drawn, drawn)


def _dates(rng: np.random.Generator, style: Style) -> Question:
    """Three numbers A-B-C, to be written !B!C!A!."""
    a, b, c = (_number(rng, style.length) for _ in range(3))
    question = f"{a}-{b}-{c}"
    return Question(question, f"Input: {question}\nOutput: ", f"!{b}!{c}!{a}!")


_KINDS: dict[str, tuple[tuple[int, ...], Maker]] = {
    "addition": ((2, 3, 4, 5), _arithmetic("plus", add)),
    "subtraction": ((2, 3, 4, 5), _arithmetic("minus", sub)),
    "multiplication": ((2,), _arithmetic("times", mul)),
    "list_reversal": ((5,), _reversed_list),
    "list_copying": ((4, 5, 6), _copied_list),
    "dates": ((5,), _dates),
    "letter_sorting": (tuple(LENGTHS), lambda rng, style: letters(rng, style.length, sort=True, test=False)),
    "letter_reversal": (tuple(LENGTHS), lambda rng, style: letters(rng, style.length, sort=False, test=False)),
    "modular_addition": (MODULI, lambda rng, style: modular_sum(rng, style.length, test=False)),
    "letter_swaps": (SWAPS, lambda rng, style: swapped_letters(rng, style.length, test=False)),
}
KINDS = tuple(_KINDS)
"""What a training mixture may weigh."""


def _list(drawn: str, answer: str) -> Question:
    return Question(", ".join(drawn), f"Input: {', '.join(drawn)}\nOutput: ", ", ".join(answer))


def _pick(rng: np.random.Generator, alphabet: str, length: int) -> str:
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=length))


def _number(rng: np.random.Generator, digits: int) -> int:
    """Return a number of that many digits, none more likely than another; 0 is a number of one digit."""
    return int(rng.integers(10 ** (digits - 1) if digits > 1 else 0, 10**digits))
