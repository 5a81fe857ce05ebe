"""The root of every error this package raises on purpose."""


class BitsError(Exception):
    """Something the user can put right.

    The message says what was read, where, what was expected and what to do next; commands print it
    without a traceback and leave with exit code 2.
    """


class DatasetError(BitsError):
    """Images that are missing, broken or laid out differently from what was asked for."""
