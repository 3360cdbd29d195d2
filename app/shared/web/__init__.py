"""What every HTML and JSON entrance shares: route declarations, the Context of a request, answers, the page's frame."""

from app.shared.web.provide import Contexts, Ctx
from app.shared.web.respond import fragment, page, redirect
from app.shared.web.route import MONEY, Form, Json, public, requires

__all__ = ["MONEY", "Contexts", "Ctx", "Form", "Json", "fragment", "page", "public", "redirect", "requires"]
