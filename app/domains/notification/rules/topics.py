"""The live topics that an event touches. Topics are names only; data is fetched by a request of the page."""

from uuid import UUID

from app.shared.events import Event


def topics_of(event: Event) -> tuple[str, ...]:
    """The topics to publish, from the subject `berth.v1.<domain>.<aggregate>.<verb>` and the aggregate's id."""
    _, _, domain, aggregate, _ = event.SUBJECT.split(".", 4)
    if domain == "provisioning":
        return (f"allocation:{event.aggregate_id}", "allocations", "capacity")
    if domain == "billing":
        return ("money",)
    if domain == "payments":
        return (f"payment:{event.aggregate_id}", "money")
    if domain == "auth" and aggregate in ("membership", "invitation", "project", "tenant", "service_account"):
        return ("team",)
    if domain == "appruntime":
        return (f"{aggregate}:{event.aggregate_id}", "apps")
    if domain == "storage":
        return _storage_topics(event)
    if domain == "notification" and aggregate == "webhook":
        return (f"webhook:{event.aggregate_id}", "webhooks")
    if domain == "releases" and aggregate == "access":
        return (f"access:{event.aggregate_id}",)
    if domain == "inventory":
        return ("capacity", f"{aggregate}:{event.aggregate_id}")
    return ()


def _storage_topics(event: Event) -> tuple[str, ...]:
    """The topics of a namespace, or of the copies to one machine."""
    if isinstance(namespace_id := getattr(event, "namespace_id", None), UUID):
        return (f"storage:{namespace_id}", "storage")
    return (f"copies:{getattr(event, 'allocation_id', event.aggregate_id)}",)


def is_for_everybody(event: Event) -> bool:
    """Whether every tenant may see the event: only capacity is shared."""
    return event.SUBJECT.split(".")[2] == "inventory"


def also_for_everybody(event: Event) -> tuple[str, ...]:
    """The topics of a tenant's event that other tenants get: only that capacity changed."""
    return ("capacity",) if event.SUBJECT.split(".")[2] == "provisioning" else ()


def channel(tenant_id: UUID | None) -> str:
    """The Valkey channel of a tenant, or of everybody."""
    return f"berth:live:{tenant_id or 'all'}"


def personal_channel(user_id: UUID) -> str:
    """The Valkey channel of one person's pages, in any organisation."""
    return f"berth:live:user:{user_id}"


def inbox_topic(user_id: UUID) -> str:
    """The topic of a person's bell and inbox."""
    return f"inbox:{user_id}"
