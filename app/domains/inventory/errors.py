"""Refusals of the inventory."""

from app.shared.errors import DomainError, ValidationFailed


class SlotTaken(DomainError):
    code = "slot_taken"
    status = 409
    title = "Somebody else took this machine or one of these slots a moment ago."
    retryable = True


class NodeNotInService(DomainError):
    code = "node_not_in_service"
    status = 409
    title = "This node is not in service."


class NodeInUse(DomainError):
    code = "node_in_use"
    status = 409
    title = "Somebody still holds slots of this node."


class NodeNotOurs(DomainError):
    code = "node_not_ours"
    status = 409
    title = "In MAAS this machine is in another pool, locked, or somebody else's: it is not touched."


class WindowOverlaps(DomainError):
    code = "maintenance_window_overlaps"
    status = 409
    title = "Another maintenance window of this node overlaps with this one."


class PriceNotice(ValidationFailed):
    code = "price_notice_too_short"
    title = "A higher price has to be announced earlier."
    field = "effective_from"


class PriceInForce(DomainError):
    code = "price_in_force"
    status = 409
    title = "This price is in force. Plan a newer price instead of withdrawing it."


class PriceNotInForce(DomainError):
    code = "price_not_in_force"
    status = 409
    title = "Only the price in force is undone."


class NoEarlierPrice(DomainError):
    code = "price_has_no_predecessor"
    status = 409
    title = "There was no price before this one to go back to."


class PriceMissing(DomainError):
    code = "price_missing"
    status = 409
    title = "This type has no price at that time."


class PriceInThePast(ValidationFailed):
    code = "price_in_the_past"
    title = "A price begins now or later: the past is never rewritten."
    field = "effective_from"


class CodeTaken(DomainError):
    code = "code_taken"
    status = 409
    title = "That code is in use already, for something else."
