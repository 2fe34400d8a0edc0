"""One model in training: what it is, how far it is, and how it is kept on disk meanwhile."""

import time
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import GPTNeoXForCausalLM, PreTrainedTokenizerFast

from rescore.train import architecture as models
from rescore.train.batches import Batch
from rescore.train.optimiser import Optimiser, learning_rate
from rescore.train.recipe import Recipe, Size


class Run:
    """A model's weights, their running mean, its optimiser, and the steps, tokens and seconds so far."""

    def __init__(self, recipe: Recipe, size: Size, seed: int, tokenizer: PreTrainedTokenizerFast) -> None:
        self._recipe, self._size = recipe, size
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = models.build(size, tokenizer, context_tokens=recipe.context_tokens, seed=seed)
        self.model.to(self.device)  # type: ignore[arg-type]  # the library's decorator hides the signature of Module.to
        self._averages = [p.detach().clone() for p in self.model.parameters()]
        self._optimiser = Optimiser(self.model, weight_decay=recipe.weight_decay)
        self.steps, self.n_tokens, self.seconds = 0, 0, 0.0

    def step(self, questions: Batch) -> float:
        """Learn from one batch; return the loss (nats a token)."""
        start = time.monotonic()
        tokens, where = questions.tokens.to(self.device), questions.where.to(self.device)
        loss = cross_entropy(models.answer_logits(self.model, tokens, where), questions.labels.to(self.device))
        self.model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._recipe.gradient_norm)
        self._optimiser.step(learning_rate(self.steps, peak=self._size.learning_rate, recipe=self._recipe))
        with torch.no_grad():
            torch._foreach_lerp_(self._averages, list(self.model.parameters()), 1 - self._recipe.ema_decay)
        self.steps += 1
        self.n_tokens += questions.n_tokens
        self.seconds += time.monotonic() - start
        return loss.item()

    def averaged(self, tokenizer: PreTrainedTokenizerFast) -> GPTNeoXForCausalLM:
        """Return a model of the running mean of the weights, in bfloat16."""
        model = models.build(self._size, tokenizer, context_tokens=self._recipe.context_tokens, seed=0)
        with torch.no_grad():
            for parameter, average in zip(model.parameters(), self._averages, strict=True):
                parameter.copy_(average)
        return model.bfloat16()

    def keep(self, path: Path, fingerprint: str) -> None:
        """Write everything a later run needs to go on bit for bit, whole or not at all."""
        state = {
            "fingerprint": fingerprint,
            "progress": [self.steps, self.n_tokens, self.seconds],
            "weights": self.model.state_dict(),
            "averages": self._averages,
            "optimiser": self._optimiser.state_dict(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def go_on(self, path: Path, fingerprint: str) -> None:
        """Take up what `keep` wrote, where it is of the same training."""
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        if state["fingerprint"] != fingerprint:
            return
        self.steps, self.n_tokens, self.seconds = state["progress"]
        self.model.load_state_dict(state["weights"])
        for average, saved in zip(self._averages, state["averages"], strict=True):
            average.copy_(saved)
        self._optimiser.load_state_dict(state["optimiser"])
