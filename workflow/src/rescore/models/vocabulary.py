"""A model's tokenizer that remembers texts and tasks it has tokenised."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from transformers import PreTrainedTokenizerBase

from rescore.tables import InputError

KEPT_TOKENS = 2**22
"""Tokens of texts and tasks that are kept: 64 bytes each with the texts, 260 MiB in all, where questions are short."""
_IDS_ALONE = {"return_attention_mask": False, "return_token_type_ids": False}


class Vocabulary:
    """Turns texts into tokens and tokens into texts, each once; the model has embeddings for `n_embedded` tokens.

    Models of a ladder mostly have the same tokenizer and are asked the same questions: `of` returns the same object for
    such models, one after the other in a process.
    """

    _last: "tuple[str, Vocabulary] | None" = None
    opening = ""
    """Text that stands between every prompt and its answer."""
    space = ""
    """What a model writes before its answer, and is no part of it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, n_embedded: int = 2**31) -> None:
        self.tokenizer = tokenizer
        self.n_embedded = n_embedded
        self._texts: dict[int, str] = {}
        self._ids: dict[str, array[int]] = {}
        self._n_kept = 0
        self._n_behind: int | None = None  # tokens that the tokenizer puts behind a text: EOS, or another as BERT's
        self.tasks: dict[str, Any] = {}

    def keep(self, key: str, task: object, n_tokens: int) -> None:
        """Put a task, as this tokenizer reads it, into `tasks` for the next model; not where there is no more room.

        Its texts make room for it: nobody asks for them again.
        """
        self._n_kept -= sum(map(len, self._ids.values()))
        self._ids.clear()
        if self._n_kept + n_tokens <= KEPT_TOKENS:
            self.tasks[key] = task
            self._n_kept += n_tokens

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, n_embedded: int) -> "Vocabulary":
        """Return the object of the last model if its tokenizer was the same, else a new one."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in pure Python cannot be compared
            return cls(tokenizer, n_embedded)
        options = {k: v for k, v in tokenizer.init_kwargs.items() if tokenizer.name_or_path not in str(v)}
        # embeddings are mostly longer than the vocabulary, by a number that differs between sizes
        n_used = min(n_embedded, max(tokenizer.get_vocab().values(), default=-1) + 1)
        template = getattr(tokenizer, "chat_template", None)
        settings = repr((type(tokenizer), tokenizer.special_tokens_map, options, template, n_used))
        key = hashlib.sha256((backend.to_str() + settings).encode()).hexdigest()
        if cls._last is None or cls._last[0] != key:
            cls._last = key, cls(tokenizer, n_used)
        return cls._last[1]

    def ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Tokens of each text, all in one call; without those that some tokenizers put behind every text.

        Raises InputError where the tokenizer cannot read a text, or the model has no embedding for a token of it.
        """
        distinct = list(dict.fromkeys(texts))
        new = [text for text in distinct if text not in self._ids]
        found: dict[str, list[int]] = dict(zip(new, self._tokenised(new), strict=True)) if new else {}
        for text, ids in found.items():
            self.check(ids)
            if self._n_kept + len(ids) <= KEPT_TOKENS:
                self._ids[text] = array("i", ids)
                self._n_kept += len(ids)
        return {text: found[text] if text in found else self._ids[text].tolist() for text in distinct}

    def plain(self, text: str) -> list[int]:
        """Tokens of one text alone, without a BOS or EOS around it; raises as `ids` does, and keeps nothing."""
        try:
            ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        except Exception as error:  # as below
            raise self._unreadable(error) from error
        self.check(ids)
        return ids

    def check(self, ids: Sequence[int]) -> None:
        """Refuse tokens that the model has no embedding for: on a GPU they would end the whole process."""
        if max(ids, default=-1) >= self.n_embedded:
            token = max(ids)
            raise InputError(
                f"its tokenizer gives {self.tokenizer.convert_ids_to_tokens(token)!r} the id {token}, and the model "
                f"has embeddings for {self.n_embedded} tokens; add none without resizing the embeddings, or take the "
                "tokenizer that the model was trained with"
            )

    def _tokenised(self, texts: list[str]) -> list[list[int]]:
        try:
            return self._encoded(texts)
        except Exception as error:  # the library has no narrower one for a vocabulary without an unknown token
            raise self._unreadable(error) from error

    @staticmethod
    def _unreadable(error: Exception) -> InputError:
        return InputError(f"its tokenizer cannot read a text: {' '.join(str(error).split())[:200]}")

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        if self._n_behind is None:
            self._n_behind = self._count_behind(texts)
        ids: list[list[int]] = self.tokenizer(texts, **_IDS_ALONE)["input_ids"]
        return [one[: len(one) - self._n_behind] for one in ids] if self._n_behind else ids

    def _count_behind(self, texts: list[str]) -> int | None:
        """Count the tokens behind the first text that has tokens of its own; None where no text has any."""
        special = frozenset(self.tokenizer.all_special_ids)
        for text in texts:
            bare, whole = (self.tokenizer(text, add_special_tokens=added)["input_ids"] for added in (False, True))
            if bare and bare[-1] not in special:
                behind = (n for n in range(len(whole)) if whole[len(whole) - n - len(bare) : len(whole) - n] == bare)
                return next(behind, 0)
        return None

    def form(self, prompt: str) -> str:
        """Put a prompt as the model reads it: as it is."""
        return prompt

    def inert(self, answer: str) -> str:
        """Put an answer as the model reads it after a prompt: as it is."""
        return answer

    def kept(self, context: Sequence[int]) -> tuple[int, int]:
        """Count the tokens at a context's beginning and end that stay where it is cut to the window."""
        special = frozenset(self.tokenizer.all_special_ids)
        return next((n for n, token in enumerate(context) if token not in special), len(context)), 1

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of a sequence of tokens, as they stand: some tokenizers would take spaces before punctuation out."""
        return str(self.tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))

    def piece(self, token: int) -> str:
        """Text of a single token."""
        if token not in self._texts:
            self._texts[token] = self.decode([token])
        return self._texts[token]

    def ends(self, tokens: Sequence[int]) -> list[int]:
        """By token, how many characters the text has up to and including it."""
        pieces = [self.piece(token) for token in tokens]
        if "".join(pieces) == self.decode(tokens):
            return list(accumulate(map(len, pieces)))
        # a vocabulary that strips the first space, or characters of several tokens
        return [len(self.decode(tokens[: n + 1])) for n in range(len(tokens))]
