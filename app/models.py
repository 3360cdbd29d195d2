"""Every model of the product, so that all tables are known at once: for `alembic check`, and for writing a migration.

No part of the product imports this; a domain imports its own models.
"""

from app.domains.admin import models as admin
from app.domains.appruntime import models as appruntime
from app.domains.auth import models as auth
from app.domains.billing import models as billing
from app.domains.inventory import models as inventory
from app.domains.notification import models as notification
from app.domains.payments import models as payments
from app.domains.provisioning import models as provisioning
from app.domains.releases import models as releases
from app.domains.storage import models as storage
from app.domains.terminal import models as terminal
from app.shared.approval import models as approval
from app.shared.batch import models as batch
from app.shared.db.base import Base
from app.shared.events import models as events
from app.shared.idempotency import models as idempotency
from app.shared.mail import models as mail
from app.shared.outbox import models as outbox
from app.shared.policy import models as policy

metadata = Base.metadata

__all__ = [
    "admin",
    "approval",
    "appruntime",
    "auth",
    "batch",
    "billing",
    "events",
    "idempotency",
    "inventory",
    "mail",
    "metadata",
    "notification",
    "outbox",
    "payments",
    "policy",
    "provisioning",
    "releases",
    "storage",
    "terminal",
]
