"""Compares bucket and table in both directions, in one pass: keys are made of row ids, and both come in the same order.

Every finding is checked a second time before anything is done about it, because people keep working meanwhile. The
comparison removes objects without a row (policy), marks files whose bytes are missing or of another size, clears the
mark of files that are whole again, aborts unknown uploads at S3, and recomputes the usage of each project.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from app.domains.storage import policies
from app.domains.storage.errors import StorageUnavailable
from app.domains.storage.events import ObjectDamaged
from app.domains.storage.gateway.s3 import Bucket, Stored
from app.domains.storage.repository import ReportRepository, SweepRepository
from app.domains.storage.repository.reports import ReportView
from app.domains.storage.repository.sweep import TableRow
from app.domains.storage.rules.parts import ids_of, key_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.records import keep_unread

BEFORE_ALL = (UUID(int=0), UUID(int=0))
ROWS = 2_000
SAMPLES = 50
KEPT_SECONDS = 7 * 3_600  # until after the next comparison
log = structlog.get_logger("berth.storage")
Key = tuple[UUID, UUID]


class _Findings(msgspec.Struct, kw_only=True):
    """The figures of one comparison."""

    objects_seen: int = 0
    rows_seen: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    removed: int = 0
    missing: int = 0
    size_differs: int = 0
    healed: int = 0
    uploads_aborted: int = 0
    usage_corrected: int = 0
    samples: list[str] = msgspec.field(default_factory=list)

    def note(self, what: str, key: str) -> None:
        if len(self.samples) < SAMPLES:
            self.samples.append(f"{what} {key}")


class Comparison:
    """One comparison."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._bucket = runtime.part(Bucket)
        self._found = _Findings()

    async def run(self) -> ReportView:
        """Compare, repair, and write the report."""
        async with self._runtime.context(SYSTEM) as ctx:
            started = await ctx.now()
            self._grace = started - timedelta(hours=await ctx.policy(policies.ORPHAN_HOURS))
            self._removes = await ctx.policy(policies.REMOVE_ORPHANS)
        after = BEFORE_ALL
        async for page in self._pages():
            last = max(page) if page else after
            await self._compare(page, [row async for row in self._rows(after, last, started)])
            after = last
        rows: list[TableRow] = []
        async for row in self._rows(after, None, started):
            rows.append(row)
        await self._compare({}, rows)
        await self._drop_unknown_uploads()
        await self._keep_unread()
        await self._count_again()
        return await self._report(started)

    async def _pages(self) -> AsyncIterator[dict[Key, Stored]]:
        """The bucket, page by page. Keys that Berth did not make are ignored."""
        token: str | None = ""
        while token is not None:
            found, token = await self._bucket.list_objects(token)
            page = {ids: stored for stored in found if (ids := ids_of(stored.key)) is not None}
            self._found.objects_seen += len(page)
            yield page

    async def _rows(self, after: Key, to: Key | None, before: datetime) -> AsyncIterator[TableRow]:
        while True:
            async with self._runtime.context(SYSTEM) as ctx:
                rows = await SweepRepository(ctx.session).list_between(after, to, before, ROWS)
            for row in rows:
                yield row
            if len(rows) < ROWS:
                return
            after = (rows[-1].project_id, rows[-1].id)

    async def _compare(self, page: dict[Key, Stored], rows: list[TableRow]) -> None:
        self._found.rows_seen += len(rows)
        known = {(row.project_id, row.id): row for row in rows if row.state != "purging"}
        for key, row in known.items():
            stored = page.get(key)
            damage = "missing" if stored is None else "size" if stored.size != row.size else None
            if damage != row.damage:
                await self._mark(row)
        purging = {(row.project_id, row.id) for row in rows if row.state == "purging"}
        unknown = [stored for key, stored in page.items() if key not in known and key not in purging]
        await self._remove_orphans(unknown)

    async def _mark(self, row: TableRow) -> None:
        """Check again, then record the damage or clear it."""
        key = key_of(row.project_id, row.id)
        try:
            stored = await self._bucket.stat(key)
        except StorageUnavailable:  # of this object; an unavailable store ends the comparison at its next page
            self._found.note("unread", key)
            return
        damage = "missing" if stored is None else "size" if stored.size != row.size else None
        async with self._runtime.context(SYSTEM) as ctx:
            change = await SweepRepository(ctx.session).set_damage(row.id, damage)
            if change is None:
                return
            if damage is not None:
                event = ObjectDamaged(object_id=row.id, namespace_id=change.namespace_id, damage=damage)
                await ctx.emit(event, version=change.version, tenant_id=change.tenant_id, project_id=change.project_id)
        self._found.note(damage or "healed", key)
        self._found.missing += damage == "missing"
        self._found.size_differs += damage == "size"
        self._found.healed += damage is None

    async def _remove_orphans(self, unknown: list[Stored]) -> None:
        old = [stored for stored in unknown if stored.changed_at is not None and stored.changed_at < self._grace]
        ids = {ids[1]: stored for stored in old if (ids := ids_of(stored.key)) is not None}
        if not ids:
            return
        async with self._runtime.context(SYSTEM) as ctx:
            known = await SweepRepository(ctx.session).list_known(list(ids))
        orphans = [stored for object_id, stored in ids.items() if object_id not in known]
        for stored in orphans:
            self._found.note("orphan", stored.key)
        self._found.orphans += len(orphans)
        self._found.orphan_bytes += sum(stored.size for stored in orphans)
        if self._removes:
            kept = await self._bucket.remove([stored.key for stored in orphans])
            self._found.removed += len(orphans) - len(kept)

    async def _drop_unknown_uploads(self) -> None:
        """Abort uploads at S3 without a row: their process died between the two."""
        async for page in self._bucket.list_uploads():
            found = [one for one in page if one.started_at and one.started_at < self._grace and ids_of(one.key)]
            async with self._runtime.context(SYSTEM) as ctx:
                known = await SweepRepository(ctx.session).list_known_s3_uploads([one.id for one in found])
            for one in found:
                if one.id not in known:
                    await self._bucket.drop_upload(one.key, one.id)
                    self._found.note("upload", one.key)
                    self._found.uploads_aborted += 1

    async def _keep_unread(self) -> None:
        """Show operators the records of listings that could not be read."""
        unread = self._bucket.skipped.take()
        for one in unread:
            self._found.note("unread", one.about)
        await keep_unread(self._runtime.valkey, "Listings of the file store", unread, KEPT_SECONDS)

    async def _count_again(self) -> None:
        async with self._runtime.context(SYSTEM) as ctx:
            drifted = await SweepRepository(ctx.session).list_drifted()
        for project_id in drifted:
            async with self._runtime.context(SYSTEM) as ctx:
                self._found.usage_corrected += await SweepRepository(ctx.session).correct(project_id)

    async def _report(self, started: datetime) -> ReportView:
        figures = msgspec.structs.asdict(self._found)
        async with self._runtime.context(SYSTEM) as ctx:
            report = ReportView(
                id=new_id(),
                started_at=started,
                ended_at=await ctx.now(),
                **{**figures, "samples": tuple(self._found.samples)},
            )
            await ReportRepository(ctx.session).append(report)
        figures.pop("samples")
        bad = self._found.missing or self._found.size_differs or self._found.usage_corrected
        (log.error if bad else log.info)("bucket and table were compared", report_id=str(report.id), **figures)
        return report


async def compare(runtime: Runtime) -> ReportView:
    """Run one comparison. Raises StorageUnavailable."""
    return await Comparison(runtime).run()
