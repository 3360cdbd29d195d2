"""`berth ssh` and `berth ssh-config`: OpenSSH's own client, with a certificate that is made for minutes.

The private key is made here and never leaves this computer. The machine has to prove itself by our host authority: the
known hosts that ssh is given hold that one line and nothing else.
"""

import os
import shutil
import subprocess
from pathlib import Path

import click

from app.cli.client import names
from app.cli.client.credentials import folder, write_private
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.machines import MACHINE
from app.cli.client.options import api_command
from app.cli.client.root import berth

ROOT = Path(__file__).resolve().parents[3]


def own_key() -> Path:
    """The key of this computer, made on first use. Raises Failure."""
    path = folder() / "keys" / "id_ed25519"
    if path.exists() and Path(f"{path}.pub").exists():
        return path
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "berth", "-f", str(path)]
    try:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure("ssh-keygen is needed and does not work here.", Exit.UNEXPECTED, "Install OpenSSH.") from error
    return path


def prepare(api: Api, word: str) -> tuple[Json, dict[str, str]]:
    """A fresh certificate for a machine; answers the machine and the options that ssh needs."""
    machine, key = names.machine(api, word), own_key()
    body = {"public_key": Path(f"{key}.pub").read_text()}
    said = api.post(f"/api/v1/allocations/{machine['id']}/ssh-certificates", body)
    place = folder() / "ssh" / str(machine["id"])
    write_private(place / "certificate.pub", said["certificate"] + "\n")
    write_private(place / "known_hosts", said["known_hosts"] + "\n")
    return machine, {
        "HostName": said["host"],
        "Port": str(said["port"]),
        "User": said["login"],
        "HostKeyAlias": said["host_key_alias"],
        "IdentityFile": f'"{key}"',
        "CertificateFile": f'"{place / "certificate.pub"}"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{place / "known_hosts"}"',
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
    words = [program, "-F", "none"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    os.execv(program, [*words, found["name"], *command])  # noqa: S606 - the person's own ssh takes our place


@api_command(berth, "ssh-config")
@click.argument("machine", type=MACHINE)
@click.option("--renew", is_flag=True, help="Only make a fresh certificate; the printed block calls this.")
def ssh_config(api: Api, as_json: bool, machine: str, renew: bool) -> None:
    """Print a block for ~/.ssh/config, so that ssh, scp and editors reach the machine by its name."""
    found, options = prepare(api, machine)
    if renew:
        return
    command = os.environ.get("BERTH_COMMAND") or ROOT / "berth"
    again = f"{command} ssh-config {found['id']} --renew --url {api.url}"
    click.echo(f'Match originalhost {found["name"]} exec "{again}"')
    for name, value in options.items():
        click.echo(f"    {name} {value}")
