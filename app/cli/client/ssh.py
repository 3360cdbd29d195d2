"""`berth ssh` and `berth ssh-config`: OpenSSH's own client, with a certificate that is made for minutes.

The private key is made here and never leaves this computer. The machine has to prove itself by our host authority: the
known hosts that ssh is given hold that one line and nothing else.
"""

import os
import shutil
import subprocess
from pathlib import Path

import click

from app.cli.client import local, names, output, sshconfig
from app.cli.client.credentials import folder, not_usable, write_private
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.machines import MACHINE
from app.cli.client.options import api_command
from app.cli.client.root import berth

LONGEST_KEY = 64 * 1024  # bytes
ROOT = Path(__file__).resolve().parents[3]


def own_key() -> Path:
    """The key of this computer, made on first use. Raises Failure."""
    path = folder() / "keys" / "id_ed25519"
    try:
        if path.exists() and Path(f"{path}.pub").exists():
            return path
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_usable(path, error) from error
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "berth", "-f", str(path)]
    try:
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure("ssh-keygen is needed and does not work here.", Exit.UNEXPECTED, "Install OpenSSH.") from error
    return path


def prepare(api: Api, ref: str) -> tuple[Json, dict[str, str]]:
    """A fresh certificate for a machine; answers the machine and the options that ssh needs, quoted for it."""
    machine, key = names.machine(api, ref), own_key()
    sshconfig.name(machine["name"], "the name of a machine")
    body = {
        "public_key": local.short_text(Path(f"{key}.pub"), LONGEST_KEY, "Delete the keys there: they are made anew.")
    }
    access = api.post(f"/api/v1/allocations/{machine['id']}/ssh-certificates", body)
    path = folder() / "ssh" / local.file_name(str(machine["id"]))
    write_private(path / "certificate.pub", access["certificate"] + "\n")
    write_private(path / "known_hosts", access["known_hosts"] + "\n")
    return machine, {
        "HostName": sshconfig.name(access["host"], "a host"),
        "Port": sshconfig.name(int(access["port"]), "a port"),
        "User": sshconfig.name(access["login"], "a login"),
        "HostKeyAlias": sshconfig.name(access["host_key_alias"], "the name of a host's key"),
        "IdentityFile": sshconfig.path(key),
        "CertificateFile": sshconfig.path(path / "certificate.pub"),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": sshconfig.path(path / "known_hosts"),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
    }


@api_command(berth, "ssh", context_settings={"ignore_unknown_options": True})
@click.argument("machine", type=MACHINE)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(api: Api, as_json: bool, machine: str, command: tuple[str, ...]) -> None:
    """Log in to a machine with OpenSSH. What follows -- is run there instead of a shell."""
    program = shutil.which("ssh")
    if program is None:
        raise Failure("There is no ssh on this computer.", Exit.UNEXPECTED, "Install OpenSSH.")
    found, options = prepare(api, machine)
    argv = [program, "-F", "none"]
    for name, value in options.items():
        argv += ["-o", f"{name}={value}"]
    # Behind -- nothing is an option of ssh any more, neither the name nor the words of the remote command.
    os.execv(program, [*argv, "--", found["name"], *command])  # noqa: S606 - the person's own ssh takes our place


@api_command(berth, "ssh-config")
@click.argument("machine", type=MACHINE)
@click.option("--renew", is_flag=True, help="Only make a fresh certificate; the printed block calls this.")
def ssh_config(api: Api, as_json: bool, machine: str, renew: bool) -> None:
    """Print a block for ~/.ssh/config, so that ssh, scp and editors reach the machine by its name."""
    found, options = prepare(api, machine)
    if renew:
        return
    program = os.environ.get("BERTH_COMMAND") or str(ROOT / "berth")
    again = [program, "ssh-config", str(found["id"]), "--renew", "--url", api.url]
    output.say(sshconfig.block(found["name"], again, options))
