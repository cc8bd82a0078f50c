"""Pages of builds: who sees which, and what a version and a file tell of theirs."""

from __future__ import annotations

import re

from .conftest import Visits

TOOLS = "/acme/tools"


def pipelines_of(showcase: Visits) -> list[str]:
    """The pages of the pipelines, newest first."""
    return [link for link in showcase.user("anna").get(f"{TOOLS}/-/pipelines").links() if re.fullmatch(rf"{TOOLS}/-/pipelines/\d+", link)]


def test_pipelines_are_listed_newest_first_with_their_state(showcase: Visits) -> None:
    """Nobody could tell which build is which, or whether it is over."""
    page = showcase.user("anna").get(f"{TOOLS}/-/pipelines")
    assert page.status == 200
    assert page.text.index("#2") < page.text.index("#1")
    assert "running" in page.text and "success" in page.text and "release/2.5" in page.text and "1a2b3c4d" in page.text


def test_a_pipeline_tells_its_jobs_and_what_they_published(showcase: Visits) -> None:
    """From a build nobody could get to its packages."""
    page = showcase.user("carla").get(pipelines_of(showcase)[-1])
    assert page.status == 200
    assert "Pipeline #1" in page.text and "flask-widgets" in page.text and "2.5.0" in page.text and "report" in page.text
    assert "2.5.1" not in page.text and "publish" in page.text
    assert "https://ci.example/acme/tools/12" in page.links()
    assert "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d" in page.html


def test_a_version_and_its_file_lead_to_the_pipeline(showcase: Visits) -> None:
    """From a package nobody could get to its build."""
    anna = showcase.user("anna")
    version = next(link for link in anna.get(f"{TOOLS}/-/packages?search=flask version:2.5.0").links() if re.fullmatch(r".*/packages/\d+", link))
    page = anna.get(f"{version}?tab=files")
    assert "from pipeline #1 at 1a2b3c4d" in page.text
    assert pipelines_of(showcase)[-1] in page.links()
    assert pipelines_of(showcase)[-1] in anna.get(version).links()
    by_hand = next(link for link in anna.get(f"{TOOLS}/-/packages?search=flask version:2.4.1").links() if re.fullmatch(r".*/packages/\d+", link))
    assert "from pipeline" not in anna.get(f"{by_hand}?tab=files").text


def test_a_pipeline_is_found_in_its_own_project_only(showcase: Visits) -> None:
    """The builds of a private project could be read through another one, or by their number."""
    number = pipelines_of(showcase)[0].rpartition("/")[2]
    assert showcase.user("anna").get(f"/acme/web/site/-/pipelines/{number}").status == 404
    for odd in ("0", "x", "9" * 30, "-1"):
        assert showcase.user("anna").get(f"{TOOLS}/-/pipelines/{odd}").status == 404
    assert showcase.stranger().get(f"{TOOLS}/-/pipelines").status in (303, 404)


def test_an_empty_list_teaches_who_may_publish(showcase: Visits) -> None:
    """Nobody would know how a build gets to be known here."""
    assert "/pipelines" in showcase.user("anna").get("/acme/fresh/-/pipelines").text
    assert "No pipeline has been registered" in showcase.user("anna").get("/acme/fresh/-/pipelines").text
    reader = showcase.user("carla").get(f"{TOOLS}/-/pipelines?page=99")
    assert reader.status == 200 and "No pipeline has been registered" not in reader.text
