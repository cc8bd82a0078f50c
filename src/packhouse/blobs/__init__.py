"""Bytes: the spool they arrive in, and the stores that keep them."""
