"""How every command ends: what the user can put right is said in a line, without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from bits.errors import BitsError
from bits.records.streams import show_any_text


def guarded(main: Callable[[], int]) -> int:
    """Run `main`; a BitsError is printed without a traceback and gives exit code 2, Ctrl-C 130.

    Where nobody reads on (bits plan | head) it ends with 141, as a shell's own programs do, and without a word.
    """
    show_any_text()
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()  # here, where what goes wrong can be handled
    except BitsError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end of the process
        return 141
