"""Lists of the API that are kept as they were answered: a second request, or one with the `ETag` of the first, costs no
statement.

A route says in `kept(…)` what its answer depends on; events and changes of those domains invalidate it. What is kept is
for one actor, in one place, with the same roles and the same query, so nobody is answered what another may see; the
guard has asked for the permission before. The tag is a digest of the content: it stays the same over restarts, and the
answer that is not kept has it too.
"""

import hashlib
from typing import cast

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse

from app.shared.authz.actor import Actor
from app.shared.context import Runtime
from app.shared.readcache import Loading, ReadCache, ReadModel
from app.shared.readcache.invalidation import changes_tag
from app.web.types import AnyRequest

KEPT = "kept"  # the key in a route's `opt`
LARGEST = 200_000  # bytes
# A browser asks us every time, and forgets nothing that it may still have; nobody between keeps it (RFC 9111 §5.2.2).
HEADERS = {"cache-control": "private, no-cache", "vary": "cookie, authorization"}


class KeptAnswer(msgspec.Struct, frozen=True):
    """The content of an answer and its validator."""

    etag: str
    content: bytes


ANSWERS = ReadModel[KeptAnswer](name="web.answers", holds=KeptAnswer, shared_seconds=28, local_seconds=2)
RUNNING = ReadModel[KeptAnswer](name="web.running_answers", holds=KeptAnswer, shared_seconds=2, local_seconds=1)


class Kept(msgspec.Struct, frozen=True):
    """How a route keeps its answers."""

    tags: tuple[str, ...]
    model: ReadModel[KeptAnswer]


def kept(*tags: str, runs: bool = False) -> dict[str, object]:
    """The part of a route's `opt` that keeps its answers. In a tag, `{tenant}` is the actor's organisation. `runs`:
    amounts in it grow by the second, so it is kept for three of them."""
    return {KEPT: Kept(tags, RUNNING if runs else ANSWERS)}


async def find_kept(request: AnyRequest) -> Response[bytes] | None:
    """The kept answer to this request; None when it is to be made, and then it is kept by `keep`."""
    how: Kept | None = request.route_handler.opt.get(KEPT)
    if how is None or request.scope["method"] != "GET":
        return None
    runtime: Runtime = request.app.state.runtime
    actor: Actor = request.scope["user"]
    depends = (changes_tag(actor.tenant_id), *(tag.format(tenant=actor.tenant_id) for tag in how.tags))
    found, loading = await runtime.part(ReadCache).find(how.model, _key(request, actor), depends)
    if found is None:
        request.state.kept = loading
        return None
    headers = HEADERS | {"etag": found[0].etag}
    return Response(found[0].content, media_type=MediaType.JSON, headers=headers)


def tag_answer(request: AnyRequest, answer: ASGIResponse) -> None:
    """Give an answer that is to be kept its validator."""
    loading = request.state.get("kept")
    if loading is None or answer.status_code != 200:
        return
    etag = f'W/"{hashlib.blake2b(answer.body, digest_size=12).hexdigest()}"'  # weak, so that it may be compressed
    answer.headers.update({**HEADERS, "etag": etag})
    if len(answer.body) <= LARGEST:
        request.state.kept_answer = KeptAnswer(etag, answer.body)


async def keep(request: AnyRequest) -> None:
    """`after_response` of the application: keep what was answered, unless something changed meanwhile."""
    answer = request.state.get("kept_answer")
    if answer is not None:
        runtime: Runtime = request.app.state.runtime
        await runtime.part(ReadCache).keep(cast("Loading[KeptAnswer]", request.state.kept), answer)


def _key(request: AnyRequest, actor: Actor) -> str:
    asked = [request.scope["path"], request.scope["query_string"].decode("latin-1"), actor.key, actor.session_id]
    stands = [actor.tenant_id, actor.project_id, actor.viewing, actor.bindings]
    return hashlib.blake2b(msgspec.json.encode([asked, stands]), digest_size=16).hexdigest()
