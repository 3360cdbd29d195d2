"""Policy keys of notification: retention and delivery."""

from app.shared.policy import PolicyKey

INBOX_DAYS = PolicyKey(
    name="notification.inbox_days",
    default=90,
    minimum=1,
    maximum=3_650,
    unit="days",
    description="How long inbox items are kept, read or unread.",
)
FEED_DAYS = PolicyKey(
    name="notification.feed_days",
    default=30,
    minimum=1,
    maximum=3_650,
    unit="days",
    description="How far back the event feed of the API reaches.",
)
MAIL_DAYS = PolicyKey(
    name="notification.mail_days",
    default=30,
    minimum=1,
    maximum=3_650,
    unit="days",
    description="How long the record of a mail (address, kind, outcome) is kept after it was sent or abandoned.",
)
WEBHOOK_PAUSES = PolicyKey(
    name="notification.webhook_pauses",
    default="5,300,1800,7200,18000,36000,50400,72000",
    unit="s",
    pattern=r"[0-9]{1,6}(,[0-9]{1,6}){0,19}",
    description="Pauses between the attempts to deliver a webhook, in seconds, separated by commas. After the last one "
    "the delivery has failed and can be replayed.",
)
WEBHOOK_FAILING_DAYS = PolicyKey(
    name="notification.webhook_failing_days",
    default=5,
    minimum=1,
    maximum=90,
    unit="days",
    description="A webhook without a successful delivery for this long is switched off, and its admins are notified.",
)
WEBHOOK_DAYS = PolicyKey(
    name="notification.webhook_days",
    default=30,
    minimum=1,
    maximum=365,
    unit="days",
    description="How long webhook deliveries are kept and can be replayed.",
)
WEBHOOK_ENDPOINTS = PolicyKey(
    name="notification.webhook_endpoints",
    default=10,
    minimum=0,
    maximum=1_000,
    unit="endpoints",
    description="How many webhook endpoints an organisation may have.",
)

POLICIES = (
    INBOX_DAYS,
    FEED_DAYS,
    MAIL_DAYS,
    WEBHOOK_PAUSES,
    WEBHOOK_FAILING_DAYS,
    WEBHOOK_DAYS,
    WEBHOOK_ENDPOINTS,
)
