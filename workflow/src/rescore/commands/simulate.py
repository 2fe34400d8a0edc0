"""`rescore simulate`: the chain model's table."""

from typing import Annotated

import typer

_LARGEST = 1000
_HEADINGS = {
    "log10_compute": "log10 FLOPs",
    "token_probability": "p of a token",
    "logprob_nats_per_token": "ln p",
    "exact_match": "p^k exact match",
    "exact_match_simulated": "simulated",
    "exact_match_simulated_se": "standard error",
}


def simulate(
    k: Annotated[int, typer.Option("--k", min=1, max=10**6, help="Tokens of an answer.")] = 4,
    midpoint: Annotated[float, typer.Option(help="log10 FLOPs where a token is right half the time.")] = 22.0,
    steepness: Annotated[float, typer.Option(help="Logits per decade of compute.")] = 1.5,
    draws: Annotated[int, typer.Option(min=1, max=10**9, help="Simulated answers at each compute.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Print the chain model's table.

    Token probability p, its logarithm, and exact match of answers of k tokens: p^k and simulated.
    """
    from rescore.commands.printing import print_table
    from rescore.simulate import chain_table
    from rescore.tables import InputError

    for name, value in (("midpoint", midpoint), ("steepness", steepness)):
        if not abs(value) <= _LARGEST:  # nor is a NaN
            raise InputError(f"--{name}: {value} is no number from -{_LARGEST} to {_LARGEST}")
    table = chain_table(k=k, midpoint=midpoint, steepness=steepness, draws=draws, seed=seed)
    print_table(table, headings=_HEADINGS)
