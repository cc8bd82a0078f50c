"""What to paste for Conan 2 and Conan 1: the remote, the login, install and upload."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.formats.conan import names
from packhouse.formats.conan.names import Reference
from packhouse.model import PackageRow

SETUP = """\
conan remote add packhouse {base}
conan remote login packhouse <your_username> -p <your_access_token>"""

SETUP_1 = """\
conan remote add packhouse {base}
conan user <your_username> -r packhouse -p <your_access_token>"""

JOB = """\
conan profile detect --exist-ok
conan create .
conan remote add --force packhouse {base}
CONAN_LOGIN_USERNAME=ci_user CONAN_PASSWORD="$CI_JOB_TOKEN" conan upload "{pattern}" -r packhouse -c"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the newest version of the package from this scope, set the clients up, and upload."""
    reference = newest_reference(package)
    shown = write_reference(reference)
    old = write_reference(reference, always=True)
    requires = f"[requires]\n{shown}"
    setup = (
        Snippet(client="conan", kind="setup", language="shell", title="Remote for Conan 2", text=SETUP.format(base=moment.here)),
        Snippet(client="conan 1", kind="setup", language="shell", title="Remote for Conan 1", text=SETUP_1.format(base=moment.here)),
    )
    line = f"conan install --requires={shown} -r packhouse"
    install = (
        Snippet(client="conan", kind="install", language="shell", title="Install with Conan 2", text=line),
        Snippet(client="conan", kind="install", language="ini", title="conanfile.txt", text=requires),
        Snippet(client="conan 1", kind="install", language="shell", title="Install with Conan 1", text=f"conan install {old} -r packhouse"),
    )
    recipe = re.split("[/@]", package.name)[0] if package is not None else reference.name
    job = JOB.format(base=moment.here, pattern=f"{recipe}/*")
    publish = (
        Snippet(client="conan", kind="publish", language="shell", title="Upload with Conan 2", text=f'conan upload "{shown}" -r packhouse -c'),
        Snippet(client="conan", kind="publish", language="shell", title="Upload from a job", text=job),
        Snippet(client="conan 1", kind="publish", language="shell", title="Upload with Conan 1", text=f"conan upload {old} -r packhouse --all -c"),
    )
    return (*install, *setup, *(publish if moment.level != "group" else ()))


def newest_reference(package: PackageRow | None) -> Reference:
    if package is None or not package.versions:
        return Reference(name="my-package", version="1.0.0")
    return names.reference_of(package.name, package.versions[-1].version)


def write_reference(reference: Reference, *, always: bool = False) -> str:
    """The reference as people type it. Conan 1 takes one without a user for a path unless it ends in @."""
    if reference.user == names.NOBODY:
        return f"{reference.name}/{reference.version}" + ("@" if always else "")
    return f"{reference.name}/{reference.version}@{reference.user}" + ("" if reference.channel == names.NOBODY else f"/{reference.channel}")
