"""Download a data set that may be fetched without an account, check and unpack it.

    bits fetch food101 [--to FOLDER]

The sets are food101, inet10 and voc2012; `snakemake data/food101` does the same. The data set lies in data/<name> then,
or in FOLDER, which site.data.<name> has to say. A download that was stopped goes on where it was, and what has a wrong
checksum is not kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bits.commands.guard import guarded
from bits.data.fetch import fetch


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits fetch", description="Download, check and unpack a data set.")
    parser.add_argument("name", help="food101, inet10 or voc2012")
    parser.add_argument("--to", type=Path, help="where to put it (data/<name>)")
    arguments = parser.parse_args()
    print(f"{arguments.name}: {fetch(arguments.name, arguments.to)}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
