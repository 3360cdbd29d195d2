"""Pure rules of identity: safe return addresses, login names, first names of organisations."""

import base64
import hashlib
import re
import unicodedata

from app.shared.text import name_fault, text_fault

LONGEST_DISPLAY_NAME = 200
LOGIN = re.compile(r"^[a-z][a-z0-9_-]{0,30}$")
# Accounts and groups of the images: on a machine nobody can be given a name that is taken there.
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
    """POSIX logins to try for a person, best first; numbers follow when they are taken.

    `Ada Marsh` -> ada, amarsh; letters that do not fold to ASCII are dropped; a name that leaves nothing gets `user`.
    """
    words = [_fold(word) for word in name.split()]
    words = [word for word in words if word]
    bases = []
    if words:
        bases.append(words[0])
        bases.append(words[0][0] + words[-1])
    bases.append(_fold(email.partition("@")[0]))
    bases.append("user")
    found: list[str] = []
    for base in bases:
        cut = base[:24]
        if LOGIN.match(cut) and cut not in RESERVED and cut not in found:
            found.append(cut)
    return [*found, *(f"{found[0] if found else 'user'}{number}" for number in range(2, 200))]


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]", "", folded).lstrip("0123456789_-")


def organisation_name(person: str) -> str:
    """What a new person's organisation is called until they rename it."""
    first = person.split()[0] if person.split() else "My"
    suggested = f"{first}'s organisation"
    return "My organisation" if name_fault(suggested) else suggested


def display_name(name: str, email: str) -> str:
    """What the provider said, exactly; the address when that cannot be shown on one line."""
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
    """Whether `uri` leads to a program on the person's own computer (RFC 8252 §7.3): any port, this one path."""
    match = LOOPBACK_REDIRECT.fullmatch(uri)
    return match is not None and int(match[1]) <= 65_535


def is_challenge(text: str) -> bool:
    """Whether `text` has the form of an S256 code challenge (RFC 7636 §4.2)."""
    return CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636 §4.2; of a verifier that has not its form something that matches nothing."""
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def browser_words(user_agent: str) -> str:
    """`Chrome on Linux`: what a person recognises of a User-Agent header; its first words when nothing is known."""
    if user_agent.startswith(COMMAND_LINE + "/"):
        host = user_agent.partition("(")[2].rstrip(")").strip()
        return f"berth command line on {host}" if host else "berth command line"
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or user_agent.split(" ")[0][:40] or "Unknown browser"
