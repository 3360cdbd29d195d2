"""Stripe-shaped errors. Owns their wire form; knows nothing about HTTP beyond the status."""


class StripeError(Exception):
    """An error the API answers with: HTTP status, `type`, `code`, `param`, `message`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param

    def body(self) -> dict[str, object]:
        """The JSON body."""
        error: dict[str, object] = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def missing(resource: str, object_id: str, param: str) -> StripeError:
    """404 for an unknown id in the path, 400 for one in a parameter; the caller sets the status through `param`."""
    status = 404 if param in {"id", "session", "intent", "charge", "refund"} else 400
    return StripeError(f"No such {resource}: '{object_id}'", status=status, code="resource_missing", param=param)
