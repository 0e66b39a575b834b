"""The HTTP edge: it parses, calls the domain, and shapes the answer."""

from service.api.app import create_app

__all__ = ["create_app"]
