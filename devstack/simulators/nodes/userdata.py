"""Reads the cloud-config that a deploy carried, the way the machine's first boot would: each part on its own.

A part that is missing or broken has no effect, as on a real machine: no certificate authority, no way in. Only the
JSON form of cloud-config is read; anything else counts as broken.
"""

import json
import re

import msgspec

HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
PRINCIPAL = re.compile(r"[A-Za-z0-9:._@-]{1,256}")
KEY_LINE = re.compile(r"(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}")
_PLAIN_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+( [^\n]*)?")
REVOKED_KEYS = "/etc/ssh/berth_revoked_keys"
_NO_SHELL = ("/nologin", "/false")


class BootUser(msgspec.Struct, frozen=True):
    """One entry of `users`: an account which exists from the first boot on."""

    name: str
    gecos: str
    sudo: str
    may_log_in: bool
    keys: tuple[str, ...]


class Boot(msgspec.Struct, frozen=True):
    """What the first boot left behind: host key, accounts and files. Empty strings mean "not given"."""

    hostname: str = ""
    host_private: str = ""
    host_certificate: str = ""
    users: tuple[BootUser, ...] = ()
    files: dict[str, str] = {}

    def user_ca(self) -> str:
        """The public key of the authority that sshd would trust for user certificates, or ""."""
        path = self._sshd_option("TrustedUserCAKeys")
        lines = [line.strip() for line in self.files.get(path, "").splitlines()]
        return next((line for line in lines if _PLAIN_KEY.fullmatch(line)), "")

    def principals(self, login: str) -> tuple[str, ...]:
        """The certificate principals that may become `login`; without AuthorizedPrincipalsFile, the login itself."""
        path = self._sshd_option("AuthorizedPrincipalsFile")
        if not path:
            return (login,)
        content = self.files.get(path.replace("%u", login), "")
        return tuple(line.strip() for line in content.splitlines() if PRINCIPAL.fullmatch(line.strip()))

    def reads_authorized_keys(self) -> bool:
        """False when sshd was told to read no authorized_keys file at all."""
        return self._sshd_option("AuthorizedKeysFile").lower() != "none"

    def reads_key_files(self) -> bool:
        """True when sshd was told to read the files that `berth-node keys` writes."""
        return "/etc/ssh/auth_keys/%u" in self._sshd_words("AuthorizedKeysFile")

    def asks_revoked_keys(self) -> bool:
        """True when sshd was told to ask the list that `berth-node end-certificates` keeps."""
        return self._sshd_option("RevokedKeys") == REVOKED_KEYS

    def locks_everybody_out(self) -> bool:
        """sshd refuses every key while a list that it was told to ask is not there."""
        path = self._sshd_option("RevokedKeys")
        return path not in ("", "none") and path not in self.files

    def forwards_sockets(self) -> bool:
        """Whether sshd lets a certificate that may forward reach Unix sockets; it does unless told otherwise."""
        return self._sshd_option("AllowStreamLocalForwarding").lower() in ("", "yes", "all", "local")

    def _sshd_option(self, name: str) -> str:
        argv = self._sshd_words(name)
        return argv[0] if len(argv) == 1 else ""

    def _sshd_words(self, name: str) -> list[str]:
        for path, content in sorted(self.files.items()):
            if not re.fullmatch(r"/etc/ssh/sshd_config(\.d/[^/]+\.conf)?", path):
                continue
            for line in content.splitlines():
                argv = line.split()
                if len(argv) >= 2 and argv[0].lower() == name.lower():
                    return argv[1:]
        return []


def read_user_data(text: str) -> Boot:
    """Parse cloud-config; never raises, because a machine boots with broken user-data too."""
    if not text.startswith("#cloud-config"):
        return Boot()
    try:
        config = json.loads(text.partition("\n")[2])
    except ValueError:
        return Boot()
    if not isinstance(config, dict):
        return Boot()
    keys = config.get("ssh_keys")
    keys = keys if isinstance(keys, dict) else {}
    return Boot(
        hostname=_hostname(config.get("hostname")),
        host_private=_text(keys.get("ed25519_private")),
        host_certificate=_text(keys.get("ed25519_certificate")),
        users=_users(config.get("users")),
        files=_files(config.get("write_files")),
    )


def _hostname(value: object) -> str:
    name = _text(value)
    return name if HOSTNAME.fullmatch(name) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _users(entries: object) -> tuple[BootUser, ...]:
    users: dict[str, BootUser] = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not LOGIN.fullmatch(_text(entry.get("name"))) or entry["name"] == "root":
            continue
        sudo = entry.get("sudo")
        keys = entry.get("ssh_authorized_keys")
        users[entry["name"]] = BootUser(
            name=entry["name"],
            gecos=re.sub(r"[^\w .,'()-]", "", _text(entry.get("gecos")))[:80],
            sudo="\n".join(map(_text, sudo)) if isinstance(sudo, list) else _text(sudo),
            may_log_in=not _text(entry.get("shell")).endswith(_NO_SHELL),
            keys=tuple(k.strip() for k in keys if isinstance(k, str) and _PLAIN_KEY.fullmatch(k.strip()))
            if isinstance(keys, list)
            else (),
        )
    return tuple(users.values())


def _files(entries: object) -> dict[str, str]:
    files: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and _text(entry.get("path")).startswith("/"):
            files[entry["path"]] = _text(entry.get("content"))
    return files
