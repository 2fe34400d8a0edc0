"""A model's tokenizer, which tokenises no text twice."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate

from transformers import PreTrainedTokenizerBase

KEPT_TOKENS = 2**23
"""Tokens of texts that are kept: 32 MiB, and the texts."""


class Vocabulary:
    """Texts in tokens and tokens in texts, each worked out once.

    Models of a ladder mostly have the same tokenizer and are asked the same questions: `of` gives such models, one
    after the other in a process, the same object.
    """

    _last: "tuple[str, Vocabulary] | None" = None

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._texts: dict[int, str] = {}
        self._ids: dict[str, array[int]] = {}
        self._n_kept = 0

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "Vocabulary":
        """Give the object of the last model where its tokenizer was the same, else a new one."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:  # in Python alone: what it does cannot be compared
            return cls(tokenizer)
        options = {k: v for k, v in tokenizer.init_kwargs.items() if tokenizer.name_or_path not in str(v)}
        settings = repr((type(tokenizer), tokenizer.special_tokens_map, options))
        key = hashlib.sha256((backend.to_str() + settings).encode()).hexdigest()
        if cls._last is None or cls._last[0] != key:
            cls._last = key, cls(tokenizer)
        return cls._last[1]

    def ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Tokens of each text, all in one call; without the EOS that some tokenizers end every text with."""
        distinct = list(dict.fromkeys(texts))
        new = [text for text in distinct if text not in self._ids]
        found: dict[str, list[int]] = dict(zip(new, self.tokenizer(new)["input_ids"], strict=True)) if new else {}
        for text, ids in found.items():
            if ids and ids[-1] == self.tokenizer.eos_token_id and not text.endswith(str(self.tokenizer.eos_token)):
                found[text] = ids[:-1]
            if self._n_kept + len(ids) <= KEPT_TOKENS:
                self._ids[text] = array("i", found[text])
                self._n_kept += len(ids)
        return {text: found[text] if text in found else self._ids[text].tolist() for text in distinct}

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens in a row."""
        return str(self.tokenizer.decode(list(tokens)))

    def piece(self, token: int) -> str:
        """Text of a single token."""
        if token not in self._texts:
            self._texts[token] = self.decode([token])
        return self._texts[token]

    def ends(self, tokens: Sequence[int]) -> list[int]:
        """By token, how many characters the text has up to and with it.

        Where the tokens' own texts in a row are the text, their lengths add up; where not (a vocabulary that strips
        the first space, characters of several tokens), every beginning of the tokens is decoded.
        """
        pieces = [self.piece(token) for token in tokens]
        if "".join(pieces) == self.decode(tokens):
            return list(accumulate(map(len, pieces)))
        return [len(self.decode(tokens[: n + 1])) for n in range(len(tokens))]
