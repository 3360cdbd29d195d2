"""Errors of notification."""

from app.shared.errors import Conflict


class TooManyEndpoints(Conflict):
    code = "webhook_limit"
    title = "Your organisation has reached its limit of webhooks. Remove one that is no longer used."


class EndpointDisabled(Conflict):
    code = "webhook_disabled"
    title = "This webhook is switched off. Switch it on first."


class DeliveryUnderWay(Conflict):
    code = "delivery_under_way"
    title = "This message is still being delivered. It can be replayed when its attempts have ended."
