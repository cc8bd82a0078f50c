"""An object storage for these tests too."""

from object_storage import serve_storage

__all__ = ["serve_storage"]
