"""The one error that is the user's to mend."""


class InputError(Exception):
    """Input that Rescore cannot work with; the message names the file, the place in it and the mend.

    The command line prints the message on one line and exits with status 2.
    """
