"""The path of a copy on a machine, and the equivalent commands."""

import shlex

from app.shared.storagepath import BadPath, parse


def target_of(raw: str, name: str) -> str:
    """The path on the machine: below the login's home, or absolute when it starts with `/`. When it is empty or ends
    with `/`, the file keeps its own name. Raises BadPath."""
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
    """The command that downloads a file from a link."""
    target = f"./{name}" if name.startswith("-") else name  # one dash alone is standard output
    return shlex.join(("curl", "--fail", "--location", "--globoff", "--output", target, url))


def cli_argv(namespace: str, path: str) -> tuple[str, ...]:
    """The `berth` command that copies a file to the current directory."""
    return ("storage", "cp", f"berth:{namespace}/{path}", ".")


__all__ = ["BadPath", "cli_argv", "curl_command", "target_of"]
