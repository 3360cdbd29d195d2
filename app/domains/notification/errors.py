"""What notification refuses, with a reason that a person can act on."""

from app.shared.errors import Conflict


class TooManyEndpoints(Conflict):
    code = "webhook_limit"
    title = "Your organisation has as many webhooks as it may have. Remove one that is not used any more."


class EndpointDisabled(Conflict):
    code = "webhook_disabled"
    title = "This webhook is switched off. Switch it on first."


class DeliveryUnderWay(Conflict):
    code = "delivery_under_way"
    title = "This message is still being delivered. It can be replayed when its attempts have ended."
