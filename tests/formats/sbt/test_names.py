"""Paths of the two layouts: which one a path is of, what it names, what is refused, and where a listing may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.sbt import names
from packhouse.maven2.names import Spot

IVY = {
    "com.acme/lib_2.13/1.0.0/jars/lib_2.13.jar": ("com.acme#lib_2.13", "1.0.0", "jars/lib_2.13.jar"),
    "com.acme/lib/1.0.0/srcs/lib-sources.jar": ("com.acme#lib", "1.0.0", "srcs/lib-sources.jar"),
    "com.acme/lib/1.0.0/docs/lib-javadoc.jar": ("com.acme#lib", "1.0.0", "docs/lib-javadoc.jar"),
    "com.acme/lib/1.0.0/ivys/ivy.xml": ("com.acme#lib", "1.0.0", "ivys/ivy.xml"),
    "com.acme/lib/1.0.0/poms/lib.pom": ("com.acme#lib", "1.0.0", "poms/lib.pom"),
    "com.acme/lib/1.0.0/jars/lib.jar.asc": ("com.acme#lib", "1.0.0", "jars/lib.jar.asc"),
    "com.acme/lib/1.0.0/tar.gzs/lib.tar.gz": ("com.acme#lib", "1.0.0", "tar.gzs/lib.tar.gz"),
    "com.acme/lib/1.0.0/test-jars/lib.jar": ("com.acme#lib", "1.0.0", "test-jars/lib.jar"),
    "com.acme/lib/1.0.0/jars/lib-jars.jar": ("com.acme#lib", "1.0.0", "jars/lib-jars.jar"),
    "com.acme/plug/scala_2.12/sbt_1.0/1.0.0/jars/plug.jar": ("com.acme#plug/scala_2.12/sbt_1.0", "1.0.0", "jars/plug.jar"),
    "com.acme/plug/scala_2.12/1.0.0/jars/plug.jar": ("com.acme#plug/scala_2.12", "1.0.0", "jars/plug.jar"),
    "com.acme/plug/sbt_1.0/1.0.0/jars/plug.jar": ("com.acme#plug/sbt_1.0", "1.0.0", "jars/plug.jar"),
    "acme/lib/1.0+3-ab~c d/jars/lib.jar": ("acme#lib", "1.0+3-ab~c d", "jars/lib.jar"),
    "acme/lib/1.1-SNAPSHOT/jars/lib.jar": ("acme#lib", "1.1-SNAPSHOT", "jars/lib.jar"),
}
MAVEN = {
    "com/acme/lib_2.13/1.0.0/lib_2.13-1.0.0.jar": ("com/acme/lib_2.13", "1.0.0", "lib_2.13-1.0.0.jar"),
    "com/acme/plug_2.12_1.0/1.0.0/plug_2.12_1.0-1.0.0.pom": ("com/acme/plug_2.12_1.0", "1.0.0", "plug_2.12_1.0-1.0.0.pom"),
    "com/acme/plug_2.12_1.0/1.0.0/plug-1.0.0.pom": ("com/acme/plug_2.12_1.0", "1.0.0", "plug-1.0.0.pom"),
    "acme/lib/1.0.0/lib-1.0.0.jar": ("acme/lib", "1.0.0", "lib-1.0.0.jar"),
    "com/acme/lib/betas/lib-betas.jar": ("com/acme/lib", "betas", "lib-betas.jar"),
    "com/acme/a/lib/news/lib.jar": ("com/acme/a/lib", "news", "lib.jar"),
    "com/acme/lib/1.0+3-ab/lib-1.0+3-ab.jar": ("com/acme/lib", "1.0+3-ab", "lib-1.0+3-ab.jar"),
}


@pytest.mark.parametrize(("path", "spot"), (IVY | MAVEN).items())
def test_paths_are_read(path: str, spot: tuple[str, str, str]) -> None:
    """A file of one layout would be stored as one of the other, or under another name or revision."""
    found = names.read_spot(path)
    assert (found.name, found.version, found.file) == spot
    assert f"{names.folder_of(found.name)}/{found.version}/{found.file}" == path
    assert names.is_ivy(found.name) == (path in IVY)
    assert (names.name_key(found.name), names.version_id(found.version)) == (found.name, found.version)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("com/acme/lib/1.0.0/jars/lib.jar", InvalidName),
        ("com.acme/lib/branch/1.0.0/jars/lib.jar", InvalidName),
        ("com.acme/lib/sbt_1.0/scala_2.12/1.0.0/jars/lib.jar", InvalidName),
        ("com acme/lib/1.0.0/jars/lib.jar", InvalidName),
        ("com.acme/l$b/1.0.0/jars/lib.jar", InvalidName),
        ("com..acme/lib/1.0.0/jars/lib.jar", InvalidName),
        ("com.acme#x/lib/1.0.0/jars/lib.jar", InvalidName),
        ("a" * 251 + "/long/1.0.0/jars/lib.jar", InvalidName),
        ("com.acme/lib/1..0/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/ 1.0/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/1.0 /jars/lib.jar", InvalidVersion),
        ("com.acme/lib/1  0/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/1\u00e9/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/1.0\n/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/" + "1" * 256 + "/jars/lib.jar", InvalidVersion),
        ("com.acme/lib/1.0.0/jars/l<b.jar", InvalidUpload),
        ("com.acme/lib/1.0.0/jars/..", InvalidUpload),
        ("com.acme/lib/1.0.0/jars/" + "l" * 256, InvalidUpload),
        ("com.acme/lib/1.0.0/a..s/lib.jar", InvalidUpload),
        ("com.acme/plug/scala_2.12/sbt_1.0", InvalidUpload),
        ("com.acme//1.0.0/jars/lib.jar", InvalidName),
        ("lib.jar", Invalid),
        ("", Invalid),
        ("com.acme/lib/1.0.0/maven-metadata.xml", InvalidUpload),
    ],
)
def test_odd_paths_are_refused(path: str, error: type[Invalid]) -> None:
    """A path of neither layout would be stored as something, and never be found again."""
    with pytest.raises(error):
        names.read_spot(path)


@given(st.text(alphabet=st.sampled_from("ab./#_-+~ 1s\n\u00e9"), max_size=40) | st.text(max_size=60))
def test_any_path_is_read_or_refused(path: str) -> None:
    """A path could break the reader, or be read as coordinates that the format itself refuses."""
    try:
        spot = names.read_spot(path)
    except Invalid:
        return
    assert f"{names.folder_of(spot.name)}/{spot.version}/{spot.file}" == path
    assert (names.name_key(spot.name), names.version_id(spot.version)) == (spot.name, spot.version)


@given(st.text(max_size=60) | st.text(alphabet=st.sampled_from("a.#/_1"), max_size=20))
def test_names_and_revisions_are_themselves(text: str) -> None:
    """Two spellings would be one package here and two there."""
    for rule, error in ((names.name_key, InvalidName), (names.version_id, InvalidVersion)):
        try:
            assert rule(text) == text
        except error:
            continue
        names.version_key(text)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("com/acme/lib", ""),
        ("com/acme/_2.13", ""),
        ("com/acme/lib_2", ""),
        ("com/acme/lib_1.0", ""),
        ("com/acme/lib_2.13", "Scala 2.13"),
        ("com.acme#lib_3", "Scala 3"),
        ("com.acme#lib_3.4.0-RC1", "Scala 3.4.0-RC1"),
        ("com/acme/a_b_2.13.0-M5", "Scala 2.13.0-M5"),
        ("com/acme/lib_sjs1_2.13", "Scala 2.13, Scala.js 1"),
        ("com/acme/lib_native0.4_3", "Scala 3, Scala Native 0.4"),
        ("com/acme/plug_2.12_1.0", "Scala 2.12, sbt 1.0"),
        ("com/acme/plug_sbt2_3", "Scala 3, sbt 2"),
        ("com.acme#plug/scala_2.12/sbt_1.0", "Scala 2.12, sbt 1.0"),
        ("com.acme#plug/sbt_1.0", "sbt 1.0"),
    ],
)
def test_cross_versions_are_told(name: str, said: str) -> None:
    """The page of a package would not say what it was built for."""
    assert names.describe_cross(name) == said


@pytest.mark.parametrize(
    ("name", "plugin"),
    [("com/acme/plug_2.12_1.0", "plug"), ("com.acme#plug/scala_2.12/sbt_1.0", "plug"), ("com/acme/plug_sbt2_3", "plug"), ("com/acme/lib_2.13", ""),
     ("com.acme#lib", ""), ("com.acme#lib/scala_2.12", "")],
)  # fmt: skip
def test_plugins_are_told_from_libraries(name: str, plugin: str) -> None:
    """A build would be told to add a plugin as a library, or by a name that sbt completes once more."""
    assert names.read_plugin(name) == plugin


def test_only_snapshots_move() -> None:
    """A release could be replaced, or a snapshot not be published twice."""
    assert names.is_movable(Spot(name="com.acme#lib", version="1.1-SNAPSHOT", file="jars/lib.jar"))
    assert names.is_movable(Spot(name="com/acme/lib", version="1.1-SNAPSHOT", file="lib-1.1-SNAPSHOT.jar"))
    assert not names.is_movable(Spot(name="com/acme/lib", version="1.1-SNAPSHOT", file="lib-1.1-20260102.030405-1.jar"))
    assert not names.is_movable(Spot(name="com.acme#lib", version="1.1", file="jars/lib-SNAPSHOT.jar"))


@pytest.mark.parametrize(
    ("path", "usual"),
    [(path, True) for path in IVY]
    + [("com/acme/lib/1.0/lib-1.0.jar", True), ("com/acme/lib/1.1-SNAPSHOT/lib-1.1-20260102.030405-1.jar", True), ("com/acme/lib/1.0", False)],
)
def test_usual_names_of_files(path: str, usual: bool) -> None:
    """A client that asks for each file before it sends it would make the server look for folders too, or a folder not be found."""
    assert names.is_usual(names.read_spot(path)) == usual


def test_listings_are_looked_for_where_they_can_be() -> None:
    """A listing would not be found, or a long path make us look for ever."""
    found = [(folder.index, folder.key, folder.document) for folder in names.list_folders("com.acme/lib/1.0")]
    assert ("contents", "com.acme%23lib/1.0", "") in found
    assert [folder.index for folder in names.list_folders("com.acme/lib")] == ["versions", "versions", "folders"]
    assert [folder.index for folder in names.list_folders("com")] == ["folders"]
    assert len(list(names.list_folders("/".join("a" * 60)))) <= 4
