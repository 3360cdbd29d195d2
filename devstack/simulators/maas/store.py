"""What the simulated MAAS remembers: machines, events, nonces and tags, in one SQLite file.

Machines are held in memory and written through; a killed process loses nothing that was answered. It refuses to judge:
who may do what, and which move is legal, is decided above.
"""

import sqlite3
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from devstack.simulators.maas import fleet
from devstack.simulators.maas.states import Status

LEVELS = {"AUDIT": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
NONCE_LIFE_S = 600


class Step(msgspec.Struct):
    """One stretch of a machine's life: the event said when it begins, and how long it lasts at speed 1."""

    event: str
    seconds: float
    description: str = ""


class Job(msgspec.Struct):
    """What a machine is busy with: `kind` names the ending, `due` is the wall clock time the current step ends."""

    kind: str
    steps: list[Step]
    index: int = 0
    due: float = 0.0


class Machine(msgspec.Struct):
    """One machine's changing facts. Its hardware follows from `number` and `kind`."""

    number: int
    system_id: str
    hostname: str
    kind: str
    pool: str
    zone: str = "zone-1"
    status: int = Status.READY
    owner: str | None = None
    agent_name: str = ""
    locked: bool = False
    osystem: str = ""
    distro_series: str = ""
    hwe_kernel: str | None = None
    ephemeral_deploy: bool = False
    enable_hw_sync: bool = False
    power_type: str = "ipmi"
    power_state: str = "off"
    description: str = ""
    error_description: str = ""
    status_message: str = "Ready"
    annotations: dict[str, str] = {}
    tags: list[str] = []
    addressed: bool = False
    installations: int = 0
    user_data: str = ""
    images: list[str] = []
    node_faults: list[str] = []
    on_node: bool = False
    job: Job | None = None


class Event(msgspec.Struct, frozen=True):
    """One line of a machine's history; `created` in seconds since 1970."""

    id: int
    system_id: str
    level: int
    created: float
    type: str
    description: str
    username: str

    @property
    def created_text(self) -> str:
        """The odd date of the API: `Mon, 23 Nov. 2026 08:28:59`."""
        return datetime.fromtimestamp(self.created, UTC).strftime("%a, %d %b. %Y %H:%M:%S")


_SCHEMA = """
CREATE TABLE IF NOT EXISTS machine (system_id TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY AUTOINCREMENT, system_id TEXT NOT NULL, level INTEGER NOT NULL,
  created REAL NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL, username TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_machine ON event (system_id, id);
CREATE TABLE IF NOT EXISTS nonce (token TEXT, nonce TEXT, expires REAL NOT NULL, PRIMARY KEY (token, nonce));
CREATE TABLE IF NOT EXISTS tag (name TEXT PRIMARY KEY, definition TEXT NOT NULL,
  comment TEXT NOT NULL, kernel_opts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS image_use (name TEXT PRIMARY KEY, last_deployed REAL NOT NULL);
"""


class Store:
    """The memory of one simulated region. `machines` is keyed by system_id in order of the fleet."""

    def __init__(self, data_dir: Path, size: int) -> None:
        self._db = sqlite3.connect(data_dir / "maas.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA)
        self._nonces_pruned = time.time()
        rows = self._db.execute("SELECT document FROM machine").fetchall()
        known = sorted((msgspec.json.decode(row[0], type=Machine) for row in rows), key=lambda item: item.number)
        self.machines: dict[str, Machine] = {machine.system_id: machine for machine in known}
        self.versions: dict[str, int] = dict.fromkeys(self.machines, 0)
        if not self.machines:
            self._settle(fleet.plan(size))

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def save(self, machine: Machine) -> None:
        """Write one machine through; its cached JSON is stale from now on."""
        self.versions[machine.system_id] = self.versions.get(machine.system_id, 0) + 1
        self._db.execute(
            "INSERT INTO machine VALUES (?, ?) ON CONFLICT (system_id) DO UPDATE SET document = excluded.document",
            (machine.system_id, msgspec.json.encode(machine)),
        )

    def record(self, machine: Machine, kind: str, description: str = "", level: str = "INFO", by: str = "") -> None:
        """Append an event. From level INFO on it also becomes the machine's status_message."""
        self._db.execute(
            "INSERT INTO event (system_id, level, created, type, description, username) VALUES (?, ?, ?, ?, ?, ?)",
            (machine.system_id, LEVELS[level], time.time(), kind, description, by or "unknown"),
        )
        if LEVELS[level] >= LEVELS["INFO"]:
            machine.status_message = f"{kind} - {description}" if description else kind

    def events(
        self, system_ids: Iterable[str], level: int, limit: int, after: int | None = None, before: int | None = None
    ) -> list[Event]:
        """Events of these machines at this level or above, newest first. With `after`, the `limit` next ones."""
        wanted = msgspec.json.encode(list(system_ids)).decode()
        order = "ASC" if after is not None else "DESC"
        sql = (
            "SELECT id, system_id, level, created, type, description, username FROM event WHERE level >= ?"
            " AND id > ? AND id < ? AND system_id IN (SELECT value FROM json_each(?)) ORDER BY id "
        )
        bounds = (level, -1 if after is None else after, 2**62 if before is None else before, wanted, limit)
        rows = self._db.execute(sql + order + " LIMIT ?", bounds).fetchall()
        return sorted((Event(*row) for row in rows), key=lambda event: -event.id)

    def use_nonce(self, token: str, nonce: str) -> bool:
        """Remember a nonce of a token. False when it was used before."""
        now = time.time()
        if now - self._nonces_pruned > NONCE_LIFE_S:
            self._db.execute("DELETE FROM nonce WHERE expires < ?", (now,))
            self._nonces_pruned = now
        done = self._db.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?, ?)", (token, nonce, now + 2 * NONCE_LIFE_S))
        return done.rowcount == 1

    def tags(self) -> dict[str, dict[str, str]]:
        """Every tag by name."""
        rows = self._db.execute("SELECT name, definition, comment, kernel_opts FROM tag ORDER BY name").fetchall()
        return {
            row[0]: {"name": row[0], "definition": row[1], "comment": row[2], "kernel_opts": row[3]} for row in rows
        }

    def put_tag(self, name: str, definition: str = "", comment: str = "", kernel_opts: str = "") -> None:
        """Create a tag; an existing one stays as it is."""
        self._db.execute("INSERT OR IGNORE INTO tag VALUES (?, ?, ?, ?)", (name, definition, comment, kernel_opts))

    def drop_tag(self, name: str) -> None:
        """Remove a tag from the list and from every machine."""
        self._db.execute("DELETE FROM tag WHERE name = ?", (name,))
        for machine in self.machines.values():
            if name in machine.tags:
                machine.tags.remove(name)
                self.save(machine)

    def used_image(self, name: str) -> None:
        """Note that an image was deployed now."""
        self._db.execute("INSERT OR REPLACE INTO image_use VALUES (?, ?)", (name, time.time()))

    def image_uses(self) -> dict[str, float]:
        """When each image was last deployed, in seconds since 1970."""
        return dict(self._db.execute("SELECT name, last_deployed FROM image_use").fetchall())

    def _settle(self, places: list[fleet.Place]) -> None:
        self._db.execute("BEGIN")
        for place in places:
            tags = [place.kind, "gpu"] if fleet.BY_NAME[place.kind].gpus else [place.kind]
            machine = Machine(
                place.number, fleet.system_id(place.number), place.hostname, place.kind, place.pool, tags=tags
            )
            self.machines[machine.system_id] = machine
            self.record(machine, "Commissioning")
            self.record(machine, "Ready")
            if place.owner is not None:
                _occupy(machine, place.owner)
                self.record(machine, "Deployed")
            self.save(machine)
        for name in ["gpu", *fleet.BY_NAME]:
            self.put_tag(name, comment="Set by the hall's owner")
        self._db.execute("COMMIT")


def _occupy(machine: Machine, owner: str) -> None:
    """Somebody else deployed this machine long ago; no node process stands behind it."""
    machine.status, machine.owner, machine.power_state = Status.DEPLOYED, owner, "on"
    machine.osystem, machine.distro_series, machine.hwe_kernel = "ubuntu", "jammy", "ga-22.04"
    machine.addressed, machine.annotations = True, {"project": "protein-folding"}
