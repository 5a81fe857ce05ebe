"""The root of every error this package raises on purpose."""


class BitsError(Exception):
    """Something the user can put right.

    The message says what was read, where, what was expected and what to do next; commands print it
    without a traceback and leave with exit code 2.
    """


class DatasetError(BitsError):
    """Images that are missing, broken or laid out differently from what was asked for."""

    def told(self) -> tuple[str, str]:
        """(what is wrong, without a full stop; the remedy: the last line of the message, or else its last sentence)."""
        text = str(self)
        found, _, remedy = text.rpartition("\n" if "\n" in text else ". ")
        if not found:
            found, remedy = remedy, "Put this right, then call again."
        return " ".join(found.split()).rstrip("."), remedy
