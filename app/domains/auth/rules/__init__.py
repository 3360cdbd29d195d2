"""Pure rules of auth: safe return addresses, POSIX logins, names, PKCE."""

import base64
import hashlib
import re
import unicodedata

from app.shared.text import name_fault, text_fault

LONGEST_DISPLAY_NAME = 200
LOGIN = re.compile(r"^[a-z][a-z0-9_-]{0,30}$")
# Accounts and groups of the images: nobody may have one of these names as their login.
RESERVED = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody systemd sshd ubuntu"
    " admin berth berth-mgmt messagebus syslog tcpdump landscape adm tty disk kmem dialout fax voice cdrom floppy tape"
    " sudo audio dip operator src shadow utmp video sasl plugdev staff users nogroup crontab input kvm render sgx lxd"
    " docker netdev dhcpcd polkitd rdma wheel debian centos rocky cloud-user ec2-user cloud-init gnats uuidd usbmux"
    " pollinate fwupd-refresh tss lxc libvirt postgres mysql redis nginx apache ftp git systemd-journal systemd-network"
    " systemd-timesync systemd-resolve systemd-coredump nvidia-persistenced chrony ntp rtkit avahi".split()
)


def safe_next(candidate: str | None) -> str:
    """A path of our own site to return to, or `/`: no scheme, no host, no backslash, no control character."""
    if not candidate or not candidate.startswith("/") or len(candidate) > 500:
        return "/"
    if candidate.startswith(("//", "/\\")) or "\\" in candidate or not candidate.isprintable():
        return "/"
    if candidate.startswith(("/login", "/auth/", "/logout")):
        return "/"
    return candidate


def login_candidates(name: str, email: str) -> list[str]:
    """POSIX logins for a person, in order of preference, then with numbers.

    `Ada Marsh` gives ada, amarsh. Letters without an ASCII form are dropped; an empty result becomes `user`.
    """
    words = [_fold(word) for word in name.split()]
    words = [word for word in words if word]
    bases = []
    if words:
        bases.append(words[0])
        bases.append(words[0][0] + words[-1])
    bases.append(_fold(email.partition("@")[0]))
    bases.append("user")
    logins: list[str] = []
    for base in bases:
        cut = base[:24]
        if LOGIN.match(cut) and cut not in RESERVED and cut not in logins:
            logins.append(cut)
    return [*logins, *(f"{logins[0] if logins else 'user'}{number}" for number in range(2, 200))]


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]", "", folded).lstrip("0123456789_-")


def organisation_name(person: str) -> str:
    """The default name of a person's first organisation."""
    first = person.split()[0] if person.split() else "My"
    suggested = f"{first}'s organisation"
    return "My organisation" if name_fault(suggested) else suggested


def display_name(name: str, email: str) -> str:
    """The name from the provider, unchanged; the address when it cannot be shown on one line."""
    return email if text_fault(name, 1, LONGEST_DISPLAY_NAME) else name


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


COMMAND_LINE = "berth-cli"
LOOPBACK_REDIRECT = re.compile(r"^http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback$")
CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}$")


def is_loopback_redirect(uri: str) -> bool:
    """Whether `uri` is our loopback redirect (RFC 8252 §7.3): any port, one path."""
    match = LOOPBACK_REDIRECT.fullmatch(uri)
    return match is not None and int(match[1]) <= 65_535


def is_challenge(text: str) -> bool:
    """Whether `text` has the form of an S256 code challenge (RFC 7636 §4.2)."""
    return CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2); empty, which matches nothing, for a malformed verifier."""
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def browser_label(user_agent: str) -> str:
    """A readable label of a User-Agent header, such as `Chrome on Linux`; its first token when unknown."""
    if user_agent.startswith(COMMAND_LINE + "/"):
        host = user_agent.partition("(")[2].rstrip(")").strip()
        return f"berth command line on {host}" if host else "berth command line"
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or user_agent.split(" ")[0][:40] or "Unknown browser"
