"""The state of one simulated machine: what MAAS said about it, and the accounts on it. Plain values, no I/O."""

import hashlib
import re
from typing import Literal

import msgspec

from devstack.simulators.nodes.userdata import LOGIN, PRINCIPAL, Boot, read_user_data

SYSTEM_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
MANAGEMENT_LOGIN = "berth-mgmt"
NODE_COMMAND = "/usr/local/sbin/berth-node"

_FIRST_UID = 2_000_000
_UID_SPAN = 1_000_000_000
_SAFE_TEXT = re.compile(r"[\w .:/()+-]{0,100}", re.ASCII)
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", re.IGNORECASE)

Fault = Literal["ssh_never_answers", "gpu_missing"]


class Gpu(msgspec.Struct, frozen=True):
    """One GPU as MAAS describes it; memory in MiB."""

    index: int
    name: str
    memory_mib: int
    uuid: str
    pci: str = ""


class MachineSpec(msgspec.Struct, frozen=True):
    """The body of PUT /machines/{system_id}: a machine that has just become Deployed."""

    hostname: str
    address: str
    user_data: str = ""
    gpus: tuple[Gpu, ...] = ()
    cpu_count: int = 0
    memory_mib: int = 0
    faults: tuple[Fault, ...] = ()

    def check(self) -> None:
        """Raise ValueError when a value could not belong to a machine on this computer's loopback network."""
        if not _HOSTNAME.fullmatch(self.hostname):
            raise ValueError("hostname is not a host name")
        octets = self.address.split(".")
        if len(octets) != 4 or octets[0] != "127" or not all(o.isdigit() and int(o) < 256 for o in octets):
            raise ValueError("address is not in 127.0.0.0/8")
        for gpu in self.gpus:
            if not all(_SAFE_TEXT.fullmatch(text) for text in (gpu.name, gpu.uuid, gpu.pci)):
                raise ValueError("a GPU's name, uuid or pci holds unexpected characters")

    def same_deploy(self, other: "MachineSpec") -> bool:
        """True when `other` is the same deploy told again; faults may come and go within one deploy."""
        return msgspec.structs.replace(self, faults=()) == msgspec.structs.replace(other, faults=())


class Account(msgspec.Struct):
    """A login on one machine. `uid` is the one its processes really have; `gpus` None means all of the machine's;
    `managed_keys` are those of `berth-node keys`, `used` the last second in which each key was let in."""

    login: str
    uid: int
    gecos: str = ""
    principals: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    managed_keys: tuple[str, ...] = ()
    used: dict[str, int] = {}
    gpus: tuple[int, ...] | None = None
    sudo: str = ""
    may_log_in: bool = True
    expired: bool = False


class Machine(msgspec.Struct):
    """A deployed machine. This is exactly what is kept on disk."""

    system_id: str
    spec: MachineSpec
    host_key: str
    accounts: dict[str, Account] = {}
    refused_serials: tuple[int, ...] = ()

    def hostname(self) -> str:
        """What the machine calls itself: what the user-data said, else the name that its controller knows."""
        return self.boot().hostname or self.spec.hostname

    def boot(self) -> Boot:
        """What the first boot made of the user-data."""
        return read_user_data(self.spec.user_data)

    def gpus_of(self, account: Account) -> tuple[Gpu, ...]:
        """The GPUs which a login sees."""
        return tuple(g for g in self.visible_gpus() if account.gpus is None or g.index in account.gpus)

    def visible_gpus(self) -> tuple[Gpu, ...]:
        """The machine's GPUs that answer; the fault `gpu_missing` hides the last one."""
        gpus = self.spec.gpus
        return gpus[:-1] if "gpu_missing" in self.spec.faults else gpus

    def may_run_node_command(self, account: Account) -> bool:
        """True when the deploy installed berth-node and this account's sudo rule names it."""
        return NODE_COMMAND in self.boot().files and NODE_COMMAND in account.sudo


def confined_uid(salt: str, system_id: str, login: str) -> int:
    """The uid of a login of a machine: high, stable, and different in every checkout (`salt` is its data folder)."""
    digest = hashlib.sha256("\0".join((salt, system_id, login)).encode()).digest()
    return _FIRST_UID + int.from_bytes(digest[:8], "big") % _UID_SPAN


def first_boot(system_id: str, spec: MachineSpec, host_key: str, salt: str) -> Machine:
    """A machine as it is right after its deploy."""
    machine = Machine(system_id=system_id, spec=spec, host_key=host_key)
    boot = machine.boot()
    for user in boot.users:
        machine.accounts[user.name] = Account(
            login=user.name,
            uid=confined_uid(salt, system_id, user.name),
            gecos=user.gecos,
            principals=boot.principals(user.name),
            keys=user.keys if boot.reads_authorized_keys() else (),
            sudo=user.sudo,
            may_log_in=user.may_log_in,
        )
    return machine


def add_user(machine: Machine, salt: str, login: str, principal: str, gpus: tuple[int, ...] | None) -> None:
    """Give `login` access with exactly this principal and these GPUs; raises ValueError on a bad value."""
    if not LOGIN.fullmatch(login) or login in ("root", MANAGEMENT_LOGIN):
        raise ValueError("login is not a name that may be managed")
    if not PRINCIPAL.fullmatch(principal):
        raise ValueError("principal holds unexpected characters")
    if gpus is not None and not set(gpus) <= {gpu.index for gpu in machine.spec.gpus}:
        raise ValueError("the machine has no GPU with that index")
    account = machine.accounts.get(login)
    if account is None:
        account = Account(login=login, uid=confined_uid(salt, machine.system_id, login))
        machine.accounts[login] = account
    account.principals, account.gpus, account.expired = (principal,), gpus, False
