"""The web process as a server: uvicorn, with bounds on what a client may leave unfinished, and an orderly end."""

from app.cli.server.serve import serve

__all__ = ["serve"]
