"""Protected branches: who may push to them, rewrite them, delete them. The default branch is protected from its first push on, as in GitLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhouse.db.gits import ProtectedBranch
from packhouse.git.keeping import ABSENT, BRANCHES
from packhouse.grammar.patterns import matches_exact_glob
from packhouse.model import Role


def rules_for(rules: Sequence[ProtectedBranch], branch: str) -> list[ProtectedBranch]:
    """The rules that speak of a branch; none: it is not protected."""
    return [rule for rule in rules if matches_exact_glob(rule.name, branch)]


def may_push(rules: Sequence[ProtectedBranch], branch: str, role: int) -> bool:
    """Whether this role may push there: of several rules the most generous counts, as in GitLab."""
    found = rules_for(rules, branch)
    return not found or any(rule.push_level and role >= rule.push_level for rule in found)


def refuse_push(rules: Sequence[ProtectedBranch], wanted: Mapping[str, str], role: int) -> Mapping[str, str]:
    """Of what a push wants to change (ref → new id), what it may not: ref → the reason."""
    refused: dict[str, str] = {}
    for ref, new in wanted.items():
        branch = ref.removeprefix(BRANCHES)
        if not ref.startswith(BRANCHES) or not rules_for(rules, branch):
            continue
        if not may_push(rules, branch, role):
            refused[ref] = "You are not allowed to push code to protected branches on this project."
        elif new == ABSENT:
            refused[ref] = "A protected branch is deleted over the API or the pages only."
    return refused


def keeps_history(rules: Sequence[ProtectedBranch], wanted: Mapping[str, str]) -> bool:
    """Whether this push changes a branch whose history may not be rewritten."""
    found = (rules_for(rules, ref.removeprefix(BRANCHES)) for ref in wanted if ref.startswith(BRANCHES))
    return any(matching and not any(rule.force_push for rule in matching) for matching in found)


def may_delete(rules: Sequence[ProtectedBranch], branch: str, role: int) -> bool:
    """Whether this role may delete a branch over the API."""
    return not rules_for(rules, branch) or role >= Role.MAINTAINER
