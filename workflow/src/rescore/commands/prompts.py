"""`rescore prompts`: a task.json to the table EXAMPLES."""

from pathlib import Path
from typing import Annotated

import typer

from rescore.commands.shared import say


def prompts(
    task: Annotated[str, typer.Option(help="A task, or task:subtask.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The table to write.", show_default=False)],
    bigbench: Annotated[
        Path | None, typer.Option(help="Folder of BIG-Bench's task folders.", show_default=False)
    ] = None,
    path: Annotated[
        Path | None, typer.Option(help="Instead: a file or folder of questions; see docs/tasks.md.", show_default=False)
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each question.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="As random_seed in BIG-bench.")] = 42,
    max_examples: Annotated[int | None, typer.Option(min=1, help="Questions of each subtask; all if absent.")] = None,
    subset: Annotated[str | None, typer.Option(help="Subset of a folder that has several.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of a folder that has several.")] = None,
    input_column: Annotated[str | None, typer.Option(help="Column of the question.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Column of the answer.")] = None,
    choices_column: Annotated[str | None, typer.Option(help="Column of the choices; - for none.")] = None,
    list_choices: Annotated[bool, typer.Option(help="Whether the prompt lists the choices.")] = True,
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

    The task is one of a folder of BIG-Bench's (--bigbench), or questions in another format (--path, --subset to
    --list-choices). How prompts are put to a model (--chat and what follows it) is kept beside them, and done by
    `rescore extract`, as it needs the model's tokenizer. In texts, `\n` stands for a new line
    and `\\` for a backslash.
    """
    import polars as pl

    from rescore.bigbench import Columns, examples, leaf_digest, load, load_questions, settings
    from rescore.config.prompt_form import prompt_form
    from rescore.tables import EXAMPLES, InputError, write

    given = {"chat": chat, "system": system, "reasoning_tokens": reasoning_tokens, "reasoning_cue": reasoning_cue}
    form = prompt_form(given | {"reasoning_stop": reasoning_stop, "answer_mark": answer_mark}, "the options")
    if bigbench is not None and path is None:
        of_path = {
            "subset": subset, "split": split, "input-column": input_column, "target-column": target_column,
            "choices-column": choices_column, "no-list-choices": None if list_choices else True,
        }  # fmt: skip
        for option, value in of_path.items():
            if value is not None:
                raise InputError(f"prompts: --{option} means nothing without --path")
        subtasks = load(bigbench, task, say=say)
    elif path is None or bigbench is not None:
        raise InputError("prompts: expected one of --bigbench and --path")
    else:
        named = Columns(input_column, target_column, choices_column)
        subtasks = load_questions(
            path, task, subset=subset, split=split, named=named, list_choices=list_choices, say=say
        )
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
