"""Allocations, their slots, placements and timelines, and the machines under them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.provisioning.contracts import AllocationId, DeploymentId
from app.shared.db.base import Base
from app.shared.ids import ProjectId, TenantId, UserId, new_id


class Allocation(Base):
    """One rental of a machine or of slots of one, from the launch to its end."""

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint("whole = (slots IS NULL)", name="check"),
        CheckConstraint("(ended_at IS NOT NULL) = (state IN ('released', 'failed', 'canceled'))", name="check1"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        CheckConstraint("gpus >= 0", name="gpus_check"),
        CheckConstraint("hold_micro >= 0", name="hold_micro_check"),
        CheckConstraint("name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name="name_check"),
        CheckConstraint("rate_micro >= 0", name="rate_micro_check"),
        CheckConstraint("slots > 0", name="slots_check"),
        CheckConstraint(
            "state IN ('requested', 'placing', 'provisioning', 'configuring', 'active', 'releasing', "
            "'release_failed', 'released', 'failed', 'canceled')",
            name="state_check",
        ),
        Index(
            "allocations_dearest",
            "tenant_id",
            text("(\nCASE\n    WHEN state = 'active' THEN rate_micro\n    ELSE 0\nEND) DESC"),
            "id",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("allocations_kind", "sku_id", "image_code", text("requested_at DESC")),
        Index("allocations_live", "state_changed_at", postgresql_where=text("ended_at IS NULL")),
        Index("allocations_live_name", "project_id", "name", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("allocations_node", "node_id", postgresql_where=text("ended_at IS NULL")),
        Index("allocations_project", "tenant_id", "project_id", text("id DESC")),
    )

    id: Mapped[AllocationId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    user_id: Mapped[UserId]
    name: Mapped[str]
    sku_id: Mapped[UUID]
    sku_code: Mapped[str]
    gpus: Mapped[int] = mapped_column(Integer)
    whole: Mapped[bool]
    slots: Mapped[int | None] = mapped_column(Integer)
    image_code: Mapped[str]
    currency: Mapped[str]
    rate_micro: Mapped[int]
    price_version_id: Mapped[UUID]
    hold_micro: Mapped[int]
    login: Mapped[str]
    uid: Mapped[int] = mapped_column(Integer)
    gecos: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str]
    state_changed_at: Mapped[datetime]
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    node_id: Mapped[UUID | None]
    deployment_id: Mapped[DeploymentId | None]
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    failure_code: Mapped[str | None]
    failure_text: Mapped[str | None]
    correlation_id: Mapped[str]
    requested_at: Mapped[datetime]
    active_at: Mapped[datetime | None]
    release_requested_at: Mapped[datetime | None]
    release_reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class NodeDeployment(Base):
    """A machine in our hands, from its allocation in MAAS to its return."""

    __tablename__ = "node_deployments"
    __table_args__ = (
        CheckConstraint("state IN ('live', 'closing', 'ended')", name="state_check"),
        Index("node_deployments_one", "node_id", unique=True, postgresql_where=text("state <> 'ended'")),
        {"comment": "one life of a machine in our hands"},
    )

    id: Mapped[DeploymentId] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    node_id: Mapped[UUID]
    system_id: Mapped[str]
    hostname: Mapped[str]
    image_code: Mapped[str]
    shared: Mapped[bool]
    state: Mapped[str]
    address: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class AllocationResourceClaim(Base):
    """A slot that an allocation holds, or held."""

    __tablename__ = "allocation_resource_claims"
    __table_args__ = (
        CheckConstraint("slot_index >= 0", name="slot_index_check"),
        Index("allocation_resource_claims_allocation", "allocation_id"),
        Index(
            "allocation_resource_claims_one",
            "node_id",
            "slot_index",
            unique=True,
            postgresql_where=text("freed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[AllocationId] = mapped_column(ForeignKey("provisioning.allocations.id"))
    deployment_id: Mapped[DeploymentId] = mapped_column(ForeignKey("provisioning.node_deployments.id"))
    node_id: Mapped[UUID]
    slot_index: Mapped[int] = mapped_column(Integer)
    claimed_at: Mapped[datetime]
    freed_at: Mapped[datetime | None]


class AllocationPlacement(Base):
    """Where an attempt was placed, and why there."""

    __tablename__ = "allocation_placements"
    __table_args__ = (UniqueConstraint("allocation_id", "attempt"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[AllocationId] = mapped_column(ForeignKey("provisioning.allocations.id"))
    attempt: Mapped[int] = mapped_column(Integer)
    node_id: Mapped[UUID]
    node_name: Mapped[str]
    slots: Mapped[list[int]]
    candidates: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str]
    placed_at: Mapped[datetime]


class AllocationEvent(Base):
    """A step of the timeline."""

    __tablename__ = "allocation_events"
    __table_args__ = (
        CheckConstraint("state IN ('in_progress', 'active', 'failed', 'ended')", name="state_check"),
        CheckConstraint(
            "step IN ('place', 'deploy', 'configure', 'probe', 'activate', 'close', 'erase', 'free')", name="step_check"
        ),
        UniqueConstraint("allocation_id", "attempt", "step"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[AllocationId] = mapped_column(ForeignKey("provisioning.allocations.id"))
    attempt: Mapped[int] = mapped_column(Integer)
    step: Mapped[str]
    state: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class OutboxIntent(Base):
    """What was asked of Temporal for an allocation."""

    __tablename__ = "outbox_intents"
    __table_args__ = (
        CheckConstraint("effect IN ('start', 'signal', 'cancel')", name="effect_check"),
        Index("outbox_intents_allocation", "allocation_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[AllocationId] = mapped_column(ForeignKey("provisioning.allocations.id"))
    effect: Mapped[str]
    workflow_id: Mapped[str]
    outbox_id: Mapped[UUID]
    created_at: Mapped[datetime]


class OperatorNote(Base):
    """Why an operator took a machine back or gave up a launch."""

    __tablename__ = "operator_notes"
    __table_args__ = (
        CheckConstraint("action IN ('release', 'cancel')", name="action_check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        Index("operator_notes_allocation", "allocation_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId]
    allocation_id: Mapped[AllocationId] = mapped_column(ForeignKey("provisioning.allocations.id"))
    action: Mapped[str]
    reason: Mapped[str]
    actor_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class FirstStepsHidden(Base):
    """Who has closed the first steps of a project."""

    __tablename__ = "first_steps_hidden"

    tenant_id: Mapped[TenantId] = mapped_column(primary_key=True)
    project_id: Mapped[ProjectId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(primary_key=True)
    hidden_at: Mapped[datetime]
