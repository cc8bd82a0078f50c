"""Every route of the REST API."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from packhouse.api import (
    debian_distributions,
    dependency_proxy,
    deploy_tokens,
    groups,
    job_scope,
    members,
    oidc,
    package_bin,
    package_policy,
    packages,
    personal_tokens,
    pipelines,
    place_tokens,
    projects,
    protected_branches,
    protection,
    registry,
    registry_auth,
    registry_bin,
    registry_cleanup,
    registry_rules,
    repository,
    repository_files,
    settings,
    signing_keys,
    users,
)
from packhouse.api.call import closed_to_jobs
from packhouse.contract import Route
from packhouse.packages.house import House

OPEN_TO_JOBS = (debian_distributions, packages, pipelines, registry, repository, repository_files)
CLOSED_TO_JOBS = (
    projects,
    protected_branches,
    groups,
    protection,
    job_scope,
    oidc,
    package_bin,
    package_policy,
    members,
    users,
    personal_tokens,
    signing_keys,
    place_tokens,
    deploy_tokens,
    settings,
    registry_auth,
    registry_bin,
    registry_cleanup,
    registry_rules,
    dependency_proxy,
)


def api_routes(house: House) -> Iterable[Route]:
    """The routes, by noun."""
    for noun in OPEN_TO_JOBS:
        yield from noun.routes()
    for noun in CLOSED_TO_JOBS:
        for route in noun.routes():
            yield dataclasses.replace(route, handler=closed_to_jobs(route.handler))
