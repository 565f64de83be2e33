"""The ingress of `small` for browsers: nginx, which ends TLS and routes to Services as `base/ingress.yaml` says.

Public: `Edge`.
"""

import ssl
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.origin.certificates import Authority
from tests.support.debian import find_program
from tests.support.free_ports import free_port

_CONFIG = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $upgrade_or_close {{ default upgrade; "" close; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        client_max_body_size 16m;
        proxy_buffering off;
        proxy_http_version 1.1;
        proxy_read_timeout 3600s;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $upgrade_or_close;
        {locations}
    }}
}}
"""


class Edge:
    """`origin` is what browsers open. `start` gets paths and the ports of the cluster's Services that they lead to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.origin = f"https://localhost:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="edge-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, paths: dict[str, int]) -> None:
        program = find_program("nginx")
        folder = Path(self._folder.name)
        Authority(folder).load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "good")
        locations = "\n".join(
            f"location {path} {{ proxy_pass http://127.0.0.1:{port}; }}" for path, port in paths.items()
        )
        text = _CONFIG.format(folder=folder, port=self.port, certificate=folder / "good.pem", locations=locations)
        (folder / "nginx.conf").write_text(text)
        command = [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        checked = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, timeout=20)
        assert checked.returncode == 0, checked.stderr
        self._process = subprocess.Popen(command)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        self._folder.cleanup()
