"""Publishing manifests, and the ones that the product brings along."""

import json
from pathlib import Path

import msgspec
import structlog

from app.domains.appruntime.contracts import ManifestView, PublishManifest
from app.domains.appruntime.errors import ManifestTaken
from app.domains.appruntime.repository import ManifestRepository
from app.domains.appruntime.rules.manifests import check
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission
from app.shared.authz.scope import require
from app.shared.context import Context
from app.shared.errors import Forbidden

log = structlog.get_logger("berth.apps")
BUILT_IN = Path(__file__).parents[1] / "manifests"
ROOT = Path(__file__).parents[4]


async def publish(ctx: Context, command: PublishManifest) -> ManifestView:
    """Publish a version, once and for ever; the same content again is fine. Only our own workers do: what is published
    is offered to every customer. Raises ManifestInvalid, ManifestTaken."""
    if ctx.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden()
    manifest = check(command.body)
    repository = ManifestRepository(ctx.session)
    await repository.append(manifest, command.body, await ctx.now())
    published = await repository.get(manifest.slug, manifest.version)
    if published.body != command.body:
        raise ManifestTaken(slug=manifest.slug, version=manifest.version)
    await ctx.audit(AuditAction.APP_MANIFEST_PUBLISH, f"{manifest.slug} {manifest.version}")
    return published


def built_in() -> list[PublishManifest]:
    """The manifests in our own files; a file that one names under `files_from` becomes part of it."""
    found = []
    for path in sorted(BUILT_IN.glob("*.json")):
        body: dict[str, object] = json.loads(path.read_text("utf-8"))
        sources = msgspec.convert(body.pop("files_from", {}), type=dict[str, str])
        if sources:
            body["files"] = {name: (ROOT / source).read_text("utf-8") for name, source in sources.items()}
        found.append(PublishManifest(body=body))
    return found


async def publish_built_in(ctx: Context) -> int:
    """All of them; how many there are. A version that was published with other content stays as it was."""
    manifests = built_in()
    for command in manifests:
        try:
            await publish(ctx, command)
        except ManifestTaken:  # nobody raised its version: who launched it before gets what they got then
            log.warning("a manifest changed and its version did not", slug=command.body["slug"])
    return len(manifests)


async def catalog(ctx: Context) -> list[ManifestView]:
    """The newest version of each app, without its files."""
    return [versions[0] for versions in (await all_versions(ctx)).values()]


async def all_versions(ctx: Context) -> dict[str, list[ManifestView]]:
    """Every version by slug, newest first."""
    require(ctx.actor, Permission.APP_READ)
    versions: dict[str, list[ManifestView]] = {}
    for manifest in await ManifestRepository(ctx.session).list_all():
        versions.setdefault(manifest.slug, []).append(manifest)
    return versions
