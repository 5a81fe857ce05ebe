"""How every command ends: what the user can put right is said in a line, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bits.errors import BitsError


def guarded(main: Callable[[], int]) -> int:
    """Run `main`; a BitsError is printed without a traceback and gives exit code 2."""
    try:
        return main()
    except BitsError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 141
