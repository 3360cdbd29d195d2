"""How an app is shown: its look, and why it ended, in words. Pure."""

from collections.abc import Sequence

# state -> (how it looks, its word)
LOOKS: dict[str, tuple[str, str]] = {
    "requested": ("waiting", "requested"),
    "installing": ("in_progress", "installing"),
    "starting": ("in_progress", "starting"),
    "running": ("active", "running"),
    "stopping": ("in_progress", "stopping"),
    "stopped": ("ended", "stopped"),
    "failed": ("failed", "failed"),
    "released": ("ended", "released"),
}


LAST_LINE = " Its last line: “"


def ending(code: int | None, signal: str | None, error: str, tail: Sequence[str]) -> str:
    """Why an app is not running any more, with the last line it wrote."""
    if error:
        text = f"It failed: {error}."
    elif code is not None:
        text = f"It exited with code {code}."
    elif signal:
        text = f"It was ended by the signal {signal}."
    else:
        text = "It ended without saying why; the machine may have been restarted."
    lines = [line.strip() for line in tail if line.strip() and not line.startswith("[berth]")]
    return f"{text}{LAST_LINE}{lines[-1][:300]}”" if lines else text


def without_last_line(text: str) -> str:
    """The same for who may not read what the app wrote."""
    return text.partition(LAST_LINE)[0]
