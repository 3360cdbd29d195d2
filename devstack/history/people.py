"""Who is in the history: people of the simulated identity provider, who sign in and join as anybody does."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth.repository import AuthRepository
from app.domains.auth.rules.claims import Identity
from app.domains.auth.rules.values import Visit
from app.domains.auth.service import invitations, organisations, projects, received_invitations
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.organisations import ChangeOrganisation
from app.domains.auth.service.projects import CreateProject, RenameProject
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.auth.service.sessions import read_bindings
from app.domains.auth.service.sign_in import SignIn, sign_in
from app.domains.billing import public as billing
from app.shared.authz import Actor, ActorKind
from app.shared.authz.actor import ANONYMOUS
from app.shared.context import Context, Runtime
from app.shared.crypto import digest
from app.shared.errors import NotFound
from app.shared.idempotency import IdempotencyKey
from app.shared.use_case import use_case
from devstack.history import script
from devstack.history.past import OURS, ROUTE, SEED, Past
from devstack.simulators.oidc.models import NAMED_PEOPLE

VISIT = Visit(user_agent="", address="127.0.0.1")


class Arrived(msgspec.Struct, frozen=True):
    """Who signed in, and where they stand if they have an organisation."""

    user_id: UUID
    tenant_id: UUID | None
    project_id: UUID | None


class Cast(msgspec.Struct, frozen=True):
    """Everybody, as actors in each project."""

    tenant_id: UUID
    projects: dict[str, UUID]
    actors: dict[str, Actor]

    def actor(self, who: str, project: str) -> Actor:
        return msgspec.structs.replace(self.actors[who], project_id=self.projects[project])


def identity_of(subject: str, issuer: str) -> Identity:
    """What the provider will say of this person when they sign in themselves."""
    person = next(person for person in NAMED_PEOPLE if person.id == subject)
    return Identity(
        issuer=issuer, subject=person.id, email=person.email, email_verified=person.email_verified, name=person.name
    )


@use_case(OURS)
async def _arrive(ctx: Context, identity: Identity) -> Arrived:
    """Sign in; the session's secret is dropped at once. A new organisation gets its accounts as from the event."""
    signed_in = await sign_in(ctx, SignIn(identity=identity, visit=VISIT, method="oidc"))
    now = await ctx.now()
    session = await AuthRepository(ctx.session).see_session(digest(signed_in.token), now, now)
    if session is None:
        raise NotFound()
    if session.tenant_id is not None:
        await billing.open_accounts(ctx, session.tenant_id, "USD")
    return Arrived(session.user_id, session.tenant_id, session.project_id)


async def arrive(past: Past, subject: str, issuer: str, at: datetime) -> Arrived:
    """The person signs in for the first time."""
    return await past.step(
        f"arrive {subject}", at, ANONYMOUS, _arrive, identity_of(subject, issuer), f"arrive {subject}"
    )


async def arrive_now(runtime: Runtime, subject: str) -> None:
    """Somebody signs in at this moment, unless they did before; everybody is told, as always."""
    key = IdempotencyKey(SEED, "", ROUTE, f"arrive {subject}", b"now")
    identity = identity_of(subject, runtime.settings.oidc.issuer)
    async with runtime.context(ANONYMOUS, idempotency=key) as ctx:
        await _arrive(ctx, identity)


async def actor_of(past: Past, arrived: Arrived, at: datetime, name: str) -> Actor:
    """The person with the roles that they have now."""
    async with past.context(at) as ctx:
        bindings = await read_bindings(AuthRepository(ctx.session), arrived.user_id)
    tenant_id = arrived.tenant_id or next((binding.tenant_id for binding in bindings if binding.tenant_id), None)
    return Actor(
        kind=ActorKind.USER, id=arrived.user_id, tenant_id=tenant_id, project_id=arrived.project_id,
        bindings=bindings, name=name,
    )  # fmt: skip


async def gather(past: Past, first: datetime, issuer: str) -> Cast:
    """The owner founds the organisation, makes its projects and invites the others, who accept."""
    owner = await actor_of(past, await arrive(past, "dana", issuer, first), first, "Dana Reyes")
    at = first + timedelta(minutes=4)
    change = ChangeOrganisation(name=script.ORGANISATION, time_zone=script.TIME_ZONE)
    await past.step("organisation", at, owner, organisations.change_organisation, change)
    if owner.tenant_id is None or owner.project_id is None:
        raise NotFound()
    first_name, *others = script.PROJECTS
    rename = RenameProject(project_id=owner.project_id, name=first_name)
    await past.step(f"project {first_name}", at, owner, projects.rename_project, rename)
    project_ids = {first_name: owner.project_id}
    for name in others:
        create = CreateProject(name=name)
        made = await past.step(f"project {name}", at, owner, projects.create_project, create)
        project_ids[name] = made.id
    actors = {"dana": owner}
    for number, colleague in enumerate(script.COLLEAGUES):
        at = first + timedelta(minutes=10 + 25 * number)
        actors[colleague.subject] = await _join(past, owner, colleague, issuer, at)
    return Cast(owner.tenant_id, project_ids, actors)


async def _join(past: Past, owner: Actor, colleague: script.Colleague, issuer: str, at: datetime) -> Actor:
    who = colleague.subject
    identity = identity_of(who, issuer)
    invite = InviteMember(email=identity.email, role=colleague.role)
    invited = await past.step(f"invite {who}", at, owner, invitations.invite, invite)
    at += timedelta(minutes=11)
    arrived = await arrive(past, who, issuer, at)
    guest = await actor_of(past, arrived, at, identity.name)
    answer = AnswerInvitation(invitation_id=invited.invitation_id)
    await past.step(f"join {who}", at, guest, received_invitations.accept, answer)
    joined = await actor_of(past, arrived, at, identity.name)
    return msgspec.structs.replace(joined, tenant_id=owner.tenant_id)
