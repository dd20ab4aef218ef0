"""An app with what FastAPI knows of routes: what it answers, and its OpenAPI document, as one JSON object.

Run in the image, with or without routes that are built when they are needed.
"""

import asyncio
import json
import sys

if sys.argv[1] == "lazy":
    from boot.lazy_routes import build_routes_when_needed, is_built

    build_routes_when_needed()

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel


class Thing(BaseModel):
    name: str
    size: int = 1


class Secret(Thing):
    hidden: str = "h"


def key(x_key: str = Header()):
    if x_key != "right":
        raise HTTPException(401, "wrong key")
    return x_key


def tagged(tag: str = "none"):
    return tag


inner = APIRouter(prefix="/inner", tags=["inner"], dependencies=[Depends(tagged)])
outer = APIRouter(prefix="/outer", responses={418: {"model": Thing}})


@inner.post("/things/{number}", response_model=Thing, status_code=201)
async def make(number: int, thing: Thing, tag: str = Depends(tagged)):
    """Make a thing.\fThis is not told."""
    return Secret(name=f"{thing.name} {number} {tag}", size=thing.size)


@inner.get("/things/{number:int}/{rest:path}", name="the rest")
def rest(number: int, rest: str):
    return {"number": number, "rest": rest}


@outer.get("/lines")
async def lines():
    for number in range(3):
        yield Thing(name=str(number))


@outer.api_route("/both", methods=["GET", "delete"], response_class=PlainTextResponse)
def both() -> str:
    return "both"


outer.include_router(inner)
app = FastAPI()


@app.get("/plain", dependencies=[Depends(key)])
def plain(many: int = 2) -> list[Thing]:
    return [Thing(name="plain")] * many


app.include_router(outer, prefix="/v1", tags=["outer"], dependencies=[Depends(key)])
app.include_router(inner, include_in_schema=False)

REQUESTS = [
    ("GET", "/plain", {}),
    ("GET", "/plain?many=0", {}),
    ("GET", "/plain?many=few", {}),
    ("POST", "/plain", {}),
    ("POST", "/v1/outer/inner/things/7?tag=blue", {"json": {"name": "ball", "size": 3}}),
    ("POST", "/v1/outer/inner/things/7", {"json": {"size": "big"}}),
    ("POST", "/v1/outer/inner/things/seven", {"json": {"name": "ball"}}),
    ("GET", "/v1/outer/inner/things/7", {}),
    ("GET", "/v1/outer/inner/things/7/a/b", {}),
    ("GET", "/inner/things/7/a", {"headers": {"x-key": "wrong"}}),
    ("POST", "/inner/things/1", {"json": {"name": "n"}, "headers": {"x-key": "wrong"}}),
    ("GET", "/v1/outer/lines", {}),
    ("DELETE", "/v1/outer/both", {}),
    ("PUT", "/v1/outer/both", {}),
    ("GET", "/v1/outer/both", {"headers": {"x-key": "wrong"}}),
    ("GET", "/v1/outer/none", {}),
]


async def answers():
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t", headers={"x-key": "right"}) as client:
        for method, path, given in REQUESTS:
            answer = await client.request(method, path, **given)
            yield [method, path, answer.status_code, answer.headers.get("allow"), answer.text]


def built():
    """Return the names of the endpoints whose routes are built, as they were declared."""
    declared = [route for route in (*app.routes, *outer.routes, *inner.routes) if isinstance(route, APIRoute)]
    return [route.name for route in declared if is_built(route)]


async def main():
    told = {}
    if sys.argv[1] == "lazy":
        told["built at first"] = built()
        await anext(answers())
        told["built by one request"] = built()
    told["answers"] = [answer async for answer in answers()]
    told["openapi"] = app.openapi()
    told["url"] = str(app.url_path_for("the rest", number=1, rest="x"))
    print(json.dumps(told))


asyncio.run(main())
