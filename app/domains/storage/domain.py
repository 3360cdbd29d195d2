"""What storage hands to the composition roots."""

from app.domains.storage.handlers import rest, rest_transfer
from app.domains.storage.jobs import CRONS, JOBS
from app.domains.storage.policies import POLICIES
from app.shared.manifest import Domain

DOMAIN = Domain(name="storage", routes=[*rest.ROUTES, *rest_transfer.ROUTES], jobs=JOBS, crons=CRONS, policies=POLICIES)
