"""What a page does on a host, without the page: requests with cookies, and a realtime websocket.

Knows the addresses of the API and the frames of realtime/PROTOCOL.md; decides nothing. It tries no
second host, as a page would: who asks here wants to know whether this very host works.
"""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pycrdt
import requests
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

SYNC = 0
"""First byte of a binary frame about the document; the other kind is awareness."""


class Trouble(Exception):
    """A host did not do what a page needs; the text says in a few words what it did instead."""


class Visitor:
    """Someone with a browser: keeps cookies and the position, and trusts `ca_file` (None: the system's CAs)."""

    def __init__(self, page_url: str, ca_file: Path | None, seconds: float) -> None:
        self._page_url, self._ca_file, self._seconds = page_url, ca_file, seconds
        self._http = requests.Session()
        # Websockets know no proxies: a probe that goes through one half of the way says nothing.
        self._http.trust_env = False
        self._http.headers["Origin"] = self._http.headers["Referer"] = page_url
        paths = ssl.get_default_verify_paths()
        self._http.verify = str(
            ca_file or paths.cafile or paths.capath or requests.utils.DEFAULT_CA_BUNDLE_PATH
        )
        self.position = ""

    async def ask(self, method: str, url: str, expected: tuple[int, ...], **options: Any) -> Any:
        """The answer's JSON, None if it has no body. Raises Trouble unless its status is expected."""
        answer = await asyncio.to_thread(self._ask, method, url, options)
        if answer.status_code not in expected:
            raise Trouble(_refusal(answer))
        self.position = answer.headers.get("Firstbell-Position") or self.position
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise Trouble(f"answered {url} with something that is not JSON") from None

    def _ask(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        headers = {"Firstbell-Position": self.position, **options.pop("headers", {})}
        try:
            return self._http.request(
                method,
                url,
                headers=headers,
                timeout=self._seconds,
                allow_redirects=False,
                **options,
            )
        except requests.exceptions.RequestException as error:
            raise Trouble(why(error, self._seconds)) from None

    def carry(self, csrf_token: str) -> None:
        """Send the token that Django wants with everything that changes something."""
        self._http.headers["X-CSRFToken"] = csrf_token

    async def socket(self, public_url: str) -> "Socket":
        """A websocket to the host, opened as its pages do. Raises Trouble."""
        address = public_url.replace("http", "ws", 1) + "/rt/v1/socket"
        context = None
        if address.startswith("wss:"):
            context = ssl.create_default_context(cafile=self._ca_file)
        request = HTTPRequest(
            address,
            headers={"Origin": self._page_url},
            connect_timeout=self._seconds,
            request_timeout=self._seconds,
            ssl_options=context,
        )
        try:
            return Socket(await websocket_connect(request), self._seconds)
        except HTTPClientError as error:
            said = f"no websocket within {self._seconds:g} s"
            raise Trouble(said if error.code == 599 else f"answered HTTP {error.code}") from None
        except (OSError, WebSocketError) as error:
            raise Trouble(why(error, self._seconds)) from None


class Socket:
    """A realtime socket with the teaching session's document."""

    def __init__(self, connection: WebSocketClientConnection, seconds: float) -> None:
        self._connection, self._seconds = connection, seconds
        self.document: pycrdt.Doc = pycrdt.Doc()
        self.show: pycrdt.Map = self.document.get("show", type=pycrdt.Map)

    async def send(self, kind: str, **fields: Any) -> None:
        await self._write(json.dumps({"type": kind, **fields}))

    async def receive(self, kind: str) -> dict[str, Any]:
        """The next message of this kind. Raises Trouble when it is refused or nothing comes."""
        async with self._patience(f"no {kind}"):
            while True:
                frame = await self._read()
                if isinstance(frame, bytes):
                    await self._sync(frame)
                    continue
                message = json.loads(frame)
                if message["type"] == "error":
                    raise Trouble(f"refused: {message['code']}: {message['message']}")
                if message["type"] == kind:
                    return message

    async def hello(self, token: str) -> None:
        """Join the session that the role token names, and begin to compare documents."""
        await self.send("hello", protocol=1, token=token)
        await self.receive("welcome")
        await self._write(pycrdt.create_sync_message(self.document))

    async def change(self, **values: Any) -> None:
        """Change what is shown, in one update."""
        before = self.document.get_state()
        with self.document.transaction():
            for key, value in values.items():
                self.show[key] = value
        await self._write(pycrdt.create_update_message(self.document.get_update(before)))

    async def shows(self, key: str, value: Any) -> None:
        """Return when the document has this value. Raises Trouble if it does not come."""
        async with self._patience(f"the document did not come to {key}={value}"):
            while self.show.get(key) != value:
                frame = await self._read()
                if isinstance(frame, bytes):
                    await self._sync(frame)

    async def is_closed(self) -> int:
        """The code with which the host closes this socket. Raises Trouble if it stays open."""
        async with self._patience("the socket stayed open"):
            while await self._connection.read_message() is not None:
                pass
        return self._connection.close_code or 0

    def close(self) -> None:
        self._connection.close()

    async def _sync(self, frame: bytes) -> None:
        if frame[:1] != bytes([SYNC]):
            return
        reply = pycrdt.handle_sync_message(frame[1:], self.document)
        if reply is not None:
            await self._write(reply)

    async def _read(self) -> str | bytes:
        frame = await self._connection.read_message()
        if frame is None:
            raise Trouble(f"the socket was closed with {self._connection.close_code}")
        return frame

    async def _write(self, frame: str | bytes) -> None:
        try:
            await self._connection.write_message(frame, binary=isinstance(frame, bytes))
        except WebSocketError:
            raise Trouble(f"the socket was closed with {self._connection.close_code}") from None

    def _patience(self, what: str) -> "_Patience":
        return _Patience(self._seconds, what)


class _Patience:
    """`asyncio.timeout` that says what was waited for."""

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds, self._what = seconds, what

    async def __aenter__(self) -> None:
        self._timeout = asyncio.timeout(self._seconds)
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError:
            raise Trouble(f"{self._what} within {self._seconds:g} s") from None


def why(error: BaseException, seconds: float) -> str:
    """In a few words, from the exception that lies deepest in what requests or Tornado raised."""
    deepest = error
    while True:
        inner = getattr(deepest, "reason", None) or deepest.__cause__ or deepest.__context__
        if not isinstance(inner, BaseException):
            inner = next((one for one in deepest.args if isinstance(one, BaseException)), None)
        if inner is None or inner is deepest:
            break
        deepest = inner
    if isinstance(deepest, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {deepest.verify_message}"
    if isinstance(error, requests.Timeout) or isinstance(deepest, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(deepest, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(deepest, OSError) and deepest.strerror:
        return deepest.strerror
    return str(deepest) or type(deepest).__name__


def _refusal(answer: requests.Response) -> str:
    """What an API that says no said."""
    try:
        body = answer.json()
        return f"answered HTTP {answer.status_code} {body['code']}: {body['message']}"
    except (ValueError, KeyError, TypeError):
        return f"answered HTTP {answer.status_code}"
