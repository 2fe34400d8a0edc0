"""`rescore prompts`: a task.json to the table EXAMPLES."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import say


def prompts(
    bigbench: Annotated[Path, typer.Option(help="Folder of BIG-Bench's task folders.", show_default=False)],
    task: Annotated[str, typer.Option(help="A task, or task:subtask.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The table to write.", show_default=False)],
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each question.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="As random_seed in BIG-bench.")] = 42,
    max_examples: Annotated[int | None, typer.Option(min=1, help="Questions of each subtask; all if absent.")] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Put prompts in the tokenizer's chat template.")] = False,
    system: Annotated[str | None, typer.Option(help="The chat's system prompt.")] = None,
    reasoning_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens that a model may write before the answer; none if absent.")
    ] = None,
    reasoning_cue: Annotated[str | None, typer.Option(help="Text after the prompt that leads to reasoning.")] = None,
    reasoning_stop: Annotated[str | None, typer.Option(help="Text that ends the reasoning.")] = None,
    answer_mark: Annotated[str | None, typer.Option(help="Text after the reasoning, before the answer.")] = None,
) -> None:
    r"""Write prompts, targets and choices of a task.

    How prompts are put to a model (--chat and what follows it) is kept beside them, and done by `rescore extract`, as
    it needs the model's tokenizer. In texts, `\n` stands for a new line.
    """
    import polars as pl

    from rescore.bigbench import examples, leaf_digest, load, settings
    from rescore.config.prompt_form import prompt_form
    from rescore.tables import EXAMPLES, write

    given = {"chat": chat, "system": system, "reasoning_tokens": reasoning_tokens, "reasoning_cue": reasoning_cue}
    form = prompt_form(given | {"reasoning_stop": reasoning_stop, "answer_mark": answer_mark}, "the options")
    subtasks = load(bigbench, task, say=say)
    frames = [examples(s, shots=shots, seed=seed, max_examples=max_examples) for s in subtasks]
    made_by = {
        "task": task,
        "task_digest": leaf_digest(subtasks),
        "shots": shots,
        "seed": seed,
        "max_examples": max_examples,
        "subtasks": settings(subtasks),
        **({"form": form} if form else {}),
    }
    write(pl.concat(frames), out, EXAMPLES, made_by)
    say(f"wrote {sum(frame.height for frame in frames)} questions to {out}")
