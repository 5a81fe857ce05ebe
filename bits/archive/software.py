"""The code that made something, as an entity of the archive's metadata."""

from __future__ import annotations

from collections.abc import Mapping

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from bits.archive.origins import Code


def software(crate: ROCrate, code: Code, versions: Mapping[str, str]) -> ContextEntity:
    """The code at a commit, with the packages that numbers depend on."""
    commit, dirty = code.commit, code.dirty
    version = f"{commit}{' with uncommitted changes' if dirty else ''}" if commit else "unknown commit"
    identity = f"#code-{commit or 'unknown'}{'-changed' if dirty else ''}"
    known = crate.get(identity)
    if known:
        return known
    properties = {
        "@type": "SoftwareApplication",
        "name": "bits-reproduction",
        "softwareVersion": version,
        "softwareRequirements": [_package(crate, name, number) for name, number in versions.items()],
    }
    return crate.add(ContextEntity(crate, identity, properties))


def _package(crate: ROCrate, name: str, version: str) -> ContextEntity:
    properties = {"@type": "SoftwareApplication", "name": name, "softwareVersion": version}
    registry = "generic" if name == "python" else "pypi"
    return crate.add(ContextEntity(crate, f"pkg:{registry}/{name}@{version}", properties))
