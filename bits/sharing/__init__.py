"""Sharing results: text goes to git, bytes go to DVC, run by run. Never imports torch.

A clone gets files without the dates and notes that tell Snakemake that they are up to date. `record` writes both to one
text file, with digests of the contents; `restore` gives them back to the files whose contents are unchanged.
"""

from bits.sharing.errors import SharingError
from bits.sharing.pulling import pull
from bits.sharing.pushing import push
from bits.sharing.recording import record
from bits.sharing.restoring import Restored, restore

__all__ = ["Restored", "SharingError", "pull", "push", "record", "restore"]
