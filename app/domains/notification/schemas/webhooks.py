"""Forms, JSON and page structs of webhooks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.notification.rules.values import AttemptView, DeliveryView, EndpointView
from app.domains.notification.schemas.events import label_of, published_kinds
from app.domains.notification.service.webhooks import AddEndpoint, ChangeEndpoint, ReplayFailed
from app.shared.numbers import whole_number
from app.shared.paging import Slice
from app.web.show_code import ApiCall, call

PAGE = 25
STATES = {"queued": "in_progress", "delivered": "active", "failed": "failed"}
DISABLED_BECAUSE = {
    "customer": "It was switched off by hand.",
    "failing": "It was switched off because its deliveries had failed for days.",
    "unsponsored": "It was switched off because its sponsor may no longer manage webhooks. Switch it on to become its "
    "sponsor, and rotate its secret.",
    "gone": "It was switched off because its receiver answered 410 Gone.",
}


class EndpointBody(msgspec.Struct, kw_only=True):
    """`kinds` are names from /api/v1/events/kinds; an empty list means all."""

    url: str
    description: str = ""
    kinds: list[str] = msgspec.field(default_factory=list)

    def command(self) -> AddEndpoint:
        return AddEndpoint(url=self.url, description=self.description, kinds=tuple(self.kinds))


class EndpointPatch(msgspec.Struct, kw_only=True):
    """Fields that are left out remain unchanged."""

    url: str | None = None
    description: str | None = None
    kinds: list[str] | None = None
    enabled: bool | None = None

    def command(self, endpoint_id: UUID, seen: int | None) -> ChangeEndpoint:
        return ChangeEndpoint(
            id=endpoint_id,
            url=self.url,
            description=self.description,
            kinds=None if self.kinds is None else tuple(self.kinds),
            enabled=self.enabled,
            seen=seen,
        )


class EndpointAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`secret` is in the first response only; a repeated request gets `secret_already_shown`."""

    id: UUID
    url: str
    description: str
    kinds: list[str]
    state: str
    created_at: datetime
    version: int
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    previous_secret_until: datetime | None = None
    secret: str | None = None
    secret_already_shown: bool = False

    @classmethod
    def of(cls, view: EndpointView) -> "EndpointAnswer":
        return cls(
            id=view.id,
            url=view.url,
            description=view.description,
            kinds=list(view.kinds),
            state=view.state,
            created_at=view.created_at,
            version=view.version,
            disabled_reason=view.disabled_reason,
            failing_since=view.failing_since,
            previous_secret_until=view.previous_secret_until,
        )

    @classmethod
    def with_secret(cls, view: EndpointView, secret: str | None) -> "EndpointAnswer":
        """`secret` is present only in the response to the request that created it."""
        answer = cls.of(view)
        answer.secret, answer.secret_already_shown = secret, secret is None
        return answer


class EndpointsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All endpoints; a policy limits their number."""

    items: list[EndpointAnswer]

    @classmethod
    def of(cls, views: list[EndpointView]) -> "EndpointsAnswer":
        return cls(items=[EndpointAnswer.of(view) for view in views])


class DeliveriesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`message_id` is the `webhook-id` header of every attempt."""

    items: list[DeliveryView]
    next_cursor: UUID | None

    @classmethod
    def of(cls, result: Slice[DeliveryView, UUID]) -> "DeliveriesAnswer":
        return cls(items=list(result.items), next_cursor=result.next_cursor)


class DeliveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery with its attempts, newest first."""

    delivery: DeliveryView
    attempts: list[AttemptView]


class ReplayBody(msgspec.Struct, kw_only=True):
    since: datetime

    def command(self, endpoint_id: UUID) -> ReplayFailed:
        return ReplayFailed(id=endpoint_id, since=self.since)


class ReplayForm(msgspec.Struct, kw_only=True):
    hours: int = 24

    def command(self, endpoint_id: UUID, now: datetime) -> ReplayFailed:
        return ReplayFailed(id=endpoint_id, since=now - timedelta(hours=max(1, min(self.hours, 720))))


class KindChoice(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: str
    chosen: bool


def kind_choices(chosen: tuple[str, ...]) -> tuple[KindChoice, ...]:
    """Every kind that can be chosen."""
    return tuple(KindChoice(name=name, label=label_of(name), chosen=name in chosen) for name in published_kinds())


def kinds_of_form(form: Mapping[str, str]) -> tuple[str, ...]:
    """The ticked boxes."""
    return tuple(name for name in published_kinds() if f"kind:{name}" in form)


def add_of_form(form: Mapping[str, str]) -> AddEndpoint:
    url, description = form.get("url", ""), form.get("description", "")
    return AddEndpoint(url=url, description=description, kinds=kinds_of_form(form))


def change_of_form(form: Mapping[str, str], endpoint_id: UUID) -> ChangeEndpoint:
    return ChangeEndpoint(
        id=endpoint_id,
        url=form.get("url", ""),
        description=form.get("description", ""),
        kinds=kinds_of_form(form),
        seen=whole_number(form.get("version", "")),
    )


class EndpointsPage(msgspec.Struct, frozen=True, kw_only=True):
    endpoints: tuple[EndpointView, ...]
    kinds: tuple[KindChoice, ...]
    call: ApiCall

    @classmethod
    def of(cls, views: list[EndpointView]) -> "EndpointsPage":
        sample = EndpointBody(url="https://hooks.example.com/berth", kinds=["provisioning.allocation.activated"])
        argv = ("webhooks", "add", sample.url, "--event", sample.kinds[0])
        return cls(
            endpoints=tuple(views), kinds=kind_choices(()), call=call("POST", "/api/v1/webhooks", sample, cli=argv)
        )


class EndpointPage(msgspec.Struct, frozen=True, kw_only=True):
    """`secret` is present only in the response that created it."""

    endpoint: EndpointView
    kinds: tuple[KindChoice, ...]
    deliveries: tuple[DeliveryView, ...]
    next_href: str | None
    disabled_because: str
    states: dict[str, str]
    secret: str | None
    just_made: bool

    @classmethod
    def of(
        cls,
        view: EndpointView,
        result: Slice[DeliveryView, UUID],
        secret: str | None = None,
        *,
        just_made: bool = False,
    ) -> "EndpointPage":
        href = f"/settings/webhooks/{view.id}?cursor={result.next_cursor}"
        return cls(
            endpoint=view,
            kinds=kind_choices(view.kinds),
            deliveries=result.items,
            next_href=href if result.next_cursor else None,
            disabled_because=DISABLED_BECAUSE.get(view.disabled_reason or "", ""),
            states=STATES,
            secret=secret,
            just_made=just_made,
        )


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    delivery: DeliveryView
    attempts: tuple[AttemptView, ...]
    states: dict[str, str]

    @classmethod
    def of(cls, view: DeliveryView, attempts: list[AttemptView]) -> "DeliveryPage":
        return cls(delivery=view, attempts=tuple(attempts), states=STATES)
