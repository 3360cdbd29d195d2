"""Becomes a session's process where namespaces are not to be had.

    python -I -S launcher.py UID TTY NOFILE NPROC FSIZE COMMAND [ARGUMENT...]

Runs alone, before any thread exists, and imports the standard library only. UID -1 means "stay who we are".
"""

import ctypes
import fcntl
import os
import resource
import signal
import sys
import termios

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main(arguments: list[str]) -> None:
    """Drop every privilege, take the terminal as controlling one, and exec; never returns."""
    uid, tty, nofile, nproc, fsize = (int(value) for value in arguments[:5])
    os.setsid()
    if tty:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
    resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if uid != -1:
        resource.setrlimit(resource.RLIMIT_NPROC, (nproc, nproc))
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # After the change of uid, which would clear the death signal.
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    environment = dict(os.environ)
    environment["PATH"] = environment.pop("SESSION_PATH")
    os.chdir(environment["HOME"])
    os.execvpe(arguments[5], arguments[5:], environment)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
