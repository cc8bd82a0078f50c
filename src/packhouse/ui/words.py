"""Values as people read them: sizes, numbers, ages and times. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from packhouse.model import Instant

DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
THIN_SPACE = "\u202f"
STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (7, "day"), (365.25 / 12 / 7, "week"), (12, "month"))


def moment(at: Instant) -> datetime:
    """The instant as a UTC datetime, kept inside the years a datetime can hold."""
    at = min(max(at, 0), 253_402_300_799_000_000)
    return EPOCH + timedelta(microseconds=at)


def iso_time(at: Instant) -> str:
    """What the `datetime` attribute wants: to the second, in UTC."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def full_time(at: Instant) -> str:
    """The time in words that need no locale: 25 Nov 2026, 19:49:12 UTC."""
    when = moment(at)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}, {when:%H:%M:%S} UTC"


def day_label(at: Instant) -> str:
    """The day in words: 25 Nov 2026."""
    when = moment(at)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def age(at: Instant, now: Instant) -> str:
    """How long ago, in one unit: just now, 3 hours ago, in 2 days."""
    seconds = (now - at) / 1_000_000
    count, unit = abs(seconds), "second"
    if count < 45:
        return "just now"
    for step, name in STEPS:
        unit = name
        if round(count) < step:
            break
        count /= step
    else:
        unit = "year"
    whole = max(1, round(count))
    amount = f"{whole} {unit}" if whole == 1 else f"{whole} {unit}s"
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def duration(length: int) -> str:
    """A length of time in two units at most: 48 s, 3 min 5 s, 2 h 10 min."""
    seconds = max(0, round(length / 1_000_000))
    for step, large, small in ((86_400, "d", "h"), (3600, "h", "min"), (60, "min", "s")):
        if seconds >= step:
            rest = seconds % step // {86_400: 3600, 3600: 60, 60: 1}[step]
            return f"{seconds // step} {large} {rest} {small}" if rest else f"{seconds // step} {large}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Bytes with a unit, three digits that matter: 999 B, 1.44 MiB, 120 MiB."""
    value, unit = float(count), 0
    while round(value, 1) >= 1000 and unit < len(UNITS) - 1:
        value /= 1024
        unit += 1
    if unit == 0:
        return f"{count} B"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {UNITS[unit]}"


def number(count: int) -> str:
    """A whole number, its thousands set apart: 12 345."""
    return f"{count:,}".replace(",", THIN_SPACE)


def plural(count: int, one: str, many: str = "") -> str:
    """The number and its noun: 1 file, 2 files."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def short(digest: str, length: int = 12) -> str:
    """The beginning of a digest."""
    return digest if len(digest) <= length + 1 else digest[:length] + "…"


def breaks(text: str) -> Markup:
    """The text with places to break a line after separators, so that long names wrap where a reader expects it."""
    escaped = str(escape(text))
    for char in "/.:@_":
        escaped = escaped.replace(char, char + "<wbr>")
    return Markup(escaped)
