"""The routes of gems: the compact index, the older lists, gems, and the API that `gem push` and `gem yank` speak."""

from __future__ import annotations

from packhouse.contract import PROJECT, Action, Route
from packhouse.formats.rubygems.routes.compact import show_info, show_names, show_versions
from packhouse.formats.rubygems.routes.publishing import list_owners, push_gem, refuse_owners, show_key, yank_gem
from packhouse.formats.rubygems.routes.reading import SHOW_LISTS, fetch_gem, show_all, show_dependencies, show_gemspec, show_newest, show_root

GEMS = "api/v1/gems"
OWNERS = f"{GEMS}/{{package}}/owners"
READ = Action.READ

ROUTES = (
    Route(method="GET", path="", handler=show_root, action=READ),
    Route(method="GET", path="versions", handler=show_versions, action=READ),
    Route(method="GET", path="names", handler=show_names, action=READ),
    Route(method="GET", path="info/{package}", handler=show_info, action=READ),
    *(Route(method="GET", path=path, handler=handler, action=READ) for path, handler in SHOW_LISTS.items()),
    Route(method="GET", path="quick/Marshal.4.8/{gemspec}", handler=show_gemspec, action=READ),
    Route(method="GET", path="gems/{filename}", handler=fetch_gem, action=READ),
    Route(method="GET", path="api/v1/dependencies", handler=show_dependencies, action=READ),
    Route(method="GET", path=f"{GEMS}/{{json}}", handler=show_newest, action=READ),
    Route(method="GET", path="api/v1/versions/{json}", handler=show_all, action=READ),
    Route(method="POST", path=GEMS, handler=push_gem, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=f"{GEMS}/yank", handler=yank_gem, action=Action.DELETE, reach=PROJECT),
    Route(method="GET", path=f"{OWNERS}.yaml", handler=list_owners, action=READ),
    Route(method="POST", path=OWNERS, handler=refuse_owners, action=Action.PUBLISH, reach=PROJECT),
    Route(method="DELETE", path=OWNERS, handler=refuse_owners, action=Action.PUBLISH, reach=PROJECT),
    *(
        Route(method=method, path="api/v1/api_key", handler=show_key, action=READ, reach=PROJECT, signed_in=True, lasting=False)
        for method in ("GET", "POST")
    ),
)
