"""What is said of object storage goes together, or is refused with a reason."""

from __future__ import annotations

import pytest

from packhouse.assemble import open_store
from packhouse.blobs.disk import DiskStore
from packhouse.blobs.s3 import S3Store
from packhouse.settings import SettingsError, load_settings

S3 = {
    "PACKHOUSE_BLOBS": "s3://packages/some/where",
    "PACKHOUSE_BLOBS_ENDPOINT": "https://storage.example/",
    "PACKHOUSE_BLOBS_ACCESS_KEY": "the-key",
    "PACKHOUSE_BLOBS_SECRET_KEY": "the-secret",
}


def test_object_storage() -> None:
    """The bucket could be another, or be looked for elsewhere than told."""
    store = open_store(load_settings({**S3, "PACKHOUSE_BLOBS_REGION": "north"}))
    assert isinstance(store, S3Store)
    assert (store.at.name, store.at.prefix, store.at.base) == ("packages", "some/where", "https://storage.example/packages")
    assert (store.at.region, store.at.access_key, store.at.secret_key) == ("north", "the-key", "the-secret")


def test_names_that_others_know() -> None:
    """Keys that every program finds in the environment would have to be said twice; or win over ours; or be read without need."""
    theirs = {
        "AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_S3": "https://theirs.example", "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": "their-secret", "AWS_DEFAULT_REGION": "south",
    }  # fmt: skip
    found = load_settings({**theirs, "PACKHOUSE_BLOBS": "s3://packages"})
    assert (found.blobs_endpoint, found.blobs_access_key, found.blobs_region) == ("https://theirs.example", "theirs", "south")
    assert load_settings({**theirs, **S3}).blobs_secret_key == "the-secret"
    assert load_settings(theirs).blobs_access_key == ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BLOBS", "s3://packages:secret@storage.example/x", "s3://bucket/prefix"),
        ("BLOBS", "s3://p", "s3://bucket/prefix"),
        ("BLOBS", "s3:packages", "s3://bucket/prefix"),
        ("BLOBS", "s3://packages/../x", "s3://bucket/prefix"),
        ("BLOBS", "gs://packages", "file: path or s3:"),
        ("BLOBS_ENDPOINT", "", "blobs_endpoint is missing"),
        ("BLOBS_ENDPOINT", "storage.example", "https://host"),
        ("BLOBS_ENDPOINT", "https://me:secret@storage.example", "https://host"),
        ("BLOBS_ENDPOINT", "https://storage.example:x", "https://host"),
        ("BLOBS_ENDPOINT", "http://storage.example", "blobs_plain_http"),
        ("BLOBS_SECRET_KEY", "", "blobs_secret_key is missing"),
    ],
)
def test_refused(name: str, value: str, said: str) -> None:
    """A setting that cannot work could be found out at the first publish, or its secrets be in the message."""
    with pytest.raises(SettingsError) as refused:
        load_settings({**S3, f"PACKHOUSE_{name}": value})
    assert said in str(refused.value) and "secret@" not in str(refused.value) and "the-secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("HTTPS://Storage.Example:443", "https://storage.example"),
        ("https://storage.example:9000/S3", "https://storage.example:9000/S3"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_address_as_clients_spell_it(said: str, meant: str) -> None:
    """A redirect could be signed for another spelling of the host than the one that clients send, and be refused."""
    assert load_settings({**S3, "PACKHOUSE_BLOBS_ENDPOINT": said}).blobs_endpoint == meant


def test_plain_http() -> None:
    """A service on this machine, or one in a network that is trusted, could not be used."""
    load_settings({**S3, "PACKHOUSE_BLOBS_ENDPOINT": "http://127.0.0.1:9000"})
    load_settings({**S3, "PACKHOUSE_BLOBS_ENDPOINT": "http://storage.example", "PACKHOUSE_BLOBS_PLAIN_HTTP": "true"})


@pytest.mark.parametrize("blobs", ["", "file:/srv/blobs", "/srv/blobs", "blobs"])
def test_on_disk(blobs: str) -> None:
    """A folder could be taken for something else."""
    assert isinstance(open_store(load_settings({"PACKHOUSE_BLOBS": blobs})), DiskStore)


def test_secrets_are_not_shown() -> None:
    """A key could be printed with the settings it is among."""
    settings = load_settings({**S3, "PACKHOUSE_INITIAL_ADMIN_TOKEN": "the-token"})
    assert "the-secret" not in repr(settings) and "the-token" not in str(settings)
