"""Share results through git and DVC, and get them back in a clone.

    bits share record  [scale=demo ...]    note what was made, put large files under DVC
    bits share push    [scale=demo remote=NAME ...]      record, then dvc push
    bits share pull    [scale=demo run=bits-reset weights=no remote=NAME ...]
    bits share restore [scale=demo ...]    after a dvc pull by hand: restore dates and Snakemake's notes

The other words are those of every command. Run it from the project's folder. Nothing is committed. Exit code: 0, 1 when
the remote lacks something that was to be pulled, or 2 with a message.
"""

from __future__ import annotations

import sys

from bits.commands.guard import guarded
from bits.config.near import did_you_mean
from bits.errors import BitsError
from bits.plan import Request
from bits.plan.setups import made_plan, said
from bits.sharing import Restored, pull, push, record, restore
from bits.workflow.options import WORDS, requested

MOST_SHOWN = 20  # files that the remote lacks
OWN = {"record": (), "push": ("remote",), "pull": ("run", "weights", "remote"), "restore": ()}


def main() -> int:
    """Do what the first word says, and print what came of it."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        print("\n".join(["words:", *(f"  {f'{word}=':8} {purpose}" for word, purpose in WORDS.items())]))
        return 0
    action, own, wanted = _parsed(words)
    plan = made_plan(wanted)
    print(f"study {plan.study}: {said(plan.asked)}")
    remote = own.get("remote", "")
    if action == "record":
        print(_to_commit(plan.study, f"{len(record(plan).dates)} files are recorded."))
    elif action == "push":
        recorded, sent = push(plan, remote)
        print(_to_commit(plan.study, f"{recorded} files are recorded, and the remote has {sent} of their large ones."))
    elif action == "pull":
        found = pull(plan, own.get("run", ""), "weights" not in own, remote)
        print(_told(found))
        return int(bool(found.lacking))
    else:
        print(_told(restore(plan)))
    return 0


def _parsed(words: list[str]) -> tuple[str, dict[str, str], Request]:
    """(action, its own options, what it is about); raises BitsError for an unknown action, word or value."""
    action, given = words[0], words[1:]
    if action not in OWN:
        raise BitsError(f"share {action}: no such action{did_you_mean(action, OWN)}")
    mine = [word for word in given if word.partition("=")[0] in OWN[action]]
    own = dict(word.partition("=")[::2] for word in mine)
    if own.get("weights", "no") != "no":
        raise BitsError(f"weights={own['weights']}: expected weights=no; leave it out to get all weights")
    return action, own, requested([word for word in given if word not in mine])


def _to_commit(study: str, done: str) -> str:
    return (
        f"{done} Nothing is committed yet; next:\n"
        f"  git add results reports data && git commit -m 'Results of {study}' && git push"
    )


def _told(found: Restored) -> str:
    lines = [f"{len(found.same)} files are as recorded; {len(found.absent)} are not here."]
    if found.other:
        lines.append(f"{len(found.other)} are not as recorded and were left alone:")
        lines += [f"  {name}" for name in found.other]
        lines.append("If you made them anew on purpose, make push records them. Otherwise delete them, then make pull.")
    if found.lacking:
        lines.append(f"{len(found.lacking)} could not be had: the remote does not have them, or has them damaged:")
        lines += [f"  {name}" for name in found.lacking[:MOST_SHOWN]]
        lines += [f"  and {len(found.lacking) - MOST_SHOWN} more"] if len(found.lacking) > MOST_SHOWN else []
        lines.append("Ask whoever made them to run make push again, or make them here: snakemake --cores all.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(guarded(main))
