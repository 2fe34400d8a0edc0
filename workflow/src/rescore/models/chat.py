"""Prompts in a tokenizer's chat template, and texts in the middle of a sequence.

A prompt, its solved examples included, is the user's turn. The answer begins where the template asks for the model's.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

from rescore.models.loading import Loaded
from rescore.models.tokenising import n_shared
from rescore.models.vocabulary import Vocabulary
from rescore.tables import InputError

THOUGHT_END = "\n</think>\n\n"
"""Ends what a model has begun to think, as the templates of Qwen3 and DeepSeek-R1 write it."""

_DATE = {"%d": "26", "%b": "Jul", "%B": "July", "%m": "07", "%y": "24", "%Y": "2024", "%A": "Friday", "%a": "Fri"}
_FIXED_DATE = (
    "{% macro strftime_now(format) %}{{ format"
    + "".join(f" | replace('{code}', '{value}')" for code, value in _DATE.items())
    + " }}{% endmacro %}{{ '' }}"
)
"""Goes before a template that asks for today's date: numbers must not depend on the day. The date is Llama's own."""


_MARK = mark_control_tokens("a", re.compile("a"))[0]
_TRIED = ("xqz", "jqv")
"""Prompts that tell what a template puts around one."""


def in_form(loaded: Loaded, form: Mapping[str, Any]) -> Loaded:
    """Return a model that reads prompts in its chat template if the form asks for it; raises as `Chat` does."""
    if not form.get("chat"):
        return loaded
    chat = Chat(loaded.vocabulary, system=form.get("system"), thinks="reasoning_tokens" in form)
    return loaded._replace(vocabulary=chat, eos_ids=loaded.eos_ids | chat.end_ids)


class Inside(Vocabulary):
    """Reads texts that stand in the middle of a sequence: no special token is added."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(vocabulary.tokenizer, vocabulary.n_embedded)

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        # The front keeps a vocabulary from adding the space that it puts before a text, and merges with nothing.
        fronts = ["a" if text.startswith("\n") else "\n" for text in texts]
        whole = _encoded(self.tokenizer, [a + text for a, text in zip(fronts, texts, strict=True)])
        known = dict(zip("a\n", _encoded(self.tokenizer, ["a", "\n"]), strict=True))
        found = []
        for text, front, ids in zip(texts, fronts, whole, strict=True):
            n = len(known[front])
            found.append(ids[n:] if ids[:n] == known[front] else _encoded(self.tokenizer, [text])[0])
        return found


class Chat(Vocabulary):
    """Reads prompts in the tokenizer's chat template, with tokens as `apply_chat_template` gives them.

    Special tokens in the text of a prompt or an answer are read as plain text. `system` is the system prompt, None for
    none; with `thinks` a template that can switch thinking off leaves it on. `end_ids` end the model's turn; `told`
    says for the log what the template does. Raises InputError where there is no template, or it refuses or drops the
    system prompt.
    """

    def __init__(self, vocabulary: Vocabulary, *, system: str | None, thinks: bool) -> None:
        super().__init__(vocabulary.tokenizer, vocabulary.n_embedded)
        if not self.tokenizer.chat_template:
            raise InputError("its tokenizer has no chat template; leave 'chat' blank in the suite, or the model out")
        try:
            template = self.tokenizer.get_chat_template()
        except ValueError as error:
            raise InputError("its tokenizer has several chat templates, and none of them is 'default'") from error
        self._control = _control(self.tokenizer, template)
        has_date = "strftime_now" in template
        self._template = _FIXED_DATE + template if has_date else template
        self._system = [{"role": "system", "content": system}] if system else []
        self._close = ""
        plain, other = (self._rendered(text, thinks) for text in _TRIED)
        if _TRIED[0] not in plain:
            raise InputError("its chat template drops the prompt: it is not for texts; leave 'chat' blank in the suite")
        if system and system.strip() not in plain:
            raise InputError(
                "its chat template drops the system prompt; leave 'system' blank, or put it in the questions"
            )
        self._thinks, self.opening = thinks, plain.rpartition(_TRIED[0])[2]
        if not thinks and is_thinking(self.opening):
            self._close = THOUGHT_END
        first, second = self.ids([plain + self._close, other + self._close]).values()
        self._kept = n_shared(first, second), n_shared(first[::-1], second[::-1])
        said = self._said()
        self.end_ids = self._end(said)
        gap = said.removeprefix(plain).partition(_TRIED[1])[0] if said.startswith(plain) and not self._close else ""
        self.space = gap if gap == " " else ""
        can_switch = bool(self._close) or self._rendered(_TRIED[0], not thinks) != plain
        self.told = "in its chat template" + f", thinking switched {'on' if thinks else 'off'}" * can_switch
        self.told += ", dated 26 Jul 2024" * has_date

    def form(self, prompt: str) -> str:
        """Put a prompt in the template."""
        return self._rendered(self.inert(prompt), self._thinks) + self._close

    def inert(self, answer: str) -> str:
        """Mark special tokens in a text, so that they are read as plain text."""
        return str(mark_control_tokens(answer, self._control))

    def kept(self, context: Sequence[int]) -> tuple[int, int]:  # noqa: ARG002 - the same for every prompt
        """Count the template's tokens before and after the prompt."""
        return self._kept

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        return _encoded(self.tokenizer, texts)

    def _rendered(self, prompt: str, thinks: bool) -> str:
        messages = [*self._system, {"role": "user", "content": prompt}]
        try:
            return self._applied(messages, add_generation_prompt=True, enable_thinking=thinks, thinking=thinks)
        except Exception as error:  # a template may raise anything
            told = " ".join(str(error).split())[:200]
            what = "a system prompt; leave 'system' blank" if self._system else "a prompt; leave 'chat' blank"
            raise InputError(f"its chat template refuses {what} in the suite ({told})") from error

    def _applied(self, messages: list[dict[str, str]], **options: Any) -> str:
        return str(
            self.tokenizer.apply_chat_template(messages, chat_template=self._template, tokenize=False, **options)
        )

    def _said(self) -> str:
        """Put a prompt and an answer in the template; nothing if it does not take both."""
        turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), _TRIED, strict=True)]
        try:
            return self._applied([*self._system, *turns])
        except Exception:  # a template may raise anything; then answers end with EOS, and no space comes before them
            return ""

    def _end(self, said: str) -> frozenset[int]:
        """Find the token that a template puts after what the model said; some put none."""
        after = said.rpartition(_TRIED[1])[2]
        added = {i for i, token in self.tokenizer.added_tokens_decoder.items() if not token.content.isspace()}
        return frozenset([i for i in _encoded(self.tokenizer, [after])[0] if i in added][:1])


def is_thinking(text: str) -> bool:
    """Whether a text has begun to think and not ended it."""
    return text.rfind("<think>") > text.rfind("</think>")


def _control(tokenizer: PreTrainedTokenizerBase, template: str) -> re.Pattern[str]:
    """Match the tokens that mean something to the model: special ones, and those that the template holds."""
    tokens = tokenizer.added_tokens_decoder.values()
    names = [t.content for t in tokens if t.special or (t.content in template and not t.content.isspace())]
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)")


def _encoded(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    """Tokens of texts that hold their own special tokens; what is marked in them is read as plain text."""
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return [encode_marked_chat(tokenizer, t) if _MARK in t else one for t, one in zip(texts, ids, strict=True)]
