"""The error caused by user input; counted nouns and lists of names for messages."""

from collections.abc import Iterable


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


def printable(text: str) -> str:
    r"""Escape what would steer a terminal, whatever stands in a file's name or a task's text; one line stays one.

    >>> printable("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
