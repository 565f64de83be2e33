"""The sandbox's live video in a real browser, by the vendored hls.js."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvicorn

from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.server import TablesProvider
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.lobby import wait_for

HLS = next((Path(__file__).parents[2] / "static" / "vendor").glob("hls-light-*.min.js"))
PAGE = """<!doctype html><video id="v" muted playsinline></video><script src="/hls.js"></script><script>
window.errors = [];
const hls = new Hls({liveSyncDurationCount: 2});
hls.on(Hls.Events.ERROR, (_, data) => window.errors.push(data.details));
hls.loadSource(new URLSearchParams(location.search).get("src"));
hls.attachMedia(v);
v.play();
</script>"""


@pytest.fixture
def provider_url():
    port = free_port()
    application = TablesProvider("seed", "casino", SandboxClock(), "http://provider")
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, describe=lambda: "the sandbox did not start")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def site():
    """A page on an origin of its own; one that Playwright makes up may not read from this machine."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            script = self.path == "/hls.js"
            body = HLS.read_bytes() if script else PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def becomes(page, expression):
    wait_for(lambda: page.evaluate(expression), describe=lambda: (expression, page.evaluate("window.errors")))


def test_live_video_plays_without_a_seam_and_a_fault_of_it_is_felt(page, provider_url, site):
    """Frames come and the playhead moves over the loop's end; missing segments reach the player as errors."""
    page.goto(f"{site}/?src={provider_url}/video/201/live.m3u8")
    becomes(page, "v.getVideoPlaybackQuality().totalVideoFrames > 30")
    began = page.evaluate("v.currentTime")
    becomes(page, f"v.currentTime > {began} + 2")
    assert page.evaluate("v.buffered.length") == 1
    # A busy machine may be late with frames, which is no seam.
    assert set(page.evaluate("window.errors")) <= {"bufferStalledError", "bufferNudgeOnStall"}
    plain_http.post(f"{provider_url}/control/fault", json={"kind": "video_missing", "for_s": 600})
    becomes(page, "window.errors.includes('fragLoadError')")
