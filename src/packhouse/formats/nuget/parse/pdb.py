"""Portable PDBs: the id that debuggers ask for, and the checksum they prove it by (Portable PDB 1.0, ECMA-335 II.24.2)."""

from __future__ import annotations

import hashlib
import struct
import uuid

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import shown
from packhouse.model import Struct

MOST_STREAMS = 64
ID_SIZE = 20
AGE = "FFFFFFFF"  # the age of every portable PDB in a symbol server's key


class Pdb(Struct):
    """What a debugger asks for: the file name in lower case, the signature, and the sha256 with the id zeroed."""

    name: str
    signature: str
    checksum: str


def read_pdb(data: bytes, member: str) -> Pdb:
    """The key of a portable PDB. Raises `InvalidUpload`, for Windows PDBs too."""
    at = find_id(data, member)
    guid = uuid.UUID(bytes_le=data[at : at + 16]).hex
    checksum = hashlib.sha256(data[:at] + bytes(ID_SIZE) + data[at + ID_SIZE :]).hexdigest()
    return Pdb(name=member.rpartition("/")[2].lower(), signature=guid.upper() + AGE, checksum=checksum)


def find_id(data: bytes, member: str) -> int:
    """Where the 20 bytes of the id lie: at the start of the stream #Pdb. Raises `InvalidUpload`."""
    if data.startswith(b"Microsoft C/C++"):
        raise InvalidUpload(f"{shown(member)} is a Windows PDB: symbol packages hold portable ones, set DebugType to portable")
    try:
        signature, length = struct.unpack_from("<4s8xL", data)
        position = 16 + length
        (streams,) = struct.unpack_from("<2xH", data, position)
        position += 4
        if signature == b"BSJB" and length <= 256 and streams <= MOST_STREAMS:
            for _ in range(streams):
                offset, size = struct.unpack_from("<2L", data, position)
                end = data.index(b"\0", position + 8, position + 8 + 33)
                if data[position + 8 : end] == b"#Pdb" and size >= ID_SIZE and offset + size <= len(data):
                    return int(offset)
                position += 8 + (end - position - 8) // 4 * 4 + 4
    except (struct.error, ValueError):
        pass
    raise InvalidUpload(f"{shown(member)} is not a portable PDB")
