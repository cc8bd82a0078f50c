"""How the proxy refuses: in the registry's own style, with a challenge for its own service."""

from __future__ import annotations

import dataclasses

from packhouse import errors as e
from packhouse.contract import ErrorStyle, Refusal
from packhouse.upstream.oci import UpstreamSpoiled

SERVICE = "dependency_proxy"


class NoUpstream(e.Unavailable):
    """No upstream is configured, neither for the group nor for the instance, or the one that is cannot be used."""

    code = "no_upstream"


def write_challenge(refusal: Refusal) -> str:
    """Where to get a token. There is no scope to name: what counts is who asks."""
    parts = [f'realm="{refusal.base}/jwt/auth"', f'service="{SERVICE}"']
    if isinstance(refusal.error, e.InvalidCredential):
        parts.append('error="invalid_token"')
    return "Bearer " + ",".join(parts)


def style_of(registry: ErrorStyle) -> ErrorStyle:
    """The registry's style, with words for what an upstream can do wrong."""

    def body(error: e.RegistryError) -> tuple[str, bytes]:
        return registry.body(e.Unavailable(error.message, **error.detail) if isinstance(error, e.UpstreamFailed) else error)

    status = {**registry.status, e.UpstreamFailed: 503, e.UpstreamRefused: 502, UpstreamSpoiled: 502, e.UpstreamTimeout: 503}
    return dataclasses.replace(registry, body=body, bearer=write_challenge, status=status)
