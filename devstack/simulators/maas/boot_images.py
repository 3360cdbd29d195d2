"""The images of the region and the names under which a deploy may ask for them."""

from datetime import UTC, datetime
from hashlib import sha256

from devstack.simulators.maas.render import BASE, Json
from devstack.simulators.maas.store import Store

DEFAULT_SERIES = "noble"
IMAGES = {
    "ubuntu/noble": ("Synced", "ga-24.04", "24.04"),
    "ubuntu/jammy": ("Synced", "ga-22.04", "22.04"),
    "custom/ml-noble": ("Uploaded", "generic", "ubuntu 24.04 + CUDA"),
}


def resolve(series: str) -> tuple[str, str] | None:
    """(osystem, distro_series) for `noble`, `ubuntu/noble`, `ubuntu/24.04`, `custom/ml-noble` or nothing at all."""
    wanted = series or DEFAULT_SERIES
    for name, (_, _, release) in IMAGES.items():
        osystem, _, short = name.partition("/")
        if wanted in (name, short, f"{osystem}/{release}"):
            return osystem, short
    return None


def kernel(osystem: str, series: str) -> str:
    """The kernel MAAS chooses by itself."""
    found = IMAGES[f"{osystem}/{series}"][1]
    return "ga-24.04" if found == "generic" else found


def image_json(name: str, store: Store) -> Json:
    """One boot resource, as in the list."""
    number = list(IMAGES).index(name) + 1
    kind, subarchitecture, _ = IMAGES[name]
    used = store.image_uses().get(name)
    return {
        "id": number, "type": kind, "name": name, "architecture": f"amd64/{subarchitecture}",
        "resource_uri": f"{BASE}/boot-resources/{number}/", "platform": "generic", "supported_platforms": "generic",
        "last_deployed": used and datetime.fromtimestamp(used, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
        "subarches": "generic,hwe-p,hwe-q,ga-22.04,hwe-22.04,ga-24.04,hwe-24.04",
    }  # fmt: skip


def sets_json(name: str) -> Json:
    """The files of one boot resource."""
    kinds = ("squashfs", "boot-initrd", "boot-kernel")
    digests = {kind: sha256(f"{name}/{kind}".encode()).hexdigest() for kind in kinds}
    files: Json = {
        kind: {"filename": kind, "filetype": kind, "sha256": digest, "size": 512 * 2**20,
               "filename_on_disk": digest[:7], "complete": True}
        for kind, digest in digests.items()
    }  # fmt: skip
    version: Json = {"version": "20261120", "label": "stable", "size": 1536 * 2**20, "complete": True, "files": files}
    return {"20261120": version}
