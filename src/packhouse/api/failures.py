"""What the REST API calls the things it does not find."""

from __future__ import annotations

from packhouse.errors import NotFound


class GroupNotFound(NotFound):
    default = "Group Not Found"


class NamespaceNotFound(NotFound):
    default = "Namespace Not Found"


class UserNotFound(NotFound):
    default = "User Not Found"


class MemberNotFound(NotFound):
    default = "Member Not Found"


class TokenNotFound(NotFound):
    default = "Access Token Not Found"


class DeployTokenNotFound(NotFound):
    default = "Deploy Token Not Found"


class RuleNotFound(NotFound):
    default = "Package Protection Rule Not Found"


class PipelineNotFound(NotFound):
    default = "Pipeline Not Found"


class JobNotFound(NotFound):
    default = "Job Not Found"


class TagNotFound(NotFound):
    default = "Tag Not Found"


class BranchNotFound(NotFound):
    default = "Branch Not Found"


class CommitNotFound(NotFound):
    default = "Commit Not Found"


class IssuerNotFound(NotFound):
    default = "Issuer Not Found"


class PublisherNotFound(NotFound):
    default = "Trusted Publisher Not Found"
