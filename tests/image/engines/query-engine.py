#!/opt/litellm/bin/python
"""A stand-in for Prisma's query engine: runs raw SQL for real; of everything else there is nothing."""

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "ac9d7041ed77bcc8a8dbd2ab6616b39013829574"
RAW = re.compile(r'result: (queryRaw|executeRaw)\s*\(\s*query: ("(?:[^"\\]|\\.)*")\s*parameters: ("(?:[^"\\]|\\.)*")')
KINDS = {bool: "bool", int: "int", float: "double"}


def run_raw(kind, sql, parameters):
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"].partition("?")[0], cursor_factory=psycopg.RawCursor) as database:
        cursor = database.execute(sql, parameters)
        if kind == "executeRaw":
            return cursor.rowcount
        rows = [[str(value) if type(value) not in KINDS else value for value in row] for row in cursor.fetchall()]
        names = [column.name for column in cursor.description]
        kinds = [KINDS.get(type(rows[0][at]) if rows else str, "string") for at in range(len(names))]
        return {"columns": names, "types": kinds, "rows": rows}


def answer(path, body):
    if path == "/status":
        return {"status": "ok"}
    if path.startswith("/transaction"):
        return {"id": "1"}
    query = json.loads(body)["query"]
    if found := RAW.search(query):
        return {"data": {"result": run_raw(found[1], json.loads(found[2]), json.loads(json.loads(found[3])))}}
    return {"data": {"result": [] if "findMany" in query else None}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            found = answer(self.path, body)
        except Exception as error:
            found = {"errors": [{"error": str(error), "user_facing_error": {"message": str(error), "meta": {}}}]}
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, *_):
        pass


if "--version" in sys.argv:
    print(f"query-engine {VERSION}")
else:
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("-p") + 1])), Handler).serve_forever()
