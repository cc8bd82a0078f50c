"""R against a running server: what people install from packages that curl has uploaded."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team

FIELDS = {"Title": "A Toy", "Author": "Zoë Ünsal", "Maintainer": "Zoë Ünsal <zoe@mail.example>", "Description": "Plays.", "License": "GPL (>= 2)"}
WARNED = "options(warn = 2); "  # R would go on with a warning where it has installed nothing


class Shop:
    """A project, and a builder of real packages."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.library = folder / "library"
        self.library.mkdir()

    def base(self, login: Login | None = None, project: str = "") -> str:
        """The repository as R is told of it, with a credential in its address."""
        user = login or self.team.reader
        scheme, _, host = self.stand.url.partition("://")
        return f"{scheme}://{user.user}:{user.token}@{host}/api/v4/{project or self.project}/packages/cran"

    @property
    def project(self) -> str:
        return f"projects/{self.team.project['id']}"

    def build(self, name: str, version: str, encoding: str = "UTF-8", **fields: str) -> Path:
        """A package with one function, packed by R."""
        tree = self.folder / "trees" / f"{name}-{version}" / name
        (tree / "R").mkdir(parents=True)
        said = {"Package": name, "Version": version, **FIELDS, "Encoding": encoding, **fields}
        (tree / "DESCRIPTION").write_bytes("".join(f"{key}: {value}\n" for key, value in said.items()).encode(encoding))
        (tree / "NAMESPACE").write_text("export(hello)\n")
        (tree / "R" / "hello.R").write_text(f'hello <- function() "{name} {version}"\n')
        out = self.folder / "built"
        out.mkdir(exist_ok=True)
        self.desk.run("R", "--vanilla", "CMD", "build", "--no-manual", tree, cwd=out)
        return out / f"{name}_{version}.tar.gz"

    def upload(self, file: Path, tail: str = "src", status: int = 201, login: Login | None = None) -> str:
        user = login or self.team.writer
        url = f"{self.stand.url}/api/v4/{self.project}/packages/cran/{tail}"
        command = ["--silent", "--user", f"{user.user}:{user.token}", "--upload-file", str(file), "--write-out", "%{http_code}", url]
        said = self.desk.run("curl", *command, cwd=self.folder).out
        assert said[-3:] == str(status), said
        return said[:-3]

    def publish(self, name: str, version: str, **fields: str) -> Path:
        file = self.build(name, version, **fields)
        self.upload(file)
        return file

    def run(self, code: str, repos: str = "", client: str = "R", status: int | None = 0) -> Run:
        """What R says to this code, in a fresh process: it keeps lists for an hour."""
        options = f'options(repos = c(shop = "{repos or self.base()}"), pkgType = "source"); .libPaths("{self.library}"); '
        arguments = ("--vanilla", "--slave", "-e") if client == "R" else ("--vanilla", "-e")
        return self.desk.run(client, *arguments, options + code, cwd=self.folder, status=status)

    def hello(self, name: str) -> str:
        return self.run(f"cat({name}::hello())").out


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    return Shop(stand, team, desk, tmp_path)


def test_install_with_what_it_needs(shop: Shop) -> None:
    """R could not read a list, not find what a package needs, or fail over a name that it has other letters for."""
    shop.publish("lib.one", "1.0-2")
    shop.publish("app", "0.1.0", encoding="latin1", Depends="R (>= 3.5)", Imports="lib.one (>= 1.0-1),\n\tmethods")
    shop.run(f'{WARNED}install.packages("app", quiet = TRUE)')
    assert (shop.hello("app"), shop.hello("lib.one")) == ("app 0.1.0", "lib.one 1.0-2")


def test_lists_are_those_that_r_writes(shop: Shop) -> None:
    """A list could say something else than R's own tool says of the same packages, or one form of it something else than another."""
    shop.publish("alpha", "1.0", Depends="R (>= 3.5.0), methods", OS_type="unix", License_is_FOSS="yes")
    shop.publish("beta", "1.2-0", Imports="alpha (>= 1.0)", Suggests="stats", Priority="optional")
    shop.run('invisible(tools::write_PACKAGES("built", type = "source"))')
    code = (
        f'u <- paste0("{shop.base()}", "/src/contrib/PACKAGES"); f <- tempfile(); '
        "g <- function(s) { download.file(paste0(u, s), f, quiet = TRUE); f }; "
        'stopifnot(identical(readLines(g("")), readLines("built/PACKAGES"))); '
        'a <- read.dcf(g("")); b <- readRDS(g(".rds")); r <- readRDS("built/PACKAGES.rds"); '
        'stopifnot(identical(read.dcf(g(".gz")), a), identical(b[, colnames(a)], a)); '
        "stopifnot(identical(unname(b), unname(r)), identical(colnames(b), colnames(r))); cat(nrow(b))"
    )
    assert shop.run(code).out == "2"


def test_update(shop: Shop) -> None:
    """A library could keep an old version, or be told of one that was deleted."""
    shop.publish("app", "1.0.9")
    shop.run(f'{WARNED}install.packages("app", quiet = TRUE)')
    assert shop.run("cat(length(old.packages()))").out == "0"
    shop.publish("app", "1.0-10")
    shop.run(f"{WARNED}update.packages(ask = FALSE, quiet = TRUE)")
    assert shop.hello("app") == "app 1.0-10"
    maintainer = shop.team.maintainer
    shop.stand.api("DELETE", f"/{shop.project}/packages/cran/src/app/1.0-10", token=maintainer.token).expect(204)
    assert shop.run('cat(available.packages()["app", "Version"])').out == "1.0.9"


def test_download(shop: Shop) -> None:
    """A file could come with other bytes than were published, or with another digest than the list says."""
    file = shop.publish("app", "1.0")
    shop.run(f'{WARNED}dir.create("got"); p <- download.packages("app", "got", quiet = TRUE)')
    assert (shop.folder / "got" / file.name).read_bytes() == file.read_bytes()
    assert shop.run(f'cat(available.packages()["app", "MD5sum"] == tools::md5sum("{file}"))').out == "TRUE"


def test_earlier_version(shop: Shop) -> None:
    """A version that is not the newest could not be installed."""
    for version in ("1.0.9", "1.0.10", "2.0.0"):
        shop.publish("app", version)
    install = f'{WARNED}remotes::install_version("app", "{{}}", quiet = TRUE, upgrade = "never")'
    for wanted, version in (("1.0.9", "1.0.9"), ("< 2.0", "1.0.10"), (">= 1.0", "2.0.0")):
        shop.run(install.format(wanted), client="remotes")
        assert shop.hello("app") == f"app {version}"
    archive = 'con <- gzcon(url(paste0(getOption("repos"), "/src/contrib/Meta/archive.rds"), "rb")); a <- readRDS(con)$app; '
    told = shop.run(
        archive + "cat(rownames(a), is.data.frame(a), a$size, class(a$mtime), all(abs(difftime(a$mtime, Sys.time(), units = 'mins')) < 60))"
    )
    sizes = " ".join(str((shop.folder / "built" / f"app_{version}.tar.gz").stat().st_size) for version in ("1.0.9", "1.0.10"))
    assert told.out == f"app/app_1.0.9.tar.gz app/app_1.0.10.tar.gz TRUE {sizes} POSIXct POSIXt TRUE"


def test_nothing_there_yet(shop: Shop) -> None:
    """R could warn of a repository that nobody has published to, or that has nothing for this platform."""
    assert shop.run(f"{WARNED}cat(nrow(available.packages()))").out == "0"
    assert shop.run(f'{WARNED}cat(nrow(available.packages(type = "win.binary")))').out == "0"
    assert shop.run(f'{WARNED}cat(nrow(available.packages(type = "mac.binary.big-sur-arm64")))').out == "0"
    assert shop.run(f"{WARNED}cat(nrow(old.packages()))").out == ""


def test_what_was_built(shop: Shop) -> None:
    """A package that was built for one platform could be missing there, or be offered to another one."""
    source = shop.publish("app", "1.0")
    shop.desk.run("R", "--vanilla", "CMD", "INSTALL", "--build", f"--library={shop.library}", source, cwd=shop.folder)
    [packed] = shop.folder.glob("app_1.0_R_*.tar.gz")
    shop.upload(packed, "bin?platform=macosx/big-sur-arm64&rversion=4.2")
    assert "field Built" in shop.upload(packed, status=400)
    zipped = make_windows(shop.library / "app", shop.folder / "app.zip")
    shop.upload(zipped, "bin?platform=windows&rversion=4.2")
    assert "rversion=4.2" in shop.upload(zipped, "bin?platform=windows&rversion=4.1", 400)
    for kind, file in (("win.binary", zipped), ("mac.binary.big-sur-arm64", packed)):
        (shop.folder / kind).mkdir()
        got = shop.run(f'{WARNED}cat(download.packages("app", "{kind}", type = "{kind}", quiet = TRUE)[, 2])').out
        assert (shop.folder / got).read_bytes() == file.read_bytes()
    assert shop.run('cat(nrow(available.packages(type = "mac.binary")))').out == "0"
    shop.run(f'{WARNED}remove.packages("app"); install.packages("{got}", repos = NULL, quiet = TRUE)')
    assert shop.hello("app") == "app 1.0"


def make_windows(installed: Path, target: Path) -> Path:
    """What R on Windows makes of an installed package without code of its own."""
    description = installed / "DESCRIPTION"
    description.write_text(description.read_text().replace("; unix", "; windows"))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in installed.rglob("*") if path.is_file()):
            archive.write(path, f"{installed.name}/{path.relative_to(installed)}")
    return target


def test_who_may(shop: Shop) -> None:
    """A stranger could install what is private, or somebody who may not read something else than that."""
    shop.publish("app", "1.0")
    for login in (shop.team.stranger, Login("name", "glpat-wrong")):
        assert "unable to access index" in shop.run("cat(nrow(available.packages()))", shop.base(login)).said
    for login in (shop.team.reporter, shop.team.developer):
        assert shop.run("cat(nrow(available.packages()))", shop.base(login)).out == "1"
    again = shop.build("app", "1.0.0")
    shop.upload(again, status=401, login=Login("name", "glpat-wrong"))
    assert "is 1.0 to R" in shop.upload(again, status=409)


def test_job(shop: Shop) -> None:
    """A job could not publish with its token, not install with it, or go on when it has ended."""
    path, token = f"/{shop.project}/pipelines", shop.team.developer.token
    pipeline = shop.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = shop.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    login = Login("gitlab-ci-token", job["token"])
    file = shop.build("app", "1.0")
    shop.upload(file, login=login)
    shop.run(f'{WARNED}install.packages("app", quiet = TRUE)', shop.base(login))
    assert shop.hello("app") == "app 1.0"
    [package] = shop.stand.list_packages(shop.team.project)
    assert package["pipeline"]["id"] == pipeline["id"]
    shop.stand.want(200, "POST", f"/{shop.project}/jobs/{job['id']}/finish", {"status": "success"}, token=token)
    shop.upload(file, status=401, login=login)


def test_credential_apart(shop: Shop) -> None:
    """A credential could only be given in the address, where everybody sees it who is shown the options."""
    shop.publish("app", "1.0")
    host = shop.stand.url.partition("://")[2].partition(":")[0]
    (shop.desk.home / ".netrc").write_text(f"machine {host} login {shop.team.reader.user} password {shop.team.reader.token}\n")
    (shop.desk.home / ".netrc").chmod(0o600)
    bare = f"{shop.stand.url}/api/v4/{shop.project}/packages/cran"
    said = shop.run(f'{WARNED}install.packages("app", quiet = TRUE, method = "curl", extra = "--netrc --fail")', bare)
    assert shop.hello("app") == "app 1.0", said.said


def test_moment(shop: Shop) -> None:
    """A library could not be set up as it was at an earlier time."""
    shop.publish("app", "1.0")
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    shop.publish("app", "2.0")
    shop.run(f'{WARNED}install.packages("app", quiet = TRUE)', shop.base(project=f"{shop.project}/-/at/{time}"))
    assert shop.hello("app") == "app 1.0"


def test_group(shop: Shop) -> None:
    """A group could miss what one of its projects has."""
    shop.publish("app", "1.0")
    shop.run(f'{WARNED}install.packages("app", quiet = TRUE)', shop.base(shop.team.reporter, f"groups/{shop.team.group['id']}/-"))
    assert shop.hello("app") == "app 1.0"
