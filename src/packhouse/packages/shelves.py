"""Shelves that are set up: made with a key of their own, changed, removed, and signed again before what was signed runs out."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection

from packhouse.db import changes, shelves
from packhouse.db.engine import now
from packhouse.errors import Invalid, ShelfNotFound
from packhouse.model import Actor, Instant, NewFile, Shelf, Signed, Struct
from packhouse.packages.house import House
from packhouse.upstream.secrets import SecretBox

MOST = 200  # shelves of a project or group
RENEWER = Actor(kind="system", name="renewal")
_keys: OrderedDict[int, PgpSigner] = OrderedDict()  # unlocked, by the id of the shelf
KEPT_KEYS = 256
RENEW_SECONDS = 60.0
SECONDS = "valid_time_duration_seconds"
"""What GitLab calls how long a signature stays good."""


Keys: TypeAlias = tuple[str, str]
"""Of a shelf: the public part, armoured, and the secret one, sealed."""


class NewShelf(Struct):
    """What a shelf is to be. `seconds`: how long what is signed stays good, None for ever."""

    name: str
    alias: str
    values: Mapping[str, Any]
    seconds: int | None = None


class PgpSigner:
    """`contract.Signer` with the key of a shelf."""

    def __init__(self, secret: str) -> None:
        from pysequoia import Tsk

        self._secret = secret.encode()
        self._key = Tsk.from_bytes(self._secret)

    def clear(self, data: bytes) -> bytes:
        from pysequoia import SignatureMode, sign

        return sign(self._key.signer(), data, mode=SignatureMode.CLEAR)

    def detached(self, data: bytes) -> bytes:
        from pysequoia import SignatureMode, sign

        return sign(self._key.signer(), data, mode=SignatureMode.DETACHED)

    def bare(self, data: bytes) -> Signed:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        # made from the shelf's secret, and not the key in it: one key does not sign by two rules
        seed = HKDF(SHA256(), 32, salt=None, info=b"packhouse bare Ed25519").derive(self._secret)
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return Signed(key=key.public_key().public_bytes_raw(), signature=key.sign(data))


def shelf_root(shelf: str) -> str:
    """A whole distribution moves at once: files of every architecture are listed in every list. Kept apart from names by its slash."""
    return "/" + shelf.partition("/")[0]


def make_keys(box: SecretBox, owner: str) -> Keys:
    """A new key as the database holds it."""
    from pysequoia import Tsk

    made = Tsk.generate(owner)
    return str(made.extract_certificate()), box.seal(str(made))


def box_of(house: House) -> SecretBox:
    """Where the secret parts are sealed."""
    return SecretBox(house.settings.data_path / "keys" / "shelves")


async def signer_of(house: House, shelf: Shelf) -> PgpSigner:
    """The signer of a shelf; its key is read once by each process."""
    if shelf.id not in _keys:
        sealed = await house.database.read(shelves.secret_of, shelf.id)
        _keys[shelf.id] = await asyncio.to_thread(_unseal, box_of(house), sealed)
        if len(_keys) > KEPT_KEYS:
            _keys.popitem(last=False)
    return _keys[shelf.id]


def _unseal(box: SecretBox, sealed: str) -> PgpSigner:
    return PgpSigner(box.open(sealed))


# -- changes, each in one transaction --------------------------------------------------------------------------------


async def create(house: House, place_id: int, format: str, new: NewShelf, actor: Actor) -> Shelf:
    """Set one up, with a new key. Raises `Invalid`."""
    keys = await asyncio.to_thread(_new_keys, house, place_id, format, new.name)
    return await house.database.write(add, place_id, format, new, keys, actor)


async def ensure(house: House, place_id: int, format: str, name: str, actor: Actor) -> Shelf:
    """The one of this name, set up with a new key and without settings where there is none. Raises `Invalid`."""
    keys = await asyncio.to_thread(_new_keys, house, place_id, format, name)
    return await house.database.write(add_missing, place_id, format, name, keys, actor)


def _new_keys(house: House, place_id: int, format: str, name: str) -> Keys:
    return make_keys(box_of(house), f"{name} ({format}, {place_id})")


def find_missing(connection: Connection, place_id: int, format: str, files: Iterable[NewFile]) -> list[str]:
    """Those shelves that these files are for and that are not set up."""
    wanted = sorted({new.shelf.partition("/")[0] for new in files if new.shelf})
    return [name for name in wanted if shelves.find_shelf(connection, place_id, format, name) is None]


def make_missing(house: House, place_id: int, format: str, names: Iterable[str]) -> dict[str, Keys]:
    """A new key for each of these shelves."""
    return {name: _new_keys(house, place_id, format, name) for name in names}


def add_missing(connection: Connection, place_id: int, format: str, name: str, keys: Keys, actor: Actor) -> Shelf:
    """The one of this name, without settings; another request may have added it since. Raises `Invalid`."""
    _begin(connection, place_id, format, name)
    new = NewShelf(name=name, alias="", values={})
    return shelves.find_shelf(connection, place_id, format, name) or add(connection, place_id, format, new, keys, actor)


def add(connection: Connection, place_id: int, format: str, new: NewShelf, keys: Keys, actor: Actor) -> Shelf:
    """The rows of a new one. Raises `Invalid`."""
    at = _begin(connection, place_id, format, new.name)
    others = shelves.list_shelves(connection, place_id, format)
    if len(others) >= MOST:
        raise Invalid(f"There are {MOST} already: delete one first")
    _check_names(new, others)
    shelf_id = shelves.add_shelf(connection, place_id, format, new.name, keys, at)
    _set(connection, shelf_id, new, at)
    return _finish(connection, place_id, format, new.name, "shelf_create", actor, at)


def change(connection: Connection, place_id: int, format: str, name: str, changed: Callable[[Shelf], NewShelf], actor: Actor) -> Shelf:
    """What holds for it from now on, made from what held before. Raises `ShelfNotFound`, `Invalid`, and what `changed` raises."""
    at = _begin(connection, place_id, format, name)
    found = _get(connection, place_id, format, name)
    new = changed(found)
    _check_names(new, [one for one in shelves.list_shelves(connection, place_id, format) if one.id != found.id])
    _set(connection, found.id, new, at)
    return _finish(connection, place_id, format, name, "shelf_update", actor, at)


def remove(connection: Connection, place_id: int, format: str, name: str, actor: Actor) -> None:
    """It is not served any more. Its packages stay where they are. Raises `ShelfNotFound`."""
    at = _begin(connection, place_id, format, name)
    shelves.delete_shelf(connection, _get(connection, place_id, format, name).id, at)
    changes.add_event(connection, at, "shelf_delete", actor, project=place_id, format=format, detail={"name": name})


def _begin(connection: Connection, place_id: int, format: str, name: str) -> Instant:
    # later than every generation of the shelf: what its documents say of their time never goes back
    return changes.begin(connection, place_id, format, [shelf_root(name)], locks=["shelves"])


def _get(connection: Connection, place_id: int, format: str, name: str) -> Shelf:
    found = shelves.find_shelf(connection, place_id, format, name)
    if found is None:
        raise ShelfNotFound()
    return found


def _check_names(new: NewShelf, others: list[Shelf]) -> None:
    taken = {name for one in others for name in (one.name, one.alias) if name}
    for name in (new.name, new.alias):
        if name in taken:
            raise Invalid(f"Validation failed: {name} has already been taken")


def _set(connection: Connection, shelf_id: int, new: NewShelf, at: Instant) -> None:
    renew_at = None if new.seconds is None else at + new.seconds * 500_000  # at half of its time
    shelves.set_state(connection, shelf_id, new.alias, msgspec.json.encode(new.values).decode(), renew_at, at)


def _finish(connection: Connection, place_id: int, format: str, name: str, what: str, actor: Actor, at: Instant) -> Shelf:
    changes.add_event(connection, at, what, actor, project=place_id, format=format, detail={"name": name})
    return _get(connection, place_id, format, name)


# -- before it runs out ----------------------------------------------------------------------------------------------


async def renew_due(house: House) -> None:
    """Say the same again of each shelf whose signature has lived for half of its time: it is signed anew. Looks first, without writing."""
    for place_id, format, name in await house.database.read(shelves.due_shelves, now()):
        await house.database.write(_renew, place_id, format, name)


def _renew(connection: Connection, place_id: int, format: str, name: str) -> None:
    at = _begin(connection, place_id, format, name)
    found = shelves.find_shelf(connection, place_id, format, name)
    if found is None or (place_id, format, name) not in shelves.due_shelves(connection, at):
        return  # another process was first
    values = msgspec.json.decode(found.values)
    _set(connection, found.id, NewShelf(name=name, alias=found.alias, values=values, seconds=values.get(SECONDS)), at)
    changes.add_event(connection, at, "shelf_renew", RENEWER, project=place_id, format=format, detail={"name": name})
