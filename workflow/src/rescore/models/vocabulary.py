"""A model's tokenizer that remembers texts it has tokenised."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate

from transformers import PreTrainedTokenizerBase

from rescore.tables import InputError

KEPT_TOKENS = 2**23
"""Tokens of texts that are kept: 32 MiB, plus the texts."""


class Vocabulary:
    """Turns texts into tokens and tokens into texts, each once.

    Models of a ladder mostly have the same tokenizer and are asked the same questions: `of` returns the same object for
    such models, one after the other in a process.

    Parameters
    ----------
    n_embedded
        How many tokens the model has an embedding for.
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

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, n_embedded: int) -> "Vocabulary":
        """Return the object of the last model if its tokenizer was the same, else a new one.

        Embeddings are mostly longer than the vocabulary, by a number that differs between sizes: only one that is
        shorter makes a difference.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in pure Python cannot be compared
            return cls(tokenizer, n_embedded)
        options = {k: v for k, v in tokenizer.init_kwargs.items() if tokenizer.name_or_path not in str(v)}
        n_used = min(n_embedded, max(tokenizer.get_vocab().values(), default=-1) + 1)
        template = getattr(tokenizer, "chat_template", None)
        settings = repr((type(tokenizer), tokenizer.special_tokens_map, options, template, n_used))
        key = hashlib.sha256((backend.to_str() + settings).encode()).hexdigest()
        if cls._last is None or cls._last[0] != key:
            cls._last = key, cls(tokenizer, n_used)
        return cls._last[1]

    def ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Tokens of each text, all in one call; without the EOS that some tokenizers add to every text.

        Raises
        ------
        InputError
            The tokenizer cannot read a text, or returns a token that the model has no embedding for.
        """
        distinct = list(dict.fromkeys(texts))
        new = [text for text in distinct if text not in self._ids]
        found: dict[str, list[int]] = dict(zip(new, self._tokenised(new), strict=True)) if new else {}
        for text, ids in found.items():
            self.check(ids)
            if ids and ids[-1] == self.tokenizer.eos_token_id and not text.endswith(str(self.tokenizer.eos_token)):
                found[text] = ids[:-1]
            if self._n_kept + len(ids) <= KEPT_TOKENS:
                self._ids[text] = array("i", found[text])
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
        ids: list[list[int]] = self.tokenizer(texts)["input_ids"]
        return ids

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
        """Text of a sequence of tokens."""
        return str(self.tokenizer.decode(list(tokens)))

    def piece(self, token: int) -> str:
        """Text of a single token."""
        if token not in self._texts:
            self._texts[token] = self.decode([token])
        return self._texts[token]

    def ends(self, tokens: Sequence[int]) -> list[int]:
        """By token, how many characters the text has up to and including it.

        Where the texts of single tokens join to the text, their lengths add up. Elsewhere (a vocabulary that strips the
        first space, characters of several tokens) every prefix of the tokens is decoded.
        """
        pieces = [self.piece(token) for token in tokens]
        if "".join(pieces) == self.decode(tokens):
            return list(accumulate(map(len, pieces)))
        return [len(self.decode(tokens[: n + 1])) for n in range(len(tokens))]
