"""`berth keys …`: one's SSH keys, and on which machines they are."""

import sys

import click

from app.cli.client import local, names, output
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.machines import MACHINE
from app.cli.client.options import api_command
from app.cli.client.root import berth

PATH = "/api/v1/ssh-keys"
LONGEST_KEY = 64 * 1024  # bytes


@berth.group("keys")
def keys() -> None:
    """Your SSH keys and the machines that they open."""


def _own(api: Api, ref: str) -> Json:
    rows = api.items(PATH)
    by_print = [row for row in rows if row["fingerprint"] == ref]
    return by_print[0] if by_print else names.pick(rows, ref, "key")


@api_command(keys, "ls")
@click.argument("machine", type=MACHINE, required=False)
def keys_ls(api: Api, as_json: bool, machine: str | None) -> None:
    """Your keys, or the keys on a machine."""
    path = PATH if machine is None else f"/api/v1/allocations/{names.machine(api, machine)['id']}/ssh-keys"
    rows = api.items(path)
    if as_json:
        output.show_json(output.listed(rows))
        return
    output.table(
        ("NAME", "STATE" if machine else "MACHINES", "KIND", "FINGERPRINT", "LAST USED"),
        [
            (
                row["name"], row["state"] if machine else row["machines"], row["algorithm"], row["fingerprint"],
                output.moment(row["last_used_at"]),
            )
            for row in rows
        ],
        "No keys. Add one with: berth keys add laptop ~/.ssh/id_ed25519.pub",
    )  # fmt: skip


@api_command(keys, "add")
@click.argument("name")
@click.argument("file")
def keys_add(api: Api, as_json: bool, name: str, file: str) -> None:
    """Register the public key in FILE (- is standard input)."""
    text = _read(file)
    if "PRIVATE KEY" in text:
        raise Failure(f"{file} is a private key. It was not sent.", Exit.USAGE, f"Name the public half: {file}.pub")
    answer = api.post(PATH, {"name": name, "public_key": text})
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"{answer['name']} is registered: {answer['fingerprint']}")


def _read(file: str) -> str:
    fix = "Name the .pub file beside your key."
    if file == "-":
        return local.text_of(sys.stdin.buffer.read(LONGEST_KEY + 1), "Standard input", LONGEST_KEY, fix)
    return local.short_text(local.named(file), LONGEST_KEY, fix)


@api_command(keys, "rm")
@click.argument("key")
def keys_rm(api: Api, as_json: bool, key: str) -> None:
    """Revoke a key: it opens no machine any more, within seconds."""
    found = _own(api, key)
    answer = api.delete(f"{PATH}/{found['id']}")
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"{found['name']} is revoked.")


@api_command(keys, "attach")
@click.argument("key")
@click.argument("machine", type=MACHINE)
def keys_attach(api: Api, as_json: bool, key: str, machine: str) -> None:
    """Attach a key of yours to an active machine."""
    found, target = _own(api, key), names.machine(api, machine)
    answer = api.post(f"/api/v1/allocations/{target['id']}/ssh-keys", {"key_id": found["id"]})
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"{found['name']} is being attached to {target['name']}.")


@api_command(keys, "detach")
@click.argument("key")
@click.argument("machine", type=MACHINE)
def keys_detach(api: Api, as_json: bool, key: str, machine: str) -> None:
    """Take a key off a machine; connections made with it end."""
    target = names.machine(api, machine)
    path = f"/api/v1/allocations/{target['id']}/ssh-keys"
    found = names.pick(api.items(path), key, "key on this machine")
    answer = api.delete(f"{path}/{found['key_id']}")
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"{found['name']} is being taken off {target['name']}.")
