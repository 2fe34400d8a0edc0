"""The error caused by user input, and counted nouns for messages."""


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
