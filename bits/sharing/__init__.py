"""Sharing what was made: text goes to git, bytes to DVC, run by run. Never imports torch.

A clone gets files without the dates and the notes by which Snakemake knows that they are up to date. `record` writes
both into one text file, with the content's digests; `restore` gives them back to files that are still what they were.
"""

from bits.sharing.errors import SharingError
from bits.sharing.pulling import pull
from bits.sharing.pushing import push
from bits.sharing.recording import record
from bits.sharing.restoring import Restored, restore

__all__ = ["Restored", "SharingError", "pull", "push", "record", "restore"]
