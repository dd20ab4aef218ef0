"""Build a route when it is first asked for, not when it is declared.

LiteLLM declares some 650 routes. FastAPI looks through the parameters of each as it is declared, and once more before
the first request is answered, which looks for its route among them: together 1.9 of the 6.2 s of CPU of import and
search (medians of 4, on a busy machine). A proxy for a coding agent serves a handful of them. Here a route knows its
path and methods at once, which is all that the search takes; whatever else is asked of it makes FastAPI build it.

This is about the insides of FastAPI, in the release that is locked: tests hold the answers of an app, and the whole
OpenAPI document of LiteLLM, against what FastAPI makes by itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["build_routes_when_needed", "is_built"]

_AT_ONCE = frozenset({"path", "endpoint", "name", "methods", "path_regex", "path_format", "param_convertors"})
_BUILD = "_run_claude_build"  # of a route: what builds it, until it has
_building = threading.RLock()  # two threads may ask at once


class _Later:
    """An attribute of a route that building it sets: the instance's own is found before this one from then on."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, route: Any, owner: type) -> Any:
        if route is None:
            raise AttributeError(self._name)
        with _building:
            if build := route.__dict__.get(_BUILD):
                build()
                route.__dict__.pop(_BUILD, None)
        try:
            return route.__dict__[self._name]
        except KeyError:
            raise AttributeError(self._name) from None


def is_built(route: object) -> bool:
    """Whether somebody has asked for more of a route than where it is."""
    return _BUILD not in route.__dict__


def build_routes_when_needed() -> None:
    """Make FastAPI build the routes that are declared from now on when they are needed."""
    from fastapi import routing

    _declare_only(routing.APIRoute)
    _include_only(routing._EffectiveRouteContext)


def _declare_only(route_class: Any) -> None:
    """Have a route build itself later."""
    build_all: Callable[..., None] = route_class.__init__

    def declare(
        self: Any,
        path: str,
        endpoint: Callable[..., Any],
        *,
        name: str | None = None,
        methods: Iterable[str] | None = None,
        **given: Any,
    ) -> None:
        from starlette.routing import get_name

        named = get_name(endpoint) if name is None else name
        accepted = {method.upper() for method in (["GET"] if methods is None else methods)}
        _place(self, path, endpoint, named, accepted)
        given |= {"name": name, "methods": methods}
        self.__dict__[_BUILD] = lambda: build_all(self, path, endpoint, **given)

    route_class.__init__ = declare
    _postpone(route_class, {*route_class.__annotations__, "app"} - _AT_ONCE)


def _include_only(context_class: Any) -> None:
    """Have what a route is below the prefix of an included router be built later."""
    build_all = context_class.from_api_route.__func__

    class Included(context_class):  # type: ignore[misc]
        pass

    def include(cls: Any, *, original_route: Any, include_context: Any) -> Any:
        context = object.__new__(Included)  # the dataclass's own would set its defaults
        path, route = include_context.path_for(original_route), original_route
        context.__dict__.update(original_route=route, starlette_route=None, frontend_prefix="")
        _place(context, path, route.endpoint, route.name, route.methods)

        def build() -> None:
            whole = build_all(context_class, original_route=route, include_context=include_context)
            context.__dict__.update(whole.__dict__)

        context.__dict__[_BUILD] = build
        return context

    context_class.from_api_route = classmethod(include)
    at_once = {*_AT_ONCE, "original_route", "starlette_route", "frontend_prefix"}
    _postpone(Included, context_class.__dataclass_fields__.keys() - at_once)


def _place(route: Any, path: str, endpoint: Any, name: str, methods: set[str]) -> None:
    """Set what the search for a request's route asks."""
    from starlette.routing import compile_path

    regex, template, convertors = compile_path(path)
    route.__dict__.update(path=path, endpoint=endpoint, name=name, methods=methods)
    route.__dict__.update(path_regex=regex, path_format=template, param_convertors=convertors)


def _postpone(owner: type, names: Iterable[str]) -> None:
    for name in names:
        setattr(owner, name, _Later(name))
