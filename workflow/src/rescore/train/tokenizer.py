"""The ladder's tokenizer: every printable ASCII character and each piece of a prompt's template is one."""

import re

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rescore.train.questions import TEMPLATES

UNKNOWN, END, PAD = "<unk>", "<eos>", "<pad>"


def build() -> PreTrainedTokenizerFast:
    r"""Build the tokenizer; any character outside printable ASCII and the newline becomes the unknown token.

    Text is cut from left to right, the longest piece first. No piece reaches from a prompt into its answer,
    so the tokens of the two together are those of the one followed by those of the other.

    >>> build().tokenize("Sort: ca\nSorted: ac")
    ['Sort: ', 'c', 'a', '\nSorted: ', 'a', 'c']
    """
    pieces = sorted(TEMPLATES, key=lambda piece: (-len(piece), piece))
    characters = [chr(code) for code in range(ord(" "), ord("~") + 1)] + ["\n"]
    vocabulary = {token: i for i, token in enumerate([UNKNOWN, END, PAD, *pieces, *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    pattern = "|".join(re.escape(piece) for piece in pieces) + r"|[\s\S]"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # the library leaves it untyped
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
