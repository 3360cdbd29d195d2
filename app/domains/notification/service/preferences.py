"""How a person is notified besides the inbox: mail and toast, per kind of event."""

from uuid import UUID

import msgspec

from app.domains.notification.repository.inbox import InboxRepository
from app.domains.notification.rules import preferences as rules
from app.domains.notification.rules.messages import BY_NAME
from app.domains.notification.rules.values import Choice
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.use_case import use_case
from app.shared.versions import check_version


class SetPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """All choices at once; kinds that are left out get their defaults. `acknowledged` confirms that a vital mail is
    turned off. `seen` is the version that the change was made from."""

    choices: tuple[Choice, ...]
    acknowledged: bool = False
    seen: int | None = None


class PreferencesView(msgspec.Struct, frozen=True, kw_only=True):
    choices: tuple[Choice, ...]
    version: int
    mail_works: bool


async def get_preferences(ctx: Context) -> PreferencesView:
    """The actor's choices, with defaults."""
    user_id = _person(ctx)
    own = (await InboxRepository(ctx.session).preferences([user_id])).get(user_id)
    return PreferencesView(
        choices=rules.all_choices(own.choices if own else {}),
        version=own.version if own else 0,
        mail_works=ctx.settings.mail is not None,
    )


@use_case(Permission.PROFILE, AuditAction.NOTIFICATION_SET_PREFERENCES)
async def set_preferences(ctx: Context, command: SetPreferences) -> PreferencesView:
    """Replace the actor's choices. Raises ValidationFailed for an unknown kind, or when a vital mail would be turned
    off without the acknowledgement; PreconditionFailed when they have changed since they were seen."""
    user_id = _person(ctx)
    unknown = [one.kind for one in command.choices if one.kind not in BY_NAME]
    if unknown:
        raise ValidationFailed(fields={"choices": f"{unknown[0]} is not a kind of notification"})
    off = rules.vital_off(command.choices)
    if off and not command.acknowledged:
        names = " and ".join(f"“{kind.label}”" for kind in off)
        reason = f"Without a mail for {names}, machines can be released before you notice."
        raise ValidationFailed(reason, fields={"acknowledged": "confirm that you accept this"})
    repository = InboxRepository(ctx.session)
    check_version(await repository.lock_preferences(user_id), command.seen)
    before = await get_preferences(ctx)
    await repository.set_preferences(user_id, rules.differences(command.choices), await ctx.now())
    after = await get_preferences(ctx)
    ctx.changed(**{old.kind: (_ways(old), _ways(new)) for old, new in zip(before.choices, after.choices, strict=True)})
    return after


def _ways(choice: Choice) -> list[str]:
    return [name for name, wanted in (("email", choice.email), ("toast", choice.toast)) if wanted]


def _person(ctx: Context) -> UUID:
    if ctx.actor.id is None:
        raise NotFound()
    return ctx.actor.id
