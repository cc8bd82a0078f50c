"""What to paste for pip, uv, poetry, pdm and twine. Never an extra index: a name must not be looked for in two places."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.pypi import names
from packhouse.model import PackageRow

TOKEN = "<your_access_token>"

PYPIRC = """\
[distutils]
index-servers = packhouse

[packhouse]
repository = {base}
username = __token__
password = {token}"""

UV_INDEX = """\
[[tool.uv.index]]
name = "packhouse"
url = "{index}"
default = true"""

UV_CREDENTIALS = """\
export UV_INDEX_PACKHOUSE_USERNAME=__token__
export UV_INDEX_PACKHOUSE_PASSWORD="{token}\""""

POETRY_SOURCE = """\
poetry source add --priority=primary packhouse "{index}/"
poetry config http-basic.packhouse __token__ "{token}\""""

# Only a source of this name takes the place of PDM's built-in one; any other would be asked beside it.
PDM_SOURCE = """\
[[tool.pdm.source]]
name = "pypi"
url = "{index}"
username = "__token__"
password = "{token}\""""

UV_PUBLISH = 'UV_PUBLISH_USERNAME=__token__ UV_PUBLISH_PASSWORD="{token}" uv publish --publish-url "{base}" dist/*'

POETRY_PUBLISH = """\
poetry config repositories.packhouse "{base}"
poetry config http-basic.packhouse __token__ "{token}"
poetry publish --build --repository packhouse"""

JOB = """\
python -m pip install --quiet build twine
python -m build
TWINE_USERNAME=gitlab-ci-token TWINE_PASSWORD="$CI_JOB_TOKEN" python -m twine upload --repository-url "{base}" dist/*"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set the clients up, and publish to this project."""
    name = names.name_key(package.name) if package else "my-package"
    index = f"{moment.here}/simple"
    return (*install(name, index), *setup(index), *(publish(moment.here) if moment.level == "project" else ()))


def install(name: str, index: str) -> Sequence[Snippet]:
    url = with_credentials(index)
    return (
        Snippet(client="pip", kind="install", language="shell", title="Install with pip", text=f'pip install --index-url "{url}" {name}'),
        Snippet(client="uv", kind="install", language="shell", title="Install with uv", text=f'uv pip install --default-index "{url}" {name}'),
        Snippet(client="poetry", kind="install", language="shell", title="Add with Poetry", text=f"poetry add --source packhouse {name}"),
        Snippet(client="pdm", kind="install", language="shell", title="Add with PDM", text=f"pdm add {name}"),
    )


def setup(index: str) -> Sequence[Snippet]:
    netrc = f"machine {urlsplit(index).hostname} login __token__ password {TOKEN}"
    return (
        Snippet(client="pip", kind="setup", language="ini", title="pip.conf", text=f"[global]\nindex-url = {with_credentials(index)}"),
        Snippet(client="pip", kind="setup", language="text", title="~/.netrc", text=netrc),
        Snippet(client="uv", kind="setup", language="toml", title="pyproject.toml", text=UV_INDEX.format(index=index)),
        Snippet(client="uv", kind="setup", language="shell", title="Credentials for uv", text=UV_CREDENTIALS.format(token=TOKEN)),
        Snippet(client="poetry", kind="setup", language="shell", title="Source for Poetry", text=POETRY_SOURCE.format(index=index, token=TOKEN)),
        Snippet(client="pdm", kind="setup", language="toml", title="pyproject.toml", text=PDM_SOURCE.format(index=index, token=TOKEN)),
    )


def publish(base: str) -> Sequence[Snippet]:
    return (
        Snippet(client="twine", kind="setup", language="ini", title="~/.pypirc", text=PYPIRC.format(base=base, token=TOKEN)),
        Snippet(client="twine", kind="publish", language="shell", title="Upload with twine", text="python -m twine upload -r packhouse dist/*"),
        Snippet(client="uv", kind="publish", language="shell", title="Upload with uv", text=UV_PUBLISH.format(base=base, token=TOKEN)),
        Snippet(client="poetry", kind="publish", language="shell", title="Upload with Poetry", text=POETRY_PUBLISH.format(base=base, token=TOKEN)),
        Snippet(client="twine", kind="publish", language="shell", title="Upload from a job", text=JOB.format(base=base)),
    )


def with_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://__token__:{TOKEN}@{rest}"


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def upload(file: Imported) -> Sending:
    """The form that twine sends, with what the file does not say of itself."""
    kind = {"filetype": "bdist_wheel", "pyversion": "py3"} if file.file_name.endswith(".whl") else {"filetype": "sdist", "pyversion": "source"}
    fields = {":action": "file_upload", "protocol_version": "1", "name": file.name, "version": file.version, "sha256_digest": file.sha256, **kind}
    return Sending(method="POST", tail="", part="content", fields=fields)


TRANSFER = Transfer(fetch=lambda file: f"files/{file.sha256}/{quote(file.file_name, safe='')}", publish=upload)
