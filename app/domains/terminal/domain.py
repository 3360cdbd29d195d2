"""What the terminal hands to the composition roots."""

from app.domains.terminal.consumers import CONSUMERS
from app.domains.terminal.handlers import pages, ws
from app.domains.terminal.policies import POLICIES
from app.shared.manifest import Domain

DOMAIN = Domain(name="terminal", pages=[*pages.ROUTES], routes=[*ws.ROUTES], consumers=CONSUMERS, policies=POLICIES)
