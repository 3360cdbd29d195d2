"""Which build this is: stamped by the image's build arguments; `./berth up` stamps the checkout's commit."""

import os
import platform

import msgspec


class BuildInfo(msgspec.Struct, frozen=True):
    """Shown at `/api/v1/buildinfo` and attached to spans."""

    version: str
    commit: str
    python: str


BUILD = BuildInfo(
    version=os.environ.get("BERTH_VERSION", "0.1.0"),
    commit=os.environ.get("BERTH_COMMIT", "unknown"),
    python=platform.python_version(),
)
