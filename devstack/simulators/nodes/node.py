"""One running simulated machine: its SSH server, who may enter, its sessions, and the effects of berth-node."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable

import asyncssh
import msgspec
from asyncssh.public_key import SSHOpenSSHCertificate, decode_ssh_certificate

from devstack.simulators.nodes import commands, processes
from devstack.simulators.nodes.apps import Apps, open_socket
from devstack.simulators.nodes.confinement import Level, launch
from devstack.simulators.nodes.machine import MANAGEMENT_LOGIN, Account, Machine, add_user
from devstack.simulators.nodes.sessions import Process, Session
from devstack.simulators.nodes.store import Store

_TERM = re.compile(r"[A-Za-z0-9._+-]{1,40}")
_LOCALE = re.compile(r"[A-Za-z0-9._@-]{1,40}")
_HANDSHAKE_SECONDS = 20


class Node:
    """A machine that is switched on: `start`, `stop`, and everything that happens in between."""

    def __init__(self, machine: Machine, store: Store, level: Level, ssh_port: int) -> None:
        self.machine = machine
        self._store = store
        self._level = level
        self._ssh_port = ssh_port
        self._server: asyncssh.SSHAcceptor | asyncio.Server | None = None
        self._doors: set[_Door] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._sessions: set[Session] = set()
        self._apps = Apps(level)

    async def start(self) -> None:
        """Listen on the machine's address; raises OSError when that address or port is taken."""
        if "ssh_never_answers" in self.machine.spec.faults:
            self._server = await asyncio.start_server(self._say_nothing, self.machine.spec.address, self._ssh_port)
            return
        self._server = await asyncssh.create_server(
            lambda: _Door(self),
            self.machine.spec.address,
            self._ssh_port,
            server_host_keys=[self._host_key()],
            process_factory=self._serve,
            encoding=None,
            line_editor=False,
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_scp=False,
            login_timeout=_HANDSHAKE_SECONDS,
            keepalive_interval=30,
            keepalive_count_max=3,
            server_version="OpenSSH_9.6p1-simulated",
        )

    async def stop(self) -> None:
        """Close the port and end every session; files stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._silent:
            writer.transport.abort()
        self._end_sessions(lambda _login: True)
        self._apps.kill(lambda _login: True)
        for door in list(self._doors):
            door.abort()
        await asyncio.sleep(0)

    def authorized_keys(self, login: str) -> str:
        """What may become `login`, in the format of authorized_keys; "" when nobody may."""
        account = self.machine.accounts.get(login)
        if account is None or account.expired or login == "root" or self.machine.boot().locks_everybody_out():
            return ""
        lines = list(account.keys)
        if (ca := self.machine.boot().user_ca()) and account.principals:
            lines.append(f'cert-authority,principals="{",".join(account.principals)}" {ca}')
        return "\n".join(lines)

    def lets_in(self, login: str, key: asyncssh.SSHKey) -> bool:
        """Whether `berth-node keys` let this key become `login`; what it may do is `restrict,pty` as for all here."""
        account = self.machine.accounts.get(login)
        boot = self.machine.boot()
        if account is None or account.expired or not boot.reads_key_files() or boot.locks_everybody_out():
            return False
        return _line(key) in account.managed_keys

    def refuses(self, serial: int) -> bool:
        """Whether sshd refuses the certificate with this serial."""
        return serial in self.machine.refused_serials and self.machine.boot().asks_revoked_keys()

    def note_use(self, login: str, fingerprint: str) -> None:
        """As sshd's log would: this key became `login` now."""
        account = self.machine.accounts.get(login)
        if account is not None:
            account.used[fingerprint] = int(time.time())
            self._store.save(self.machine)

    def kill_processes(self, login: str) -> bool:
        """End every process of a login, also those that outlived their session; False when one survived."""
        account = self.machine.accounts[login]
        if self._level is Level.HOME:
            marker = f"{self._store.salt}:{self.machine.system_id}:{login}:"
            return processes.end(lambda: processes.with_marker(marker))
        return processes.end(lambda: processes.with_uid(frozenset({account.uid})))

    def enter(self, door: "_Door") -> None:
        """A connection begins."""
        self._doors.add(door)

    def leave(self, door: "_Door") -> None:
        """A connection has ended."""
        self._doors.discard(door)

    def _host_key(self) -> "asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]":
        boot = self.machine.boot()
        try:
            key = asyncssh.import_private_key(boot.host_private)
        except (ValueError, asyncssh.KeyImportError):
            return asyncssh.import_private_key(self.machine.host_key)
        try:
            certificate = asyncssh.import_certificate(boot.host_certificate)
            asyncssh.load_keypairs([(key, certificate)])
        except (ValueError, asyncssh.KeyImportError):
            return key
        return key, certificate

    async def _say_nothing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._silent.add(writer)
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
        finally:
            self._silent.discard(writer)
            writer.close()

    async def _serve(self, process: Process) -> None:
        account = self.machine.accounts.get(process.get_extra_info("username"))
        if account is None:  # deleted between authentication and this request
            process.exit(1)
            return
        command = process.command
        if process.subsystem is not None:
            process.exit(1)
        elif command is not None and commands.is_node_command(command) and self.machine.may_run_node_command(account):
            status, answer = await self._node_command(command)
            process.stdout.write(msgspec.json.encode(answer) + b"\n")
            process.exit(status)
        elif account.login == MANAGEMENT_LOGIN:
            process.stderr.write(b"This account runs berth-node and nothing else.\r\n")
            process.exit(1)
        elif not account.may_log_in:
            process.stderr.write(b"This account is currently not available.\r\n")
            process.exit(1)
        else:
            await self._shell(process, account)

    async def _shell(self, process: Process, account: Account) -> None:
        room = self._store.room(self.machine, account)
        session = Session(account.login, None if self._level is Level.HOME else account.uid)
        tty = process.term_type is not None
        argv = ("/bin/bash",) if process.command is None else ("/bin/bash", "-c", process.command)
        greeting = self._greeting(account) if tty and process.command is None else b""
        start = launch(self._level, room, argv, self._session_environment(process, account), tty=tty)
        self._sessions.add(session)
        try:
            await session.run(process, start, greeting)
        except (OSError, asyncssh.Error):
            process.exit(255)
        finally:
            self._sessions.discard(session)

    def _environment(self, account: Account) -> dict[str, str]:
        env = {
            "USER": account.login,
            "LOGNAME": account.login,
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PS1": f"{account.login}@{self.machine.hostname()}:\\w\\$ ",
            processes.MARKER: f"{self._store.salt}:{self.machine.system_id}:{account.login}:",
        }
        if account.gpus is not None:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, account.gpus))
        return env

    def _session_environment(self, process: Process, account: Account) -> dict[str, str]:
        env = self._environment(account)
        if process.term_type is not None:
            env["TERM"] = process.term_type if _TERM.fullmatch(process.term_type) else "xterm-256color"
        for name, value in process.env.items():
            if (name == "LANG" or re.fullmatch(r"LC_[A-Z]{1,20}", name)) and _LOCALE.fullmatch(value):
                env[name] = value
        return env

    def _greeting(self, account: Account) -> bytes:
        gpus = self.machine.gpus_of(account)
        names = sorted({gpu.name for gpu in gpus})
        what = f"{len(gpus)} x {' and '.join(names)}" if gpus else "no GPU"
        host = self.machine.hostname()
        return f"{host} is a simulated machine with {what}; {self._level.sentence}.\r\n".encode()

    async def _node_command(self, text: str) -> tuple[int, dict[str, object]]:
        try:
            command = commands.parse(text)
            if command.name in ("app-start", "app-stop"):
                return await self._app_command(command)
            answer = self._carry_out(command)
            return (0 if answer["ok"] else 1), answer
        except (commands.BadCommand, ValueError) as error:
            return commands.USAGE_EXIT, {"ok": False, "error": str(error)}

    async def _app_command(self, command: commands.NodeCommand) -> tuple[int, dict[str, object]]:
        account = self.machine.accounts.get(command.login)
        if command.name == "app-stop":
            await self._apps.stop(command.login, command.app)
        elif account is None or account.expired:
            return 1, {"ok": False, "error": "there is no such account"}
        else:
            room = self._store.room(self.machine, account)
            try:
                await self._apps.start(command.login, command.app, room, self._environment(account))
            except OSError as error:
                await self._apps.stop(command.login, command.app)
                return 1, {"ok": False, "error": f"the app could not be started: {error.strerror or error}"}
        return 0, {"ok": True, "command": command.name, "login": command.login}

    async def reach(self, login: str, path: str) -> "asyncssh.SSHUNIXSession[bytes]":
        """A socket in that login's home (direct-streamlocal). Raises ChannelOpenError."""
        account = self.machine.accounts.get(login)
        if account is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        return await open_socket(self._level, self._store.room(self.machine, account), path)

    def _carry_out(self, command: commands.NodeCommand) -> dict[str, object]:
        machine, login = self.machine, command.login
        if command.name == "gpus":
            gpus = [
                {"index": g.index, "name": g.name, "uuid": g.uuid, "memory_mib": g.memory_mib}
                for g in machine.visible_gpus()
            ]
            return {"ok": True, "gpus": gpus}
        if command.name == "status":
            return {"ok": True, "hostname": machine.hostname(), "accounts": self._accounts()}
        done: dict[str, object] = {"ok": True, "command": command.name, "login": login}
        if command.name == "user-add":
            add_user(machine, self._store.salt, login, command.principal, command.gpus)
            self._store.save(machine)
            return done
        account = machine.accounts.get(login)
        if command.name in ("keys", "keys-used"):
            return done | self._keys(account, command)
        if command.name == "end-certificates":
            return done | self._end_certificates(login, command.serials)
        if account is None:
            return done
        if command.name in ("revoke", "user-del"):
            account.principals, account.managed_keys, account.expired = (), (), True
            self._store.save(machine)
        self._end_sessions(lambda name: name == login)
        if command.name == "user-del":
            self._store.wipe_login(machine.system_id, login)
            del machine.accounts[login]
            self._store.save(machine)
        return done

    def _end_certificates(self, login: str, serials: tuple[int, ...]) -> dict[str, object]:
        self.machine.refused_serials = tuple(dict.fromkeys((*self.machine.refused_serials, *serials)))
        self._store.save(self.machine)
        for door in list(self._doors):
            if door.login == login and door.serial in serials:
                door.hang_up()
        return {"refuses": self.machine.boot().asks_revoked_keys()}

    def _keys(self, account: Account | None, command: commands.NodeCommand) -> dict[str, object]:
        if command.name == "keys-used":
            used = {} if account is None else account.used
            return {"used": [{"fingerprint": print_, "at": at} for print_, at in used.items()]}
        if account is None:
            return {"ok": False, "error": "the account does not exist"}
        account.managed_keys = command.keys
        self._store.save(self.machine)
        for door in list(self._doors):
            if door.login == account.login and door.key_line and door.key_line not in command.keys:
                door.hang_up()
        return {}

    def _accounts(self) -> list[dict[str, object]]:
        return [
            {
                "login": account.login,
                "principals": list(account.principals),
                "gpus": "all" if account.gpus is None else ",".join(map(str, account.gpus)) or "none",
                "sessions": sum(session.login == account.login for session in self._sessions),
            }
            for account in self.machine.accounts.values()
            if account.login != MANAGEMENT_LOGIN
        ]

    def _end_sessions(self, chosen: Callable[[str], bool]) -> None:
        for session in list(self._sessions):
            if chosen(session.login):
                session.kill()
        self._apps.kill(chosen)
        for login in [name for name in self.machine.accounts if chosen(name) and name != MANAGEMENT_LOGIN]:
            self.kill_processes(login)
        for door in list(self._doors):
            if chosen(door.login):
                door.hang_up()


class _Door(asyncssh.SSHServer):
    """One connection. Keys are chosen per account when authentication begins: a certificate names no login itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._connection: asyncssh.SSHServerConnection | None = None
        self.login = ""
        self.key_line = ""
        self.serial: int | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._watch_certificates(conn)
        self._node.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._node.leave(self)

    def begin_auth(self, username: str) -> bool:
        self.login = username
        text = self._node.authorized_keys(username)
        keys = asyncssh.SSHAuthorizedKeys()
        if text:
            with contextlib.suppress(ValueError):
                keys = asyncssh.import_authorized_keys(text)
        assert self._connection is not None  # noqa: S101
        self._connection.set_authorized_keys(keys)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Asked for keys that are not in the account's own list, the last time with the one that let in."""
        self.serial = None
        self.key_line = _line(key) if self._node.lets_in(username, key) else ""
        return bool(self.key_line)

    def _watch_certificates(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember the serial of the certificate that let in, which sshd logs and asyncssh does not tell."""
        validate = conn.validate_public_key

        async def watched(username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
            certificate = None
            with contextlib.suppress(asyncssh.KeyImportError):
                certificate = decode_ssh_certificate(key_data)
            if isinstance(certificate, SSHOpenSSHCertificate) and self._node.refuses(certificate._serial):
                return False
            accepted = await validate(username, key_data, msg, signature)
            if accepted and isinstance(certificate, SSHOpenSSHCertificate):
                self.key_line, self.serial = "", certificate._serial
            return accepted

        conn.validate_public_key = watched  # type: ignore[method-assign]

    def auth_completed(self) -> None:
        if self.key_line:
            self._node.note_use(self.login, asyncssh.import_public_key(self.key_line).get_fingerprint())

    def unix_connection_requested(self, dest_path: str) -> "Awaitable[asyncssh.SSHUNIXSession[bytes]] | bool":
        """As sshd with `AllowStreamLocalForwarding local`; the certificate's own permission was checked before."""
        if not self._node.machine.boot().forwards_sockets():
            return False
        return self._node.reach(self.login, dest_path)

    def hang_up(self) -> None:
        """Close the connection, telling the client why."""
        if self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, "your access to this machine has ended")

    def abort(self) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            self._connection.abort()


def _line(key: asyncssh.SSHKey) -> str:
    """Kind and body of a public key, as they stand in a line of a key file."""
    return " ".join(key.export_public_key().decode().split()[:2])
