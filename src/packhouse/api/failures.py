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
