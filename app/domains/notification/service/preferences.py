"""Where a person wants to be told of what, beside the inbox."""

from uuid import UUID

from app.domains.notification.contracts import Choice, PreferencesView, SetPreferences
from app.domains.notification.repository.inbox import InboxRepository
from app.domains.notification.rules import preferences as rules
from app.domains.notification.rules.words import BY_NAME
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.use_case import use_case
from app.shared.versions import check_version


async def get_preferences(ctx: Context) -> PreferencesView:
    """The actor's own, defaults filled in."""
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
        raise ValidationFailed(fields={"choices": f"{unknown[0]} is no kind of notification"})
    off = rules.vital_off(command.choices)
    if off and not command.acknowledged:
        names = " and ".join(f"“{kind.label}”" for kind in off)
        reason = f"Without a mail for {names} machines can be given back before you know."
        raise ValidationFailed(reason, fields={"acknowledged": "must be ticked to accept that"})
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
