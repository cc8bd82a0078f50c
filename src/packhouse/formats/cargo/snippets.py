"""What to paste for Cargo: the registry and its token, a dependency, and `cargo publish`."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.formats.cargo import names
from packhouse.model import PackageRow

REGISTRY = "packhouse"

CONFIG = """\
[registries.{registry}]
index = "sparse+{here}/"
credential-provider = ["cargo:token"]"""

# The environment alone: nothing is written that a later job could find.
JOB = """\
export CARGO_REGISTRIES_{upper}_INDEX="sparse+{here}/"
export CARGO_REGISTRIES_{upper}_CREDENTIAL_PROVIDER="cargo:token"
export CARGO_REGISTRIES_{upper}_TOKEN="$CI_JOB_TOKEN"
cargo publish --registry {registry}"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to depend on the crate from this scope, name the registry, and publish to this project."""
    name, version = "my-crate", "1.0.0"
    if package is not None:
        name = package.name
        version = max((row.version for row in package.versions), key=names.version_key, default=version)
    return (*install(name, version), *setup(moment.here), *(publish(moment.here) if moment.level == "project" else ()))


def install(name: str, version: str) -> Sequence[Snippet]:
    wanted = version.partition("+")[0]
    line = f'[dependencies]\n{name} = {{ version = "{wanted}", registry = "{REGISTRY}" }}'
    return (
        Snippet(client="cargo", kind="install", language="shell", title="Add to a crate", text=f"cargo add {name}@{wanted} --registry {REGISTRY}"),
        Snippet(client="cargo", kind="install", language="toml", title="Cargo.toml", text=line),
    )


def setup(here: str) -> Sequence[Snippet]:
    config = CONFIG.format(registry=REGISTRY, here=here)
    token = f'export CARGO_REGISTRIES_{REGISTRY.upper()}_TOKEN="<your_access_token>"'
    return (
        Snippet(client="cargo", kind="setup", language="toml", title=".cargo/config.toml", text=config),
        Snippet(client="cargo", kind="setup", language="shell", title="Say who you are", text=token),
    )


def publish(here: str) -> Sequence[Snippet]:
    job = JOB.format(registry=REGISTRY, upper=REGISTRY.upper(), here=here)
    return (
        Snippet(client="cargo", kind="publish", language="shell", title="Publish with Cargo", text=f"cargo publish --registry {REGISTRY}"),
        Snippet(client="cargo", kind="publish", language="shell", title="Publish from a job", text=job),
    )
