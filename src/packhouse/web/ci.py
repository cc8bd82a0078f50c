"""Templates for builds that publish here: an identity token for a token of a few minutes, then the commands of the format."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from packhouse.contract import Format, Moment, Snippet
from packhouse.model import PackageRow

SYSTEMS = ("gitlab", "github")

# What goes wrong is said: `export X="$(…)"` would go on with nothing in it.
_EXCHANGE = """\
answer="$(curl --silent --show-error --fail-with-body "{api}/-/oidc/exchange" \\
  --data-urlencode "id_token=$PACKHOUSE_ID_TOKEN" --data "project={project}")" || {{ echo "$answer" >&2; exit 1; }}
export CI_JOB_TOKEN="$(echo "$answer" | sed -E 's/.*"token" *: *"([^"]*)".*/\\1/')"
"""
_ASK = """\
answer="$(curl --silent --show-error --fail-with-body --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}")" || {{ echo "$answer" >&2; exit 1; }}
PACKHOUSE_ID_TOKEN="$(echo "$answer" | sed -E 's/.*"value" *: *"([^"]*)".*/\\1/')"
"""
_GITLAB = """\
# .gitlab-ci.yml
publish-{name}:
  stage: deploy
  rules:
    - if: $CI_COMMIT_TAG
  id_tokens:
    PACKHOUSE_ID_TOKEN:
      aud: {audience}
  script:
    - |
{script}"""
_GITHUB = """\
# .github/workflows/publish-{name}.yml
name: publish-{name}
on:
  push:
    tags: ["*"]
permissions:
  contents: read
  id-token: write
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
{script}"""


def write_template(system: str, format: Format, moment: Moment, package: str = "", audience: str = "packhouse") -> str:
    """The file that a project of this system needs to publish packages of a format at each tag."""
    text, depth = (_GITLAB, 6) if system == "gitlab" else (_GITHUB, 10)
    script = indent(write_script(system, format, moment, package, audience), " " * depth)
    return text.format(name=format.name, audience=audience, script=script)


def write_script(system: str, format: Format, moment: Moment, package: str = "", audience: str = "packhouse") -> str:
    """What the job runs."""
    exchange = _EXCHANGE.format(api=moment.api, project=moment.place)
    if system == "gitlab":
        preamble = f'if [ -n "${{PACKHOUSE_ID_TOKEN:-}}" ]; then  # else CI_JOB_TOKEN is of this registry\n{indent(exchange, "  ")}fi\n'
    else:
        preamble = _ASK.format(audience=audience) + exchange + 'export CI_COMMIT_TAG="$GITHUB_REF_NAME"\n'
    row = PackageRow(id=0, project=moment.place, name=package, key=package) if package else None
    return "set -eu\n" + preamble + _publish(format.snippets(moment, row))


def _publish(found: Sequence[Snippet]) -> str:
    """The format's own commands for a job, its settings file before them."""
    of_job = [snippet for snippet in found if snippet.title.lower().endswith("a job")]
    files = [_file(snippet) for snippet in of_job if snippet.kind == "setup"]
    commands = [snippet.text.rstrip("\n") + "\n" for snippet in of_job if snippet.kind == "publish"]
    return "".join([*files, *commands])


def _file(snippet: Snippet) -> str:
    return f"cat > {snippet.title.partition(' ')[0]} <<'END'\n{snippet.text.rstrip()}\nEND\n"
