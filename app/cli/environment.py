"""The environment of a command: what is set wins; else what the checkout's running stack has written down."""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Any of these set by hand means: this command was configured on purpose, do not mix in a local stack.
_CONFIGURED = ("BERTH_DATABASE_URL", "BERTH_DATABASE_OWNER_URL", "BERTH_PUBLIC_URL")


def adopt_running_stack() -> None:
    """Fills os.environ from `BERTH_HOME/env.json` (written by `berth up`) unless the command is configured already."""
    if any(name in os.environ for name in _CONFIGURED):
        return
    path = (ROOT / os.environ.get("BERTH_HOME", ".berth")).resolve() / "env.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        print("berth: no settings in the environment and no running stack (./berth up)", file=sys.stderr)
        raise SystemExit(3) from None
    for name, value in content.items():
        os.environ.setdefault(name, value)
