"""The user-data of a deployment: who may enter the machine, and how it proves which one it is. Text in, text out.

cloud-config is YAML, and JSON is YAML: written as JSON, no value can break out of its place. It carries a host key made
for this deployment and the public key of the user CA; it never carries a private key of a person or a password.
"""

import json
import re

import msgspec

from app.domains.provisioning.contracts import MANAGEMENT_LOGIN, NODE_COMMAND

Entry = dict[str, object]
WHOLE_MARK = "/etc/berth/whole"  # berth-node looks for it: nobody has to be kept apart here
_SSHD_ALWAYS = (
    "TrustedUserCAKeys /etc/ssh/berth_user_ca.pub\n"
    "AuthorizedPrincipalsFile /etc/ssh/auth_principals/%u\n"
    "RevokedKeys /etc/ssh/berth_revoked_keys\n"  # certificates that have ended; sshd asks it at each login
    "PasswordAuthentication no\n"
    "KbdInteractiveAuthentication no\n"
    "ChallengeResponseAuthentication no\n"  # its name before OpenSSH 8.7
    "PermitRootLogin no\n"
    "UsePAM yes\n"  # by which a session comes into the slice of its login, where its GPUs are
)
_SSHD_WHOLE = (
    "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/auth_keys/%u\n"  # the second is berth-node's, owned by root
    "AllowAgentForwarding yes\n"
    "AllowTcpForwarding yes\n"
    "AllowStreamLocalForwarding yes\n"
)
_SSHD_SHARED = (
    "AuthorizedKeysFile /etc/ssh/auth_keys/%u\n"  # a login's own keys would outlive the right to log in
    "AllowAgentForwarding no\n"
    "AllowTcpForwarding no\n"
    "AllowStreamLocalForwarding local\n"  # the proxy reaches an app's socket as the app's own login
    "X11Forwarding no\n"
    "PermitTunnel no\n"
    "PermitUserEnvironment no\n"
)


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """The one person whose account a whole machine is made with."""

    login: str
    uid: int
    gecos: str
    principal: str


class MachineIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's name and host key, all in OpenSSH text form."""

    hostname: str
    management_principal: str
    host_private: str
    host_public: str
    host_certificate: str


def user_data(machine: MachineIdentity, user_ca_public: str, node_script: str, tenant: Tenant | None) -> str:
    """The whole cloud-config. Without a `tenant` (shared machines) only the management account exists at first."""
    users, files = _management(machine, user_ca_public, shared=tenant is None)
    if tenant is not None:
        users.append(_account(tenant))
        files.append({"path": f"/etc/ssh/auth_principals/{tenant.login}", "content": tenant.principal + "\n"})
        files.append({"path": WHOLE_MARK, "content": "# rented whole: berth-node keeps nobody apart here\n"})
    files.append({"path": NODE_COMMAND, "permissions": "0755", "content": node_script})
    return cloud_config(
        {
            "hostname": machine.hostname,
            "manage_etc_hosts": "localhost",  # sudo looks the machine's own name up
            "ssh_deletekeys": True,
            "ssh_keys": {
                "ed25519_private": machine.host_private,
                "ed25519_public": machine.host_public,
                "ed25519_certificate": machine.host_certificate,
            },
            "users": users,
            "write_files": files,
            # Where sshd runs already, it reads its configuration anew; where it does not, it will when it starts.
            "runcmd": [[NODE_COMMAND, "activate"]],
        }
    )


def cloud_config(config: Entry) -> str:
    """JSON that YAML reads as the same values. JSON escapes what is beyond U+FFFF as two halves, which YAML takes for
    two characters that no file can hold, so it stands as it is; some of the rest only escaped (YAML 1.1 §5.1)."""
    text = json.dumps(config, ensure_ascii=False, indent=1)
    return "#cloud-config\n" + re.sub("[\x7f-\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def sshd_config(*, shared: bool) -> str:
    """What sshd is told. Whoever rents a whole machine may do everything on it; a slice is for shells and files."""
    return _SSHD_ALWAYS + (_SSHD_SHARED if shared else _SSHD_WHOLE)


def _management(machine: MachineIdentity, user_ca_public: str, *, shared: bool) -> tuple[list[Entry], list[Entry]]:
    """The account that may run the one management command, and the authority that the machine trusts."""
    user: Entry = {
        "name": MANAGEMENT_LOGIN,
        "system": True,  # a number that is free: images differ in which are
        "homedir": "/",
        "lock_passwd": True,
        "shell": "/bin/bash",
        "sudo": f"ALL=(root) NOPASSWD: {NODE_COMMAND}",
    }
    files: list[Entry] = [
        {"path": "/etc/ssh/berth_user_ca.pub", "content": user_ca_public.rstrip("\n") + "\n"},
        {"path": "/etc/ssh/berth_revoked_keys", "content": "# berth-node end-certificates writes this file\n"},
        {"path": "/etc/ssh/sshd_config.d/10-berth.conf", "content": sshd_config(shared=shared)},
        {
            "path": f"/etc/ssh/auth_principals/{MANAGEMENT_LOGIN}",
            "content": machine.management_principal + "\n",
        },
    ]
    return [user], files


def _account(tenant: Tenant) -> Entry:
    return {
        "name": tenant.login,
        "uid": tenant.uid,
        "gecos": plain_gecos(tenant.gecos),
        "lock_passwd": True,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL:ALL) NOPASSWD: ALL",
    }


def plain_gecos(name: str) -> str:
    """A person's name without what would end a field of the password file."""
    return "".join(" " if sign in ":,\n\r\t" or not sign.isprintable() else sign for sign in name)[:60].strip()
