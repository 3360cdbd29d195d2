"""What every HTML and JSON entrance shares: route declarations, the Context of a request, answers, the page's frame."""

from app.web.provide import Contexts, Ctx
from app.web.respond import fragment, page, redirect
from app.web.route import MONEY, Form, Json, public, requires

__all__ = ["MONEY", "Contexts", "Ctx", "Form", "Json", "fragment", "page", "public", "redirect", "requires"]
