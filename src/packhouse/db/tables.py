"""The tables, once, for both dialects. Times are integers: microseconds since 1970 (model.Instant). Facts and details are JSON text.

Nothing movable is overwritten: tags, marks and options are intervals (`since`, `until`), deletion is a time, generations are appended.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")
Time = BigInteger


def serial() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=nullable, index=index)


def table(name: str, *columns: Any, **options: Any) -> Table:
    # ids are never handed out twice: AUTOINCREMENT is SQLite's word for what PostgreSQL's sequences do anyway
    return Table(name, metadata, *columns, sqlite_autoincrement=any(isinstance(c, Column) and c.name == "id" for c in columns), **options)


LIVE = text("deleted IS NULL")
CONDEMNED = text("condemned IS NOT NULL")
SHELVED = text("shelf <> ''")
OPEN = text("until IS NULL")

# -- who -----------------------------------------------------------------------------------------------------------

user = table(
    "user_account",
    serial(),
    Column("username", String(255), nullable=False),
    Column("username_key", String(255), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False),
    Column("email_key", String(255), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # human, bot
    Column("admin", Boolean, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("state", String(16), nullable=False),  # active, blocked, deactivated
    Column("password", Text),
    Column("created", Time, nullable=False),
)

place = table(
    "place",
    serial(),
    Column("kind", String(16), nullable=False),  # project, group, user
    ref("parent_id", "place.id", nullable=True, index=True),
    Column("path", String(255), nullable=False),
    Column("full_path", String(1024), nullable=False),
    Column("path_key", String(1024), nullable=False),  # full path, folded; a deleted place keeps it, so nobody else gets it
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", SmallInteger, nullable=False),
    Column("packages_access", String(16), nullable=False),  # disabled, private, enabled, public
    Column("containers_access", String(16), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("settings", Text, nullable=False),  # JSON: creation levels and package settings of a group
    ref("creator_id", "user_account.id", nullable=True),
    Column("created", Time, nullable=False),
    Column("deleted", Time),
    Index("uq_place_path_key", "path_key", unique=True),
)

place_alias = table(
    "place_alias",
    Column("path_key", String(1024), primary_key=True),  # an old path: redirects, and stays reserved
    ref("place_id", "place.id"),
)

lineage = table(
    "lineage",
    Column("place_id", Id, ForeignKey("place.id"), primary_key=True),
    Column("ancestor_id", Id, ForeignKey("place.id"), primary_key=True),  # the place itself included
    Column("depth", SmallInteger, nullable=False),
    Index("ix_lineage_ancestor", "ancestor_id", "place_id"),
)

member = table(
    "member",
    Column("place_id", Id, ForeignKey("place.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("user_account.id"), primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("expires", Time),
    Column("created", Time, nullable=False),
    Index("ix_member_user", "user_id", "place_id"),
)

token = table(
    "token",
    serial(),
    Column("kind", String(16), nullable=False),  # personal, project, group, deploy, job
    Column("hash", LargeBinary, nullable=False, unique=True),  # sha256 of the token
    ref("user_id", "user_account.id", nullable=True, index=True),
    ref("place_id", "place.id", nullable=True, index=True),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("username", String(255), nullable=False),  # deploy tokens
    Column("scopes", String(512), nullable=False),  # blank-separated
    Column("level", SmallInteger, nullable=False),
    Column("family", Id, nullable=False),  # the first token of a rotation chain; 0 for none
    ref("creator_id", "user_account.id", nullable=True),
    Column("created", Time, nullable=False),
    Column("expires", Time),
    Column("revoked", Time),
    Column("last_used", Time),
)

signing_key = table(
    "signing_key",
    serial(),
    ref("token_id", "token.id"),  # on whose behalf it signs, and with which it ends
    Column("title", String(255), nullable=False),
    Column("public_key", Text, nullable=False),  # PEM
    Column("fingerprint", String(64), nullable=False),  # sha256 of its DER, in hex
    Column("created", Time, nullable=False),
    UniqueConstraint("token_id", "fingerprint"),
)

session = table(
    "session",
    Column("hash", LargeBinary, primary_key=True),
    ref("user_id", "user_account.id", index=True),
    Column("csrf", String(64), nullable=False),
    Column("created", Time, nullable=False),
    Column("seen", Time, nullable=False),
)

identity = table(
    "identity",
    Column("issuer", String(512), primary_key=True),  # a provider of single sign-on
    Column("subject", String(255), primary_key=True),  # who somebody is there, for ever; a mail address is not
    ref("user_id", "user_account.id", index=True),
    Column("created", Time, nullable=False),
)

# -- what ----------------------------------------------------------------------------------------------------------

package = table(
    "package",
    serial(),
    ref("project_id", "place.id"),
    Column("format", String(32), nullable=False),
    Column("name_key", String(512), nullable=False),
    Column("name", String(512), nullable=False),
    UniqueConstraint("project_id", "format", "name_key"),
    Index("ix_package_format_name", "format", "name_key"),
)

version = table(
    "version",
    serial(),
    ref("package_id", "package.id"),
    ref("project_id", "place.id"),
    Column("format", String(32), nullable=False),
    Column("name", String(512), nullable=False),
    Column("version", String(255), nullable=False),  # as first sent
    Column("version_id", String(255), nullable=False),  # equal ids are the same version
    ref("creator_id", "user_account.id", nullable=True),
    Column("created", Time, nullable=False),
    Column("deleted", Time),
    Column("last_downloaded", Time),
    Index("uq_version_live", "package_id", "version_id", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
    Index("ix_version_package", "package_id", "created"),
    Index("ix_version_project", "project_id", "created", sqlite_where=LIVE, postgresql_where=LIVE),
)

blob = table(
    "blob",
    serial(),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("md5", String(32)),
    Column("sha1", String(40)),
    Column("sha512", String(128)),
    Column("size", BigInteger, nullable=False),
    Column("place", String(128), nullable=False),  # stored name
    Column("created", Time, nullable=False),
    Column("touched", Time, nullable=False),
    Column("condemned", Time),
    Index("ix_blob_sha512", "sha512"),
    Index("ix_blob_condemned", "condemned", sqlite_where=CONDEMNED, postgresql_where=CONDEMNED),
)

leftover = table(
    "leftover",
    Column("stored", String(128), primary_key=True),  # bytes of a condemned blob that came back under another name
    Column("since", Time, nullable=False),
)

file = table(
    "file",
    serial(),
    ref("version_id", "version.id"),
    ref("package_id", "package.id"),
    ref("project_id", "place.id"),
    Column("path", String(1024), nullable=False),
    Column("shelf", String(255), nullable=False),
    ref("blob_id", "blob.id", index=True),
    Column("facts", Text, nullable=False),  # for index writers
    Column("about", Text),  # for pages
    Column("derived", Boolean, nullable=False),
    Column("source", Text),  # the upstream it came from
    Column("origin_at", Time),
    Column("created", Time, nullable=False),
    Column("deleted", Time),
    Index("uq_file_live", "version_id", "path", "shelf", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
    Index("ix_file_package_path", "package_id", "path"),
    Index("ix_file_shelf", "project_id", "shelf", sqlite_where=SHELVED, postgresql_where=SHELVED),
)

tag = table(
    "tag",
    serial(),
    ref("package_id", "package.id"),
    Column("name", String(255), nullable=False),
    ref("version_id", "version.id"),
    Column("since", Time, nullable=False),
    Column("until", Time),
    Index("uq_tag_open", "package_id", "name", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    Index("ix_tag_package", "package_id", "since"),
)

mark = table(
    "mark",
    serial(),
    ref("version_id", "version.id"),
    Column("kind", String(16), nullable=False),  # yank (value: the reason), status (value: hidden, ...)
    Column("value", Text, nullable=False),
    Column("since", Time, nullable=False),
    Column("until", Time),
    Index("uq_mark_open", "version_id", "kind", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
)

option = table(
    "format_option",
    serial(),
    ref("project_id", "place.id"),
    Column("format", String(32), nullable=False),
    Column("values", Text, nullable=False),
    Column("since", Time, nullable=False),
    Column("until", Time),
    Index("uq_option_open", "project_id", "format", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
)

generation = table(
    "generation",
    Column("format", String(32), primary_key=True),
    Column("root", String(512), primary_key=True),
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("moved_at", Time, nullable=False),
    sqlite_with_rowid=False,  # one tree instead of two
)

# -- what formats with shelves are told about them -------------------------------------------------------------------

shelf = table(
    "shelf",
    serial(),
    ref("place_id", "place.id"),  # a project, or a group
    Column("format", String(32), nullable=False),
    Column("name", String(255), nullable=False),  # the first part of the shelves that it is about: a distribution
    Column("public_key", Text, nullable=False),  # armoured; its indexes are signed with it
    Column("secret_key", Text, nullable=False),  # encrypted
    Column("created", Time, nullable=False),
    Column("deleted", Time),
    Index("uq_shelf_live", "place_id", "format", "name", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
)

shelf_state = table(
    "shelf_state",
    serial(),
    ref("shelf_id", "shelf.id"),
    Column("alias", String(255)),  # another name that readers may use
    Column("values", Text, nullable=False),  # JSON, as the format's REST API has it
    Column("renew_at", Time),  # what is signed runs out: signed again by then
    Column("since", Time, nullable=False),
    Column("until", Time),
    Index("uq_shelf_state_open", "shelf_id", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    Index("ix_shelf_state_due", "renew_at"),
)

# -- what formats with loose blobs need ------------------------------------------------------------------------------

blob_link = table(
    "blob_link",
    Column("package_id", Id, ForeignKey("package.id"), primary_key=True),
    Column("blob_id", Id, ForeignKey("blob.id"), primary_key=True),
    Column("created", Time, nullable=False),
    Column("touched", Time, nullable=False),  # somebody was told that it is here
    Index("ix_blob_link_blob", "blob_id"),
)

reference = table(
    "reference",
    Column("version_id", Id, ForeignKey("version.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # blob, version, subject
    Column("digest", String(160), primary_key=True),
    ref("package_id", "package.id"),
    ref("blob_id", "blob.id", nullable=True, index=True),
    Index("ix_reference_digest", "package_id", "kind", "digest"),
)

upload_session = table(
    "upload_session",
    Column("name", String(36), primary_key=True),  # the id that clients know, and the name of its spool file
    ref("project_id", "place.id"),
    Column("format", String(32), nullable=False),
    Column("name_key", String(512), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes that are safe on disk
    Column("sha256", String(64), nullable=False),  # of those bytes; "" where it is not known
    Column("created", Time, nullable=False),
    Column("touched", Time, nullable=False),
    Index("ix_upload_session_touched", "touched"),
)

tag_rule = table(
    "tag_rule",
    serial(),
    ref("project_id", "place.id"),
    Column("format", String(32), nullable=False),
    Column("pattern", String(255), nullable=False),
    Column("push_level", SmallInteger),  # neither level: such a tag never moves
    Column("delete_level", SmallInteger),
    UniqueConstraint("project_id", "format", "pattern"),
)

cleanup_policy = table(
    "cleanup_policy",
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("cadence", String(16), nullable=False),
    Column("keep_n", Integer),
    Column("older_than", String(16)),
    Column("name_regex", String(255), nullable=False),
    Column("name_regex_keep", String(255)),
    Column("next_run_at", Time, nullable=False),
    Index("ix_cleanup_policy_due", "enabled", "next_run_at"),
)

cleanup_run = table(
    "cleanup_run",
    serial(),
    ref("project_id", "place.id", index=True),
    Column("trigger", String(16), nullable=False),  # policy, api
    Column("started", Time, nullable=False),
    Column("ended", Time),
    Column("removed", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("detail", Text, nullable=False),  # JSON: the choice, and tags by repository
)

package_policy = table(
    "package_policy",
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True, autoincrement=False),
    Column("keep_n", Integer, nullable=False),  # states of a file of a version: builds of a snapshot
    Column("next_run_at", Time, nullable=False),
    Index("ix_package_policy_due", "next_run_at"),
)

# -- Git repositories of projects -----------------------------------------------------------------------------------

git_repository = table(
    "git_repository",
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True, autoincrement=False),
    Column("default_branch", String(255), nullable=False),  # "": no branch yet
    Column("pushed", Time),  # the last change of a ref
    Column("mirror_url", String(1024)),  # where it is copied from
    Column("mirror_user", String(255)),
    Column("mirror_secret", Text),  # encrypted
    Column("mirror_minutes", Integer),  # none: on demand only
    Column("mirror_next", Time),
    Column("mirror_state", String(16), nullable=False),  # none, scheduled, started, finished, failed
    Column("mirror_error", String(1024)),
    Column("mirrored", Time),
    Index("ix_git_repository_due", "mirror_next"),
)

protected_branch = table(
    "protected_branch",
    serial(),
    ref("project_id", "place.id"),
    Column("name", String(255), nullable=False),  # with * for any characters
    Column("push_level", Integer, nullable=False),  # the least role that pushes; 0: nobody
    Column("merge_level", Integer, nullable=False),
    Column("force_push", Boolean, nullable=False),
    Column("created", Time, nullable=False),
    UniqueConstraint("project_id", "name"),
)

# -- what was ever vouched for: rows are added, and never changed or removed ------------------------------------------

log_record = table(
    "log_record",
    Column("number", Id, primary_key=True, autoincrement=False),  # 0, 1, 2, ... without gaps
    Column("project_id", Id, nullable=False),
    Column("format", String(32), nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("created", Time, nullable=False),
    UniqueConstraint("project_id", "format", "name", "version"),
)

log_node = table(
    "log_node",
    Column("level", Integer, primary_key=True, autoincrement=False),  # 0: of one record; each level above of twice as many
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# -- what a group's dependency proxy keeps ---------------------------------------------------------------------------

proxy_setting = table(
    "proxy_setting",
    Column("group_id", Id, ForeignKey("place.id"), primary_key=True, autoincrement=False),
    Column("enabled", Boolean, nullable=False),
    Column("upstream_url", String(255)),  # none: the instance's
    Column("identity", String(255)),
    Column("secret", Text),  # encrypted
    Column("identity_for", String(255)),  # the upstream that identity and secret were given for: no other one gets them
    Column("auth_hosts", String(1024), nullable=False),  # comma-separated
    Column("library_prefix", Boolean),  # names without a slash: below library/; none: where the plain name is not found
    Column("ttl_days", Integer),
    Column("purged_at", Time),
)

proxy_entry = table(
    "proxy_entry",
    serial(),
    ref("group_id", "place.id"),
    Column("upstream", String(255), nullable=False),
    Column("kind", String(8), nullable=False),  # manifest, blob
    Column("image", String(255), nullable=False),  # as it was asked for; "" for blobs
    Column("reference", String(160), nullable=False),  # a tag or a digest
    Column("digest", String(160), nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    ref("blob_id", "blob.id", index=True),
    Column("upstream_image", String(263), nullable=False),  # as the upstream calls it
    Column("created", Time, nullable=False),
    Column("checked_at", Time, nullable=False),
    Column("read_at", Time, nullable=False),
    Column("expired", Time),
    UniqueConstraint("group_id", "upstream", "kind", "image", "reference"),
    Index("ix_proxy_entry_read", "group_id", "read_at"),
    Index("ix_proxy_entry_expired", "expired"),
)

document = table(
    "document",
    serial(),
    Column("cache_key", String(64), nullable=False),  # digest of index, key, generations, base URL, renderer
    Column("series", String(64), nullable=False),  # digest of index, key and place: the same for every generation
    Column("projects", Text, nullable=False),  # JSON: ids of the projects it was made from; who may not read one of them may not read it
    Column("path", String(512), nullable=False),
    ref("blob_id", "blob.id", index=True),
    Column("media_type", String(255), nullable=False),
    Column("made_at", Time, nullable=False),
    UniqueConstraint("cache_key", "path"),
    Index("ix_document_series", "series", "made_at"),
)

# -- builds -----------------------------------------------------------------------------------------------------------

pipeline = table(
    "pipeline",
    serial(),
    ref("project_id", "place.id"),
    Column("iid", Id, nullable=False),  # counts within the project
    Column("ref", String(255), nullable=False),
    Column("sha", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("web_url", String(2048), nullable=False),
    ref("user_id", "user_account.id"),
    Column("run", String(255)),  # what an issuer of identity tokens calls it: its later jobs belong to it too
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    UniqueConstraint("project_id", "iid"),
    Index("ix_pipeline_run", "project_id", "run"),
)

job = table(
    "job",
    serial(),
    ref("project_id", "place.id"),
    ref("pipeline_id", "pipeline.id", index=True),
    Column("name", String(255), nullable=False),
    Column("status", String(16), nullable=False),  # running, success, failed, canceled; past its end, one that runs has failed
    ref("user_id", "user_account.id"),
    ref("token_id", "token.id"),
    Column("created", Time, nullable=False),
    Column("expires", Time, nullable=False),
    Column("finished", Time),
    UniqueConstraint("token_id"),
)

build = table(
    "build",
    serial(),
    ref("version_id", "version.id"),
    ref("pipeline_id", "pipeline.id", index=True),
    Column("created", Time, nullable=False),
    UniqueConstraint("version_id", "pipeline_id"),
)

job_ally = table(
    "job_ally",
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True),
    Column("ally_id", Id, ForeignKey("place.id"), primary_key=True),  # a project or group whose jobs may come in
    Column("policies", String(255), nullable=False),  # blank-separated; none: read and publish
    Column("created", Time, nullable=False),
    Index("ix_job_ally_ally", "ally_id", "project_id"),
)

open_project = table(
    "open_project",
    Column("project_id", Id, ForeignKey("place.id"), primary_key=True),  # lets in jobs of every project
)

# -- who is trusted elsewhere ----------------------------------------------------------------------------------------

issuer = table(
    "issuer",
    serial(),
    Column("name", String(255), nullable=False),
    Column("url", String(512), nullable=False, unique=True),
    Column("audience", String(255), nullable=False),
    Column("jwks_url", String(2048), nullable=False),  # as discovery said when an administrator looked
    Column("created", Time, nullable=False),
)

trusted_publisher = table(
    "trusted_publisher",
    serial(),
    ref("project_id", "place.id", index=True),
    ref("issuer_id", "issuer.id", index=True),
    Column("claims", Text, nullable=False),  # JSON: name → value or glob
    Column("format", String(32), nullable=False),
    Column("package", String(512), nullable=False),
    ref("user_id", "user_account.id"),  # the robot that publishes; its membership says how much it may
    Column("level", SmallInteger, nullable=False),
    Column("created", Time, nullable=False),
)

spent_identity = table(
    "spent_identity",
    Column("digest", LargeBinary, primary_key=True),  # of issuer and token id
    Column("until", Time, nullable=False),
    Index("ix_spent_identity_until", "until"),
)

# -- what happened -------------------------------------------------------------------------------------------------

event = table(
    "event",
    serial(),
    Column("at", Time, nullable=False),
    Column("what", String(32), nullable=False),
    Column("actor_id", Id),
    Column("actor", String(255), nullable=False),
    Column("credential", String(16), nullable=False),  # kind of token
    Column("project_id", Id),
    Column("format", String(32)),
    Column("package_id", Id),
    Column("version_id", Id),
    Column("detail", Text, nullable=False),
    Index("ix_event_at", "at", "id"),
    Index("ix_event_version", "version_id"),
    Index("ix_event_project", "project_id", "at"),
)

seal = table(
    "seal",
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("until", Time, nullable=False),  # every event up to here is final; so is every moment
    Column("events", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),  # over the previous digest and the events of this seal
)

lease = table(
    "lease",
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("expires", Time, nullable=False),
)

download = table(
    "download",
    Column("version_id", Id, ForeignKey("version.id"), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # hours since 1970
    Column("credential", String(16), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

setting = table(
    "setting",
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

protection = table(
    "protection",
    serial(),
    ref("project_id", "place.id"),
    Column("pattern", String(255), nullable=False),
    Column("format", String(32), nullable=False),
    Column("push_level", SmallInteger),
    Column("delete_level", SmallInteger),
    UniqueConstraint("project_id", "format", "pattern"),
)
