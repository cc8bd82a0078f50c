"""Templates for builds that publish here: an identity token for a token of a few minutes, then the commands of the format."""

from __future__ import annotations

from textwrap import indent

from packhouse.contract import Format, Moment, Snippet

FOLDERS = {"settings.xml": "$HOME/.m2"}  # files that are not looked for where a job starts
SYSTEMS = ("gitlab", "github")

_ASK = """\
ID_TOKEN="$(curl --silent --show-error --fail --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}" | sed -E 's/.*"value" *: *"([^"]*)".*/\\1/')"
"""
_HAVE = 'ID_TOKEN="$PACKHOUSE_ID_TOKEN"\n'
_EXCHANGE = """\
export CI_JOB_TOKEN="$(curl --silent --show-error --fail --request POST "{api}/-/oidc/exchange" \\
  --data-urlencode "id_token=$ID_TOKEN" --data "project={project}" | sed -E 's/.*"token" *: *"([^"]*)".*/\\1/')"
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


def write_template(system: str, format: Format, moment: Moment, audience: str = "packhouse") -> str:
    """The file that a project of this system needs to publish packages of a format."""
    text, depth = (_GITLAB, 6) if system == "gitlab" else (_GITHUB, 10)
    return text.format(name=format.name, audience=audience, script=indent(write_script(system, format, moment, audience), " " * depth))


def write_script(system: str, format: Format, moment: Moment, audience: str = "packhouse") -> str:
    """What the job runs."""
    ask = _HAVE if system == "gitlab" else _ASK.format(audience=audience)
    return "set -eu\n" + ask + _EXCHANGE.format(api=moment.api, project=moment.place) + _publish(format, moment)


def _publish(format: Format, moment: Moment) -> str:
    """The format's own commands for a job, its settings file before them."""
    found = format.snippets(moment, None)
    parts = [_file(snippet) for snippet in found if snippet.kind == "setup" and "job" in snippet.title.lower()]
    commands = [snippet for snippet in found if snippet.kind == "publish" and snippet.language == "shell"]
    of_job = [snippet for snippet in commands if "job" in snippet.title.lower()] or commands
    return "".join([*parts, *(snippet.text.rstrip("\n") + "\n" for snippet in of_job[:1])])


def _file(snippet: Snippet) -> str:
    name = snippet.title.partition(" ")[0]
    folder = FOLDERS.get(name, "")
    made = f'mkdir -p "{folder}"\n' if folder else ""
    return f"{made}cat > \"{folder or '.'}/{name}\" <<'END'\n{snippet.text.rstrip()}\nEND\n"
