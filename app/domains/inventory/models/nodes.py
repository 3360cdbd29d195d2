"""Machines, their slots, and what happens to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.inventory.contracts import ImageId, NodeId, SkuId
from app.shared.db.base import Base, Json
from app.shared.ids import TenantId, new_id


class Node(Base):
    """A machine as MAAS has it and as we use it."""

    __tablename__ = "nodes"
    __table_args__ = (
        CheckConstraint("(sku_id IS NULL) = (sku_problem IS NOT NULL)", name="check"),
        CheckConstraint("(cordoned_at IS NULL) = (cordon_reason IS NULL)", name="check1"),
        CheckConstraint("state IN ('ready', 'missing') OR state_reason IS NOT NULL", name="check2"),
        CheckConstraint("deployed_shared OR deployed_image_id IS NULL", name="check3"),
        CheckConstraint("drain_deadline IS NULL OR drain_since IS NOT NULL", name="deadline_of_a_drain"),
        CheckConstraint("drain_since IS NULL OR cordoned_at IS NOT NULL", name="drain_is_a_cordon"),
        CheckConstraint("state IN ('ready', 'quarantined', 'maintenance', 'missing', 'retired')", name="state_check"),
        UniqueConstraint("system_id"),
        Index("nodes_hostname", "hostname", "id"),
        Index("nodes_sku", "sku_id", "id"),
    )

    id: Mapped[NodeId] = mapped_column(primary_key=True, default=new_id)
    system_id: Mapped[str]
    hostname: Mapped[str]
    sku_id: Mapped[SkuId | None] = mapped_column(ForeignKey("inventory.sku_catalog.id"))
    sku_problem: Mapped[str | None]
    zone: Mapped[str]
    state: Mapped[str]
    state_reason: Mapped[str | None]
    state_since: Mapped[datetime]
    cordoned_at: Mapped[datetime | None]
    cordon_reason: Mapped[str | None]
    deployed_shared: Mapped[bool] = mapped_column(server_default=text("false"))
    deployed_image_id: Mapped[ImageId | None] = mapped_column(ForeignKey("inventory.os_images.id"))
    deployed_tenant_id: Mapped[TenantId | None]
    address: Mapped[str | None]
    maas_state: Mapped[str]
    maas_message: Mapped[str] = mapped_column(server_default="")
    maas_seen_at: Mapped[datetime]
    hardware: Mapped[str]
    cpu_count: Mapped[int] = mapped_column(Integer)
    memory_mib: Mapped[int]
    gpus: Mapped[list[dict[str, object]]] = mapped_column(Json)
    disks: Mapped[list[dict[str, object]]] = mapped_column(Json)
    imported_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    power_state: Mapped[str] = mapped_column(server_default="unknown")
    drain_since: Mapped[datetime | None]
    drain_deadline: Mapped[datetime | None]


class FreeCapacity(Base):
    """What is free of a machine now, kept by triggers on the machine and its slots. `placeable`: a placement may choose
    it, apart from maintenance windows; `shared`: its slots are sold one by one, with this image, to this tenant."""

    __tablename__ = "free_capacity"
    __table_args__ = (
        CheckConstraint("(free >= 0) AND (free <= total)", name="check"),
        Index(
            "free_capacity_whole",
            "sku_id",
            "free",
            "hostname",
            "node_id",
            postgresql_where=text("placeable AND (NOT shared)"),
        ),
        Index(
            "free_capacity_shared",
            "sku_id",
            "image_id",
            "tenant_id",
            "free",
            "hostname",
            "node_id",
            postgresql_where=text("placeable AND shared"),
        ),
        {
            "postgresql_with": {
                "fillfactor": "60",
                "autovacuum_vacuum_scale_factor": "0.05",
                "autovacuum_vacuum_threshold": "200",
            }
        },
    )

    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"), primary_key=True)
    hostname: Mapped[str]
    sku_id: Mapped[SkuId | None]
    in_service: Mapped[bool]
    placeable: Mapped[bool]
    shared: Mapped[bool]
    image_id: Mapped[ImageId | None]
    tenant_id: Mapped[TenantId]
    total: Mapped[int] = mapped_column(Integer)
    free: Mapped[int] = mapped_column(Integer)


class NodeImageCache(Base):
    """Which image is warm on which machine."""

    __tablename__ = "node_image_cache"

    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"), primary_key=True)
    image_id: Mapped[ImageId] = mapped_column(ForeignKey("inventory.os_images.id"), primary_key=True)
    warmed_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class NodeResourceSlot(Base):
    """A slot of a machine: one row has room for one holder. A machine without GPUs has one slot."""

    __tablename__ = "node_resource_slots"
    __table_args__ = (
        CheckConstraint("(allocation_id IS NULL) = (claimed_at IS NULL)", name="check"),
        CheckConstraint("slot_index >= 0", name="slot_index_check"),
        Index("node_resource_slots_allocation", "allocation_id", postgresql_where=text("allocation_id IS NOT NULL")),
        Index(
            "node_resource_slots_one_gpu",
            "node_id",
            "pci_address",
            unique=True,
            postgresql_where=text("pci_address IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"), primary_key=True)
    slot_index: Mapped[int] = mapped_column(Integer, primary_key=True)
    gpu: Mapped[dict[str, object] | None]
    pci_address: Mapped[str | None]
    allocation_id: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None]


class MaintenanceWindow(Base):
    """Planned work on a machine."""

    __tablename__ = "maintenance_windows"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="check"),
        CheckConstraint("length(reason) BETWEEN 3 AND 500", name="reason_check"),
        Index("maintenance_windows_open", "node_id", "starts_at", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    planned_at: Mapped[datetime]
    planned_by: Mapped[UUID | None]
    started_at: Mapped[datetime | None] = mapped_column("begun_at")
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))


class NodeHistoryEntry(Base):
    """What happened to a machine."""

    __tablename__ = "node_history"
    __table_args__ = (
        CheckConstraint("kind ~ '^[a-z_]{3,40}$'", name="kind_check"),
        Index("node_history_node", "node_id", text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"))
    occurred_at: Mapped[datetime]
    kind: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")
    allocation_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]


class PowerRequest(Base):
    """A command to the power controller of a machine, and what it answered."""

    __tablename__ = "power_requests"
    __table_args__ = (
        CheckConstraint("action IN ('on', 'off', 'cycle', 'query')", name="action_check"),
        CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="check"),
        CheckConstraint("outcome IN ('done', 'refused', 'unknown')", name="outcome_check"),
        Index("power_requests_node", "node_id", text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    node_id: Mapped[NodeId] = mapped_column(ForeignKey("inventory.nodes.id"))
    action: Mapped[str]
    forced: Mapped[bool]
    reason: Mapped[str]
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    outcome: Mapped[str | None]
    response: Mapped[str] = mapped_column("said", server_default="")
    finished_at: Mapped[datetime | None]
