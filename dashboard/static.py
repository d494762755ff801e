"""Static files, read and compressed once: our assets and what Dash's packages ship for the browser."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

#: A year (RFC 9111 calls more pointless): for files whose URL changes with their content.
FOREVER = "public, max-age=31536000, immutable"
#: For everything else: keep it, but ask first whether it is still the same.
ASK = "no-cache"
#: Bytes below which gzip's own header eats the gain.
SMALL = 600
GZIP_LEVEL = 9
TEXTS = ("text/", "application/javascript", "application/json", "image/svg+xml")
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".woff2": "font/woff2",
    ".map": "application/json",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent."""

    #: media type
    media_type: str
    #: the bytes
    plain: bytes
    #: the same, gzipped; None where that does not pay
    zipped: bytes | None
    #: strong validator, quoted
    etag: str


def pack(data: bytes, media_type: str, level: int = GZIP_LEVEL) -> StaticFile:
    """Compress `data` and name it by its hash."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    zipped = None
    if len(data) >= SMALL and media_type.startswith(TEXTS):
        zipped = gzip.compress(data, level, mtime=0)
    return StaticFile(media_type, data, zipped, etag)


def media_type_of(name: str) -> str:
    """Media type by the end of a file's name."""
    return TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def respond(request_headers: Headers, file: StaticFile, cache: str) -> Response:
    """The answer to a GET: 304 where the browser has it, gzipped where it may be."""
    headers = {"ETag": file.etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if file.etag in request_headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if file.zipped is not None and "gzip" in request_headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.zipped, media_type=file.media_type, headers=headers)
    return Response(file.plain, media_type=file.media_type, headers=headers)


class Shelf:
    """Files by name, each read and compressed at its first use, away from the event loop."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._files: dict[str, StaticFile | None] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str) -> StaticFile | None:
        """The file called `name`; None where there is none."""
        if name not in self._files:
            async with self._lock:
                if name not in self._files:
                    self._files[name] = await asyncio.to_thread(self._load, name)
        return self._files[name]

    def _load(self, name: str) -> StaticFile | None:
        data = self._read(name)
        return None if data is None else pack(data, media_type_of(name))


def folder_reader(folder: Path) -> Callable[[str], bytes | None]:
    """Reads files of `folder` that were there at the call: names are looked up, never joined to a path."""
    known = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return lambda name: known[name].read_bytes() if name in known else None


def package_reader(package: str) -> Callable[[str], bytes | None]:
    """Reads files inside a Python package; the caller checks that a name may be served."""
    return lambda name: pkgutil.get_data(package, name)


async def serve_shelf(request: Request, shelf: Shelf, name: str, cache: str) -> Response:
    """`name` from the shelf, or 404."""
    file = await shelf.get(name)
    return Response("Not Found", status_code=404) if file is None else respond(request.headers, file, cache)
