"""Rows to documents: registrations and versions, search results, the v2 feed, and the service indexes. Pure."""
