"""Programs that answer as told, on a PATH that holds nothing else; and a plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bits.plan import Plan, Request, make_plan

Fake = Callable[..., None]

PARTITIONS = """\
PartitionName=gpu Default=YES MaxTime=1-00:00:00 State=UP Nodes=n[1-2] TotalNodes=2
PartitionName=cpu Default=NO MaxTime=UNLIMITED State=UP Nodes=n3
PartitionName=old Default=NO MaxTime=UNLIMITED State=DOWN Nodes=n3
"""
NODES = """\
NodeName=n1 CPUTot=64 RealMemory=515000 Gres=gpu:a100:4(S:0-1) State=IDLE Partitions=gpu
NodeName=n2 CPUTot=64 RealMemory=515000 Gres=gpu:a100:4(S:0-1) State=MIXED+DRAIN Partitions=gpu
NodeName=n3 CPUTot=16 RealMemory=64000 Gres=(null) State=IDLE Partitions=cpu,old
"""
SCONTROL = f"""case "$*" in
ping) echo "Slurmctld(primary) at head is UP" ;;
"show config") echo "MinJobAge               = 300 sec" ;;
"show partition"*) cat <<'END'
{PARTITIONS}END
;;
"show node"*) cat <<'END'
{NODES}END
;;
esac"""


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Of scale smoke, whose data are rendered scenes."""
    return make_plan(Request.of_scale("smoke"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """fake(name, script) puts a shell script on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def slurm(fake: Fake) -> Fake:
    """A cluster without faults; fake(name, script) breaks one of its programs."""
    for name in ("squeue", "sinfo", "scancel", "srun", "sacct"):
        fake(name, "true")
    fake("sbatch", 'case "$*" in *--version*) echo slurm 24.05.1 ;; esac')
    fake("scontrol", SCONTROL)
    return fake
