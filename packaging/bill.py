"""The bill of materials of the packaged program, as CycloneDX 1.6 JSON.

Made from the metadata of the environment that the program is built from, so that it names what is
inside and nothing else: a tool that lists an environment would name the tools of the build too.
"""

import hashlib
import json
import platform
import re
import uuid
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import licences

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = tuple(ROOT / "assets" / folder for folder in ("models", "detectors", "landmarks"))
_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def bill(folder: Path, time: datetime | None = None) -> dict[str, Any]:
    """The document for the program in ``folder``; ``time`` is when it was made, by default now."""
    version = metadata.version("ferdesk")
    own = {
        "type": "application",
        "bom-ref": f"pkg:pypi/ferdesk@{version}",
        "name": "ferdesk",
        "version": version,
        "purl": f"pkg:pypi/ferdesk@{version}",
        "licenses": [{"license": {"id": "MIT"}}],
    }
    parts = [_library(part) for part in licences.parts() if part.name.lower() != "ferdesk"]
    parts.append(
        {
            "type": "platform",
            "bom-ref": f"python@{platform.python_version()}",
            "name": "Python",
            "version": platform.python_version(),
            "licenses": [{"license": {"id": "PSF-2.0"}}],
        }
    )
    parts += [_system(part) for part in licences.system_parts(folder)]
    components = sorted([*parts, *_models()], key=lambda c: str(c["name"]).lower())
    depends = [
        {"ref": own["bom-ref"], "dependsOn": sorted(str(c["bom-ref"]) for c in components)},
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components))}",
        "version": 1,
        "metadata": {
            "timestamp": (time or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": own,
        },
        "components": components,
        "dependencies": depends,
    }


def _library(part: licences.Part) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", part.name).lower()
    purl = f"pkg:pypi/{name}@{part.version}"
    licence: dict[str, Any] = {"license": {"name": part.licence}}
    if _SPDX.fullmatch(part.licence) and "see its" not in part.licence:
        licence = {"expression": part.licence}
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": part.name,
        "version": part.version,
        "purl": purl,
        "licenses": [licence],
    }
    if part.home.startswith("http"):
        found["externalReferences"] = [{"type": "website", "url": part.home}]
    return found


def _system(part: licences.SystemPart) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{part.name}@{part.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": part.name,
        "version": part.version,
        "purl": purl,
    }


def _models() -> list[dict[str, Any]]:
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model/{path.name}",
            "name": path.name,
            "hashes": [
                {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}
            ],
        }
        for folder in NETWORKS
        for path in sorted(folder.glob("*.onnx"))
    ]


def write(folder: Path, path: Path) -> None:
    """Write the bill of materials of the program in ``folder`` to ``path``."""
    path.write_text(json.dumps(bill(folder), indent=2) + "\n", encoding="utf-8")
