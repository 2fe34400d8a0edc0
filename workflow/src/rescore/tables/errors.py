"""The error for input that the user has to mend."""


class InputError(Exception):
    """Error caused by user input; the message names the file, the place in it and the mend.

    The command line prints the message on one line and exits with status 2.
    """
