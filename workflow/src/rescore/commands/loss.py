"""`rescore loss`: the loss of each model of a ladder on a text, and the ladder with it."""

import hashlib
from collections.abc import Mapping
from math import log
from pathlib import Path
from typing import Annotated, Any

import typer

from rescore.commands.shared import Ladders, Out, say


def loss(
    text: Annotated[Path, typer.Argument(help="A text file, UTF-8, that no model was trained on.", show_default=False)],
    ladder: Ladders,
    out: Out = Path("results"),
    window: Annotated[int, typer.Option(min=1, help="Tokens in one window.")] = 1024,
    stride: Annotated[int | None, typer.Option(min=1, help="Tokens between windows; the window if absent.")] = None,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens in one forward pass.")] = 16384,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; torch's choice if absent.")] = None,
) -> None:
    """Measure each model's loss on a text.

    Writes losses to OUT, in bits per byte and nats per token, and a copy of each ladder with pretraining_loss_nats
    filled, so that curves can run along it (discontinuity.axis). What is measured already is not measured again, and
    models of other ladders stay in the table: it is of one text, window and stride. If a model fails, the others are
    measured, and the error comes last.
    """
    import polars as pl

    from rescore.config.folder import check_source
    from rescore.config.inputs import read_models, with_losses
    from rescore.models import hub
    from rescore.models.jobs import identity
    from rescore.tables import LOSSES, InputError, provenance, read, read_text, write_text, write_twins
    from rescore.tables.source import code_digest

    content = read_text(text)
    if not content:
        raise InputError(f"{text}: holds no text")
    rows = list(read_models(ladder).values())
    for row in rows:
        check_source(row, row["where"])
    for path in ladder:
        if (out / path.name).resolve() == path.resolve():
            raise InputError(f"{path}: lies in --out, where its copy would replace it; give another folder")
    step = min(stride or window, window)
    asked = {
        "text": hashlib.sha256(content.encode()).hexdigest(),
        "window": window,
        "stride": step,
        "code": code_digest(__name__),
    }
    path = out / f"{LOSSES.name}.parquet"
    made_by: dict[str, Any] = provenance(path) if path.is_file() else {}
    done = {row["model"]: row for row in read(path, LOSSES).iter_rows(named=True)} if made_by else {}
    known: dict[str, list[str]] = made_by.get("models", {}) if made_by.items() >= asked.items() else {}
    table = {name: one | {"text": text.name} for name, one in done.items() if name in known}
    found: dict[str, dict[str, Any]] = {}
    errors = []
    for given in rows:
        name = given["model"]
        try:
            row = hub.pinned(given)
            who = [identity(row), row["dtype"]]
            if known.get(name) != who:
                table.pop(name, None)
                table[name] = _measure(row, content, asked, batch_tokens, threads) | {"text": text.name}
                known[name] = who
        except InputError as error:
            errors.append(error)
            continue
        found[name] = table[name]
        kept = {model: known[model] for model in table}
        write_twins(pl.DataFrame(list(table.values()), LOSSES.columns), out, LOSSES, asked | {"models": kept})
    if errors:
        raise errors[0]
    per_token = found[rows[0]["model"]]["n_tokens"]
    losses = {name: one["nats_per_token"] * one["n_tokens"] / per_token for name, one in found.items()}
    for path in ladder:
        write_text(with_losses(path, losses), out / path.name)
    copies = ", ".join(str(out / path.name) for path in ladder)
    say(f"wrote {LOSSES.name} to {out}, as parquet and CSV, and the ladder with the losses in it: {copies}")


def _measure(
    row: Mapping[str, Any], content: str, asked: Mapping[str, Any], batch_tokens: int, threads: int | None
) -> dict[str, Any]:
    """Score a text with one model: a row of the table, but for the text's name."""
    import torch

    from rescore.models import hub
    from rescore.models.failures import named
    from rescore.models.loading import load
    from rescore.models.text_loss import text_loss

    if threads:
        torch.set_num_threads(threads)
    loaded = load(hub.fetched(row))
    window, stride = asked["window"], asked["stride"]
    with named(loaded.model.model, f"model '{row['model']}'"):
        found = text_loss(loaded, content, window=window, stride=stride, batch_tokens=batch_tokens)
    n_bytes = len(content.encode())
    one = {
        "model": row["model"],
        "n_bytes": n_bytes,
        "n_tokens": found.n_tokens,
        "window": found.window,
        "stride": min(stride, found.window),
        "nats_per_token": found.nats / found.n_tokens,
        "bits_per_byte": found.nats / log(2) / n_bytes,
    }
    say(f"{row['model']}: {one['nats_per_token']:.4f} nats per token, {one['bits_per_byte']:.4f} bits per byte")
    return one
