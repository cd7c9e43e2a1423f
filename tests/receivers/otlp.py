"""Receives OTLP over HTTP and prints what it got, decoded by Google's library: its address first, then a JSON
object for each log record."""

import gzip
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


# A client may have several connections.
PRINTING = threading.Lock()


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return members(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def members(attributes):
    found = {attribute.key: plain(attribute.value) for attribute in attributes}
    assert len(found) == len(attributes), "an attribute is there twice"
    return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        lines = []
        for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in logs.scope_logs:
                for record in scope.log_records:
                    lines.append({
                        "path": self.path,
                        "encoding": self.headers.get("content-encoding"),
                        "resource": members(logs.resource.attributes),
                        "scope": scope.scope.name,
                        "time_unix_nano": str(record.time_unix_nano),
                        "observed": record.observed_time_unix_nano > record.time_unix_nano,
                        "severity": [record.severity_number, record.severity_text],
                        "body": plain(record.body),
                        "event_name": record.event_name,
                        "attributes": members(record.attributes),
                    })
        with PRINTING:
            print("".join(json.dumps(line) + "\n" for line in lines), end="", flush=True)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
sys.exit(server.serve_forever())
