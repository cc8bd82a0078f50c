"""Passwords: argon2id, in threads of its own; an unknown user costs the same as a known one."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

THREADS = 2  # what else runs in threads, such as the rendering of documents, does not wait for passwords


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "passwords")


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """What is stored."""
    return _hasher().hash(password)


async def hash_aside(password: str) -> str:
    """The same, off the loop."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), hash_password, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; None, a user without one or no user at all, takes as long and is False."""
    return await asyncio.get_running_loop().run_in_executor(_pool(), _verify, stored, password)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher().verify(stored if stored is not None else _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
