"""The double-entry ledger."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Sequence,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.billing.contracts import TransactionId
from app.shared.db.base import Base, Xid8
from app.shared.ids import ProjectId, TenantId, new_id
from app.shared.money import Micro

ACCOUNT_VERSIONS = Sequence("account_versions", schema="billing", metadata=Base.metadata)

FULL = {"fillfactor": 100}  # rows are only added: no page needs room for another version of a row


class LedgerAccount(Base):
    """An account of the double-entry ledger; it keeps no balance."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN (tenant_id IS NULL) THEN (kind IN ('revenue', 'payment_clearing', "
            "'promotions_expense', 'refunds', 'write_off', 'disputes')) ELSE "
            "(kind IN ('customer_credit', 'customer_promotions', 'customer_held', 'customer_debt')) END",
            name="check",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_check"),
        UniqueConstraint("tenant_id", "kind", "currency", postgresql_nulls_not_distinct=True),
        Index(
            "ledger_accounts_one_currency",
            "tenant_id",
            "kind",
            unique=True,
            postgresql_where=text("tenant_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    tenant_id: Mapped[TenantId | None]
    kind: Mapped[str]
    currency: Mapped[str]
    created_at: Mapped[datetime]


class LedgerTransaction(Base):
    """One posting; its entries sum to zero. Rows are only added."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('payment', 'promotion', 'hold', 'usage', 'hold_released', 'refund', "
            "'refund_returned', 'adjustment', 'dispute', 'dispute_returned')",
            name="kind_check",
        ),
        CheckConstraint("length(reference) BETWEEN 3 AND 120", name="reference_check"),
        UniqueConstraint("reference"),
        Index(
            "ledger_transactions_lines",
            "tenant_id",
            text("date_bin('01:00:00'::interval, occurred_at, '2000-01-01 00:00:00+00'::timestamp with time zone)"),
            text("(\nCASE\n    WHEN kind = 'usage' THEN cause_id\n    ELSE id\nEND)"),
            postgresql_with=FULL,
        ),
        Index(
            "ledger_transactions_movements",
            "tenant_id",
            "occurred_at",
            postgresql_include=["funds_change"],
            postgresql_where=text("kind <> 'usage' AND funds_change <> 0"),
        ),
        Index("ledger_transactions_tenant", "tenant_id", "id", postgresql_with=FULL),
        Index("ledger_transactions_xid", "xid", postgresql_with=FULL),
    )

    id: Mapped[TransactionId] = mapped_column(primary_key=True, default=new_id)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    occurred_at: Mapped[datetime]
    kind: Mapped[str]
    reference: Mapped[str]
    cause_id: Mapped[UUID]
    tenant_id: Mapped[TenantId]
    project_id: Mapped[ProjectId | None]
    currency: Mapped[str]
    funds_change: Mapped[Micro]
    held_change: Mapped[Micro]
    correlation_id: Mapped[str]


class LedgerEntry(Base):
    """One line of a posting, in micro-units. Rows are only added."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        PrimaryKeyConstraint("account_id", "id", postgresql_include=["amount"]),
        CheckConstraint("amount BETWEEN -1000000000000000 AND 1000000000000000", name="amount_bound"),
        CheckConstraint("amount <> 0", name="amount_check"),
        Index(
            "ledger_entries_hold",
            "hold_id",
            postgresql_include=["amount"],
            postgresql_where=text("hold_id IS NOT NULL"),
        ),
        Index("ledger_entries_transaction", "transaction_id", postgresql_with=FULL),
    )

    id: Mapped[int] = mapped_column(Identity(always=True))
    account_id: Mapped[int]
    amount: Mapped[Micro]
    transaction_id: Mapped[TransactionId]
    usage_record_id: Mapped[int | None]
    hold_id: Mapped[UUID | None]


class LedgerCheckpoint(Base):
    """The balance of an account through an entry."""

    __tablename__ = "ledger_checkpoints"
    __table_args__ = (PrimaryKeyConstraint("account_id", "through_entry_id", postgresql_include=["balance"]),)

    account_id: Mapped[int]
    through_entry_id: Mapped[int]
    balance: Mapped[Micro]
    created_at: Mapped[datetime]


class LedgerSeal(Base):
    """A chain of hashes over the entries: what was changed afterwards shows."""

    __tablename__ = "ledger_seals"
    __table_args__ = (
        CheckConstraint("from_xid < to_xid", name="check"),
        CheckConstraint("entries > 0", name="entries_check"),
        CheckConstraint("length(hash) = 32", name="hash_check"),
        CheckConstraint("id > 0", name="id_check"),
        UniqueConstraint("from_xid"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_xid: Mapped[int] = mapped_column(Xid8)
    to_xid: Mapped[int] = mapped_column(Xid8)
    entries: Mapped[int]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
    sealed_at: Mapped[datetime]


for _table in (LedgerTransaction.__table__, LedgerEntry.__table__):  # a primary key takes no storage parameter
    event.listen(_table, "after_create", DDL("ALTER INDEX %(fullname)s_pkey SET (fillfactor = 100)"))  # type: ignore[no-untyped-call]
