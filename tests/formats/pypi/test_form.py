"""The upload form: its fields, and what contradicts the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from packhouse.errors import DigestMismatch, InvalidName, InvalidParameter, InvalidUpload, InvalidVersion
from packhouse.formats.pypi.parse import Artifact, Fields, check_agreement, check_digests, read_fields, read_file

from . import samples


def fields(*more: tuple[str, str], **values: str) -> Fields:
    known = {"name": "toy-pkg", "version": "1.0", **values}
    return read_fields([*((name, value.encode()) for name, value in known.items()), *((name, value.encode()) for name, value in more)])


def artifact(folder: Path, sample: samples.Sample) -> Artifact:
    (folder / "spooled").write_bytes(sample.content)
    return read_file(str(folder / "spooled"), sample.filename)


def test_fields_that_clients_send_are_taken() -> None:
    """The form of an ordinary client would be refused or misread."""
    read = fields(
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py3"),
        ("classifiers", "A"),
        ("classifiers", "B"),
        ("requires_dist", "a"),
        ("requires_dist", "b>1"),
        ("md5_digest", "A" * 32),
        ("sha256_digest", "b" * 64),
        ("project_urls", "Home, x"),
        ("keywords", "a"),
    )
    digests = {"md5": "a" * 32, "sha256": "b" * 64}
    assert read == Fields(name="toy-pkg", version="1.0", filetype="bdist_wheel", requires_dist=("a", "b>1"), digests=digests)


@pytest.mark.parametrize(
    "name", ["name", "version", "sha256_digest", "md5_digest", "blake2_256_digest", "filetype", "requires_python", "attestations", ":action"]
)
def test_single_field_sent_twice_is_refused(name: str) -> None:
    """It would be left open which of two values counts."""
    pairs = [("name", b"toy-pkg"), ("version", b"1.0"), (name, b"a"), (name, b"a")]
    with pytest.raises(InvalidUpload, match=f"{name} is sent"):
        read_fields(pairs)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"name": ""}, InvalidParameter, "^name is missing$"),
        ({"version": " "}, InvalidParameter, "^version is missing$"),
        ({"name": "", "version": ""}, InvalidParameter, "^name is missing, version is missing$"),
        ({"name": "a/b"}, InvalidName, "Name is invalid"),
        ({"version": "one"}, InvalidVersion, "Version is invalid"),
        ({"sha256_digest": "1" * 63}, InvalidParameter, "sha256_digest is invalid"),
        ({"sha256_digest": "g" * 64}, InvalidParameter, "sha256_digest is invalid"),
        ({"md5_digest": "1"}, InvalidParameter, "md5_digest is invalid"),
        ({"blake2_256_digest": "1" * 128}, InvalidParameter, "blake2_256_digest is invalid"),
        ({":action": "remove_pkg"}, InvalidParameter, ":action must be file_upload"),
    ],
)
def test_bad_fields_are_refused(values: dict[str, str], error: type[Exception], message: str) -> None:
    """A field that means nothing, or is not there, would be passed over."""
    with pytest.raises(error, match=message):
        fields(**values)


def test_field_that_is_not_utf8_is_refused() -> None:
    """A name in an unknown encoding would end in a traceback."""
    with pytest.raises(InvalidUpload, match="Field name is not valid UTF-8"):
        read_fields([("name", b"\xff"), ("version", b"1.0")])


@pytest.mark.parametrize("field", ["sha256_digest", "md5_digest", "blake2_256_digest"])
def test_each_wrong_digest_is_refused(field: str) -> None:
    """A damaged upload would be published although its digest came along."""
    content = b"content"
    real = {"md5": hashlib.md5(content), "sha256": hashlib.sha256(content), "blake2": hashlib.blake2b(content, digest_size=32)}
    digests = {name: made.hexdigest() for name, made in real.items()}
    right = {"md5_digest": digests["md5"], "sha256_digest": digests["sha256"], "blake2_256_digest": digests["blake2"]}
    check_digests(fields(**right), digests)
    wrong = right[field].replace(right[field][0], "0" if right[field][0] != "0" else "1")
    with pytest.raises(DigestMismatch, match=f"{field} says {wrong}, the file that arrived has {right[field]}"):
        check_digests(fields(**{**right, field: wrong}), digests)


REQUIRES = ("Requires-Python: >=3.9,<4", "Requires-Dist: Left_Pad (>=1.0)", "Requires-Dist: right; extra == 'more'", "Provides-Extra: more")


def test_other_spellings_agree(tmp_path: Path) -> None:
    """A client that writes the same thing in another way would be refused."""
    check_agreement(
        fields(
            ("requires_dist", 'right ; extra == "more"'), ("requires_dist", "left.pad>=1.0"), name="Toy_PKG", version="1.0.0",
            filetype="bdist_wheel", requires_python="<4, >=3.9",
        ),
        artifact(tmp_path, samples.wheel("toy-pkg", "1.0", *REQUIRES)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        ({"name": "other"}, (), "name says 'other', the metadata inside the file says 'toy-pkg'"),
        ({"version": "1.1"}, (), "version says '1.1', the metadata inside the file says '1.0'"),
        ({"filetype": "sdist"}, (), "filetype says 'sdist', the file is a wheel"),
        ({"filetype": "bdist_egg"}, (), "filetype says 'bdist_egg', the file is a wheel"),
        ({"requires_python": ">=3.8"}, (), "requires_python says '>=3.8', the metadata inside the file says '>=3.9,<4'"),
        ({"requires_python": "three"}, (), "not a list of version specifiers"),
        ({}, (("requires_dist", "left-pad>=1.0"),), "the file alone"),
        (
            {},
            (("requires_dist", "left-pad>=1.0"), ("requires_dist", "right; extra == 'more'"), ("requires_dist", "evil")),
            "the form alone has .*evil",
        ),
        ({}, (("requires_dist", "???"),), "not a requirement"),
    ],
)
def test_form_that_contradicts_the_file_is_refused(values: dict[str, str], more: tuple[tuple[str, str], ...], message: str, tmp_path: Path) -> None:
    """People would be shown one thing and be given another."""
    with pytest.raises(InvalidUpload, match=message):
        check_agreement(fields(*more, **values), artifact(tmp_path, samples.wheel("toy-pkg", "1.0", *REQUIRES)))


def test_form_may_know_more_than_an_unsettled_sdist(tmp_path: Path) -> None:
    """A source distribution that leaves its requirements to the build would be refused."""
    unsettled = artifact(tmp_path, samples.sdist("toy-pkg", "1.0", metadata_version="2.1"))
    check_agreement(fields(("requires_dist", "left"), filetype="sdist", requires_python=">=3.9"), unsettled)
    settled = artifact(tmp_path, samples.sdist("toy-pkg", "1.0"))
    with pytest.raises(InvalidUpload, match="requires_dist"):
        check_agreement(fields(("requires_dist", "left")), settled)
    with pytest.raises(InvalidUpload, match="requires_python"):
        check_agreement(fields(requires_python=">=3.9"), settled)
