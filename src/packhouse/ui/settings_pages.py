"""Settings of packages and registries: protection, duplicates, forwarding, the dependency proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.api.shapes import format_of
from packhouse.auth.policy import may
from packhouse.contract import Answer, Route
from packhouse.errors import NotFound
from packhouse.model import Action, Place
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, done, settled
from packhouse.ui.desk import CONTAINER, number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, Trouble, check, select
from packhouse.ui.paths import of_places
from packhouse.ui.views import Badge, Fact

DUPLICATES = (("maven", "Maven"), ("generic", "Generic"), ("nuget", "NuGet"), ("terraform_module", "Terraform modules"))
FORWARDED = (("npm", "npm"), ("pypi", "PyPI"), ("maven", "Maven"))
PUSH_LEVELS = (
    Option(value="", text="As usual: developers"),
    Option(value="maintainer", text="Maintainers"),
    Option(value="owner", text="Owners"),
    Option(value="admin", text="Administrators"),
)
DELETE_LEVELS = (
    Option(value="", text="As usual: maintainers"),
    Option(value="owner", text="Owners"),
    Option(value="admin", text="Administrators"),
)
TAG_LEVELS = (
    Option(value="maintainer", text="Maintainers"),
    Option(value="owner", text="Owners"),
    Option(value="admin", text="Administrators"),
    Option(value="", text="Nobody: the tags never move"),
)
KEEPS = tuple(
    Option(value=value, text=text) for value, text in (("all", "All of them"), *((str(n), f"The newest {n}") for n in (1, 10, 20, 30, 40, 50)))
)
RULES = {
    "package": ("packages/protection/rules", "package_protection_rule_id", "package_name_pattern"),
    "repository": ("registry/protection/repository/rules", "rule_id", "repository_path_pattern"),
    "tag": ("registry/protection/tag/rules", "rule_id", "tag_name_pattern"),
}
CLEANUP = "projects/{id+}/-/packages/cleanup_policy"
SHOWN = 100


class SettingsPages(Changing):
    """Handlers of the settings of packages and registries."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        tail = "settings/packages_and_registries"
        found = of_places("GET", tail, self.show, Action.MANAGE, Action.OWN)
        for below, project, group in (
            ("", None, self.save_group),
            ("/forwarding", None, self.save_forwarding),
            ("/dependency_proxy", None, self.save_proxy),
            ("/cleanup", self.save_cleanup, None),
            ("/rules/{kind}", self.add_rule, None),
            ("/rules/{kind}/{rule_id}", self.change_rule, None),
            ("/rules/{kind}/{rule_id}/remove", self.remove_rule, None),
        ):
            found += of_places("POST", tail + below, project or group, Action.MANAGE if project else None, Action.OWN if group else None)
        return found

    async def show(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """What a project protects and keeps, or how a group treats duplicates and upstreams."""
        where = settled(call)
        panels = await (self._of_project(call, where) if where.kind == "project" else self._of_group(call, where))
        line = await self._desk.line(where)
        return await self._panels(call, "Packages and registries", panels, trouble, line=line, tabs=self._tabs(call, where, "packages"))

    # -- a project ---------------------------------------------------------------------------------------------------

    async def _of_project(self, call: PageCall, where: Place) -> list[Panel]:
        rules = await self._ask(call, "GET", "projects/{id+}/packages/protection/rules", query={"per_page": SHOWN})
        panels = [self._package_rules(where, rules)]
        if self._desk.errands.has("GET", CLEANUP):
            panels.append(self._cleanup(where, await self._ask(call, "GET", CLEANUP)))
        if CONTAINER in self._desk.house.formats:
            repositories = await self._ask(call, "GET", "projects/{id+}/registry/protection/repository/rules", query={"per_page": SHOWN})
            tags = await self._ask(call, "GET", "projects/{id+}/registry/protection/tag/rules", query={"per_page": SHOWN})
            panels += [self._repository_rules(where, repositories), self._tag_rules(where, tags, owner=may(call.access, Action.OWN))]
            href = addresses.cleanup_rules(where)
            text = "Old image tags can go by themselves, by age, by number and by name."
            panels.append(Panel(id="image-cleanup", heading="Cleanup of image tags", text=text, lines=(Line(title="Cleanup rules", href=href),)))
        return panels

    def _package_rules(self, where: Place, rules: list[Mapping[str, Any]]) -> Panel:
        types = tuple(
            Option(value=name, text=format_.title)
            for name, format_ in sorted(self._desk.house.formats.items())
            if format_.listed and name != CONTAINER
        )
        form = Form(
            id="add-package",
            action=f"{_base(where)}/rules/package",
            submit="Add rule",
            fields=(
                Field(name="package_name_pattern", label="Package name", required=True, longest=255, hint="* stands for any characters: @acme/*"),
                select("package_type", "Format", types, types[0].value if types else ""),
                select("minimum_access_level_for_push", "May publish", PUSH_LEVELS, "maintainer"),
                select("minimum_access_level_for_delete", "May delete", DELETE_LEVELS, ""),
            ),
        )
        sent = {"package_name_pattern": "@acme/*", "package_type": "npm", "minimum_access_level_for_push": "maintainer"}
        return Panel(
            id="package-rules",
            heading="Protected packages",
            text="Who may publish and delete packages of certain names, beyond what roles say.",
            lines=tuple(
                _rule_line(where, "package", row, self._desk.titles.get(format_of(row["package_type"]) or "", row["package_type"])) for row in rules
            ),
            empty="No package is protected by a rule.",
            form=form,
            fold="Add a rule",
            command=self._command("add-package", "POST", f"projects/{where.id}/packages/protection/rules", sent),
        )

    def _repository_rules(self, where: Place, rules: list[Mapping[str, Any]]) -> Panel:
        path = where.full_path.lower()
        form = Form(
            id="add-repository",
            action=f"{_base(where)}/rules/repository",
            submit="Add rule",
            fields=(
                Field(name="repository_path_pattern", label="Repository path", value=f"{path}/*", required=True, hint=f"Begins with {path}"),
                select("minimum_access_level_for_push", "May push", PUSH_LEVELS, "maintainer"),
                select("minimum_access_level_for_delete", "May delete", DELETE_LEVELS, ""),
            ),
        )
        sent = {"repository_path_pattern": f"{path}/*", "minimum_access_level_for_push": "maintainer"}
        return Panel(
            id="repository-rules",
            heading="Protected repositories",
            text="The same for container images.",
            lines=tuple(_rule_line(where, "repository", row, "") for row in rules),
            empty="No repository is protected by a rule.",
            form=form,
            fold="Add a rule",
            command=self._command("add-repository", "POST", f"projects/{where.id}/registry/protection/repository/rules", sent),
        )

    def _tag_rules(self, where: Place, rules: list[Mapping[str, Any]], *, owner: bool) -> Panel:
        levels = TAG_LEVELS if owner else TAG_LEVELS[:-1]
        form = Form(
            id="add-tag",
            action=f"{_base(where)}/rules/tag",
            submit="Add rule",
            fields=(
                Field(
                    name="tag_name_pattern", label="Tag name", required=True, longest=100, hint="A regular expression that matches the whole tag: v.+"
                ),
                select("minimum_access_level_for_push", "May push and move", levels, "maintainer"),
                select("minimum_access_level_for_delete", "May delete", levels, "maintainer"),
            ),
        )
        sent = {"tag_name_pattern": "v.+", "minimum_access_level_for_push": "maintainer", "minimum_access_level_for_delete": "owner"}
        return Panel(
            id="tag-rules",
            heading="Protected tags",
            text="Image tags that only some may move or delete, or that never move once pushed. At most five rules.",
            lines=tuple(_rule_line(where, "tag", row, "") for row in rules),
            empty="No tag is protected by a rule.",
            form=form if len(rules) < 5 else None,
            fold="Add a rule",
            command=self._command("add-tag", "POST", f"projects/{where.id}/registry/protection/tag/rules", sent),
        )

    def _cleanup(self, where: Place, told: Mapping[str, Any]) -> Panel:
        kept = str(told["keep_n_duplicated_package_files"])
        fields = (select("keep_n_duplicated_package_files", "Keep", KEEPS, kept),)
        text = "How many states of a file that is published again and again under one version stay: builds of a Maven snapshot, for one."
        return Panel(
            id="file-cleanup",
            heading="Older states of files",
            text=text,
            facts=(Fact(label="Next run", text=f"{told['next_run_at'][:16].replace('T', ' ')} UTC"),) if told.get("next_run_at") else (),
            form=Form(id="cleanup", action=f"{_base(where)}/cleanup", submit="Save", fields=fields),
            command=self._command("cleanup", "PATCH", f"projects/{where.id}/-/packages/cleanup_policy", {"keep_n_duplicated_package_files": "10"}),
        )

    async def add_rule(self, call: PageCall) -> Answer:
        """One more rule about packages, repositories or tags."""
        where, kind = settled(call), _kind_in(call)
        path, _, pattern = RULES[kind]

        async def work(form: FormFields) -> str:
            names = (pattern, "package_type", "minimum_access_level_for_push", "minimum_access_level_for_delete")
            await self._ask(call, "POST", f"projects/{{id+}}/{path}", {name: form.text(name).strip() for name in names if form.text(name).strip()})
            return done(f"{_base(where)}", "rule_added")

        return await self._carry_out(call, f"add-{kind}", work, self._again(self.show))

    async def change_rule(self, call: PageCall) -> Answer:
        """Other levels for a rule."""
        where, kind, rule_id = settled(call), _kind_in(call), number_in(call, "rule_id", NotFound())
        path, name, _ = RULES[kind]

        async def work(form: FormFields) -> str:
            sent = {field: form.text(field) for field in ("minimum_access_level_for_push", "minimum_access_level_for_delete") if form.has(field)}
            await self._ask(call, "PATCH", f"projects/{{id+}}/{path}/{{{name}}}", sent, params={name: rule_id})
            return done(_base(where), "saved")

        return await self._carry_out(call, f"change-{kind}-{rule_id}", work, self._again(self.show))

    async def remove_rule(self, call: PageCall) -> Answer:
        """A rule is gone."""
        where, kind, rule_id = settled(call), _kind_in(call), number_in(call, "rule_id", NotFound())
        path, name, _ = RULES[kind]

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"projects/{{id+}}/{path}/{{{name}}}", params={name: rule_id})
            return done(f"{_base(where)}", "rule_removed")

        return await self._carry_out(call, f"remove-{kind}-{rule_id}", work, self._again(self.show))

    async def save_cleanup(self, call: PageCall) -> Answer:
        """Keep so many states of a file from now on."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            await self._ask(call, "PATCH", CLEANUP, {"keep_n_duplicated_package_files": form.text("keep_n_duplicated_package_files")})
            return done(_base(where), "saved")

        return await self._carry_out(call, "cleanup", work, self._again(self.show))

    # -- a group -----------------------------------------------------------------------------------------------------

    async def _of_group(self, call: PageCall, where: Place) -> list[Panel]:
        told = await self._ask(call, "GET", "groups/{id+}/-/package_settings")
        top = (await self._desk.line(where))[0]
        panels = [self._duplicates(where, told), self._forwarding(where, told)] if where.parent_id is None else [_inherited(top)]
        if self._desk.house.settings.dependency_proxy:
            panels.append(self._proxy(where, await self._ask(call, "GET", "groups/{id+}/dependency_proxy")))
        return panels

    def _duplicates(self, where: Place, told: Mapping[str, Any]) -> Panel:
        fields: list[Field] = []
        for name, title in DUPLICATES:
            fields.append(
                check(f"{name}_duplicates_allowed", f"{title}: the same version may be published again", told[f"{name}_duplicates_allowed"])
            )
            regex = f"{name}_duplicate_exception_regex"
            fields.append(Field(name=regex, label=f"{title}: names that are treated the other way", value=told[regex], longest=255))
        return Panel(
            id="duplicates",
            heading="Duplicate packages",
            text="Published means immutable. A format can let the same name and version in again. Exceptions are regular expressions.",
            form=Form(id="duplicates-form", action=_base(where), submit="Save", fields=tuple(fields)),
            command=self._command("duplicates", "PUT", f"groups/{where.id}/-/package_settings", {"maven_duplicates_allowed": True}),
        )

    def _forwarding(self, where: Place, told: Mapping[str, Any]) -> Panel:
        fields: list[Field] = []
        for name, title in FORWARDED:
            field = f"{name}_package_requests_forwarding"
            locked = bool(told[f"{field}_locked"])
            text = "Decided for the whole instance." if locked else "What is not found here is asked of the public registry, by a redirect."
            fields.append(check(field, f"{title}: forward", told[field], text, locked=locked))
            fields.append(check(f"lock_{field}", f"{title}: the same for every subgroup", told[f"lock_{field}"]))
        return Panel(
            id="forwarding",
            heading="Forwarding",
            text="A name that is taken on a public registry only could be answered from there. Leave it off where names are private.",
            form=Form(id="forwarding-form", action=f"{_base(where)}/forwarding", submit="Save", fields=tuple(fields)),
            command=self._command("forwarding", "PUT", f"groups/{where.id}/-/package_settings", {"npm_package_requests_forwarding": True}),
        )

    def _proxy(self, where: Place, told: Mapping[str, Any]) -> Panel:
        form = Form(
            id="proxy",
            action=f"{_base(where)}/dependency_proxy",
            submit="Save",
            fields=(
                check("enabled", "Pull images through this group", told["enabled"]),
                Field(name="upstream_url", label="Upstream", kind="url", value=told["upstream_url"] or "", hint="Empty: the instance's own."),
                Field(name="identity", label="User name there", value=told["identity"] or "", complete="off"),
                Field(name="secret", label="Password or token there", kind="password", complete="off", hint="Empty: stays as it is."),
                Field(
                    name="ttl_days",
                    label="Forget what nobody pulled for",
                    kind="number",
                    value=str(told["ttl_days"] or ""),
                    least="0",
                    most="3650",
                    hint="Days. Empty: never.",
                ),
            ),
        )
        facts = (
            Fact(label="Prefix", text=told["image_prefix"], copy=True),
            Fact(label="In force", text=told["effective_upstream_url"] or "no upstream: pulls answer 503"),
        )
        return Panel(
            id="dependency-proxy",
            heading="Dependency proxy",
            text="Images of another registry, fetched once and kept.",
            facts=facts,
            form=form,
            command=self._command("proxy", "PUT", f"groups/{where.id}/dependency_proxy", {"enabled": True, "ttl_days": 90}),
        )

    async def save_group(self, call: PageCall) -> Answer:
        """How duplicates are treated."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            sent: dict[str, Any] = {}
            for name, _ in DUPLICATES:
                sent[f"{name}_duplicates_allowed"] = form.has(f"{name}_duplicates_allowed")
                sent[f"{name}_duplicate_exception_regex"] = form.text(f"{name}_duplicate_exception_regex").strip()
            await self._ask(call, "PUT", "groups/{id+}/-/package_settings", sent)
            return done(_base(where), "saved")

        return await self._carry_out(call, "duplicates-form", work, self._again(self.show))

    async def save_forwarding(self, call: PageCall) -> Answer:
        """What is asked of public registries."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            told = await self._ask(call, "GET", "groups/{id+}/-/package_settings")
            sent: dict[str, Any] = {}
            for name, _ in FORWARDED:
                field = f"{name}_package_requests_forwarding"
                if not told[f"{field}_locked"]:  # a box that cannot be ticked sends nothing
                    sent[field] = form.has(field) or (None if told[field] is None else False)
                sent[f"lock_{field}"] = form.has(f"lock_{field}")
            await self._ask(call, "PUT", "groups/{id+}/-/package_settings", sent)
            return done(_base(where), "saved")

        return await self._carry_out(call, "forwarding-form", work, self._again(self.show))

    async def save_proxy(self, call: PageCall) -> Answer:
        """Where the dependency proxy fetches, as whom, and how long it keeps."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            identity, secret = form.text("identity").strip(), form.text("secret")
            sent: dict[str, Any] = {
                "enabled": form.has("enabled"),
                "upstream_url": form.text("upstream_url").strip(),
                "ttl_days": form.text("ttl_days").strip() or "0",
            }
            told = await self._ask(call, "GET", "groups/{id+}/dependency_proxy")
            if secret or identity != (told["identity"] or ""):
                sent |= {"identity": identity, "secret": secret}
            said = await self._ask(call, "PUT", "groups/{id+}/dependency_proxy", sent)
            result = said.get("upstream_check", {}).get("result", "reachable")
            return done(_base(where), "saved" if result == "reachable" else f"saved_{result}")

        return await self._carry_out(call, "proxy", work, self._again(self.show))


def _base(where: Place) -> str:
    return addresses.settings(where, "packages_and_registries")


def _kind_in(call: PageCall) -> str:
    kind = call.params["kind"]
    if kind not in RULES:
        raise NotFound()
    return kind


def _rule_line(where: Place, kind: str, row: Mapping[str, Any], format: str) -> Line:
    push, delete = row["minimum_access_level_for_push"], row["minimum_access_level_for_delete"]
    verbs = (("push" if kind != "package" else "publish", push), ("delete", delete))
    details = [Detail(text=format)] if format else []
    details += [Detail(text=f"{verb}: {level} and up") for verb, level in verbs if level]
    pattern = row[RULES[kind][2]]
    form = Form(id=f"remove-{kind}-{row['id']}", action=f"{_base(where)}/rules/{kind}/{row['id']}/remove", submit=f"Remove {pattern}", kind="danger")
    acts: tuple[Act, ...] = (Act(label="Remove", form=form, text=f"What matches {pattern} is then protected by roles alone."),)
    if not row.get("immutable"):
        acts = (_rule_change(where, kind, row), *acts)
    badges = (Badge(text="immutable", kind="good"),) if row.get("immutable") else ()
    return Line(title=pattern, code=True, badges=badges, details=tuple(details), acts=acts)


def _rule_change(where: Place, kind: str, row: Mapping[str, Any]) -> Act:
    push_levels, delete_levels = (TAG_LEVELS[:-1], TAG_LEVELS[:-1]) if kind == "tag" else (PUSH_LEVELS, DELETE_LEVELS)
    form = Form(
        id=f"change-{kind}-{row['id']}",
        action=f"{_base(where)}/rules/{kind}/{row['id']}",
        submit="Save",
        fields=(
            select(
                "minimum_access_level_for_push",
                "May publish" if kind == "package" else "May push",
                push_levels,
                row["minimum_access_level_for_push"],
            ),
            select("minimum_access_level_for_delete", "May delete", delete_levels, row["minimum_access_level_for_delete"]),
        ),
    )
    return Act(label="Change", form=form)


def _inherited(top: Place) -> Panel:
    href = addresses.settings(top, "packages_and_registries")
    text = "Duplicates and forwarding are settled by the group at the top, for everything below it."
    return Panel(id="inherited", heading="Packages", text=text, lines=(Line(title=f"Settings of {top.full_path}", href=href),))
