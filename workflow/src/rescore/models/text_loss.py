"""Loss of a model on a text: the log-probability of each token, given those before it in its window.

What precedes each token, for a window of 4 and a stride of 2 (b is the model's BOS token, or EOS where it has none):

    text       1 2 3 4 5 6 7 8
    window 1   b 1 2 3               scores 1 2 3 4
    window 2       2 3 4 5           scores 5 6
    window 3           4 5 6 7       scores 7 8

With a stride as long as the window each token is read once, and the numbers are those of lm-evaluation-harness
(`loglikelihood_rolling`). Windows are equally long, so no batch holds padding.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from rescore.models.forward import finite
from rescore.models.loading import Loaded
from rescore.models.memory import ran_out
from rescore.tables import InputError


class TextLoss(NamedTuple):
    """Loss of a text."""

    nats: float  # minus the text's log-probability
    n_tokens: int
    window: int  # tokens


class _Span(NamedTuple):
    """A window reads the tokens from `start` to `end`, and scores those after `done`; places count BOS."""

    start: int
    done: int
    end: int


@torch.inference_mode()
def text_loss(loaded: Loaded, text: str, *, window: int, stride: int, batch_tokens: int) -> TextLoss:
    """Score a text in windows of `window` tokens, or the model's own where that is shorter, `stride` tokens apart.

    A token after the first window has at least `window - stride` tokens of the text before it. One forward pass holds
    `batch_tokens`, which change the numbers by rounding only.

    Raises
    ------
    InputError
        The tokenizer cannot read the text, has no token for a part of it, or has neither BOS nor EOS; the model returns
        NaN or infinity; a window needs more memory than there is.
    """
    model, tokenizer = loaded.model, loaded.vocabulary.tokenizer
    tokens = loaded.vocabulary.plain(text)
    if not tokens:
        raise InputError("its tokenizer makes no token of the text")
    first = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    if first is None:
        raise InputError("its tokenizer has neither a BOS nor an EOS token, so nothing precedes the text's first token")
    if tokenizer.unk_token_id in tokens and tokenizer.unk_token_id != first:
        raise InputError("its tokenizer has no token for a part of the text; take a text that it can read")
    window = min(window, loaded.window)
    sequence = torch.tensor([first, *tokens], device=model.device)
    spans = list(_spans(len(tokens), window, min(stride, window)))
    size = max(1, batch_tokens // window) if loaded.way.batches else 1
    nats, at = 0.0, 0
    while at < len(spans):
        batch = spans[at : at + size]
        try:
            states, _ = model.states(
                input_ids=torch.stack([sequence[s.start : s.end] for s in batch]), use_cache=False
            )  # [rows, window, width]
            scored = torch.cat([row[s.done - s.start :] for row, s in zip(states, batch, strict=True)])
            targets = torch.cat([sequence[s.done + 1 : s.end + 1] for s in batch])
            found = 0.0  # of the batch, which is read again if memory runs out in one of its parts
            for part, logits in model.chunks(scored):
                found += float(finite(logits.log_softmax(-1).gather(1, targets[part, None])).double().sum())
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            if size == 1:
                raise InputError(
                    f"a window of {window} tokens needs more memory than there is; ask for less"
                ) from error
            size //= 2
            continue
        nats -= found
        at += len(batch)
    return TextLoss(nats, len(tokens), window)


def _spans(n_tokens: int, window: int, stride: int) -> Iterator[_Span]:
    """Cut a text into windows, of which each scores the tokens behind the one before it.

    Examples
    --------
    >>> [tuple(span) for span in _spans(8, 4, 2)]
    [(0, 0, 4), (2, 4, 6), (4, 6, 8)]
    """
    done, end = 0, min(window, n_tokens)
    while done < n_tokens:
        yield _Span(end - min(window, n_tokens), done, end)
        done, end = end, min(end + stride, n_tokens)
