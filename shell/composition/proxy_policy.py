"""Every number of what the shell passes on to a fragment: calls of its own API, and forms.

Public: `ProxyPolicy`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPolicy:
    """Changed by `HOUSE_POLICIES` under `proxy`."""

    # A command behind an API may wait for a payment provider, as a form's may.
    head_ms: int = 5000
    connect_ms: int = 1000

    # Bodies up to this size are read whole before anybody is called, so that a slow browser costs the fragment nothing.
    small_body_bytes_max: int = 64 * 1024
    small_body_ms: int = 10_000
    # Larger ones are passed on as they come, for as long as the server lets one come (`server`, `body_s_max`).
    upload_bytes_max: int = 32 * 1024 * 1024
    upload_ms: int = 60_000

    # A stream without a byte for this long is ended: server-sent events need a comment line now and then.
    idle_ms: int = 60_000
    download_bytes_max: int = 512 * 1024 * 1024

    # One visitor's exchanges with all APIs of this process, streams included; more wait for a moment.
    visitor_open_max: int = 16
    visitor_waiting_max: int = 64
    visitor_wait_ms: int = 2000
    # Those of everybody, by fragment.
    open_max: int = 512

    query_bytes_max: int = 8192

    # A form, its fields' names and words; also those beside files.
    form_bytes_max: int = 16 * 1024
    form_parts_max: int = 64
    form_name_chars_max: int = 255
    # A form with files is read whole before anybody is called: one file, and all that comes at once.
    form_file_bytes_max: int = 8 * 1024 * 1024
    form_files_bytes_max: int = 8 * 1024 * 1024 + 64 * 1024
    # Those of everybody in this process; more wait for a moment.
    form_files_open_max: int = 8
    form_files_waiting_max: int = 16
    form_files_wait_ms: int = 2000
    # Of a body that is refused unread, this much is still received, so that the browser gets to read the answer.
    form_passed_by_bytes_max: int = 64 * 1024 * 1024
