"""Where a file may go on a machine, and the commands that do the same by hand. Pure."""

import shlex

from app.shared.storagepath import BadPath, parse


def target_of(raw: str, name: str) -> str:
    """The path on the machine: below the login's home, or from the root with `/` in front. Empty or ending with `/`
    means the file's own name there. Raises BadPath."""
    wanted = raw
    if wanted in ("", "~", "~/", "."):
        return parse(name)
    wanted = wanted.removeprefix("~/").removeprefix("./")
    root = "/" if wanted.startswith("/") else ""
    wanted = wanted.removeprefix("/")
    if wanted.endswith("/") or not wanted:
        wanted += name
    return root + parse(wanted)


def curl_command(url: str, name: str) -> str:
    """Download by hand, with an address that somebody was given."""
    target = f"./{name}" if name.startswith("-") else name  # one dash alone is standard output
    return shlex.join(("curl", "--fail", "--location", "--globoff", "--output", target, url))


def cli_words(namespace: str, path: str) -> tuple[str, ...]:
    """The same with our own command."""
    return ("storage", "cp", f"berth:{namespace}/{path}", ".")


__all__ = ["BadPath", "cli_words", "curl_command", "target_of"]
