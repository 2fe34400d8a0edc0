"""The error caused by user input; counted nouns, lists of names and names that may be meant, for messages."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches


class InputError(Exception):
    """Error caused by user input; the message names the file, the place in it and the mend.

    The command line prints the message on one line and exits with status 2.
    """


def count(n: int, noun: str) -> str:
    """Say how many there are.

    >>> count(1, "model"), count(1200, "model")
    ('1 model', '1,200 models')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def some(names: Iterable[str], shown: int = 10) -> str:
    """List names, and the number of those that are too many.

    >>> some("abc", 2)
    'a, b and 1 more'
    """
    every = list(names)
    return ", ".join(every[:shown]) + (f" and {len(every) - shown} more" if len(every) > shown else "")


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Ask whether the known name that is most alike was meant, upper and lower case being one; "" where none is.

    `cutoff` is the ratio of `difflib` from which two names are alike.

    >>> did_you_mean("Suit", ["seed", "suite"]), did_you_mean("x", ["suite"])
    ("did you mean 'suite'?", '')
    """
    spelled = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), spelled, n=1, cutoff=cutoff)
    return f"did you mean '{spelled[near[0]]}'?" if near else ""


def unknown(name: str, known: Collection[str]) -> str:
    """Say that a name is unknown, and the one that may be meant, else all that are known."""
    return "unknown; " + (did_you_mean(name, known) or f"known are {', '.join(known)}")


_NAMED = 3  # so many bad rows are named in full


@contextmanager
def together() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Collect the errors of rows that are checked one after the other, and raise them as one.

    >>> with together() as row:
    ...     for cell in ("1", "a", "b"):
    ...         with row():
    ...             if not cell.isdigit():
    ...                 raise InputError(f"{cell}: no number")
    Traceback (most recent call last):
    rescore.tables.errors.InputError: a: no number; also b: no number
    """
    problems: list[str] = []

    @contextmanager
    def one() -> Iterator[None]:
        try:
            yield
        except InputError as error:
            problems.append(str(error))

    yield one
    if problems:
        more = len(problems) - _NAMED
        told = [*problems[:_NAMED], *([f"{more:,} more"] if more > 0 else [])]
        raise InputError("; also ".join(told))


def printable(text: str) -> str:
    r"""Escape what would steer a terminal, whatever stands in a file's name or a task's text; one line stays one.

    >>> printable("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
