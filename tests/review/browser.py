"""A headless Chromium, driven through its debugging pipe with real keys: no package is needed for it."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_PATIENCE = 20.0  # seconds


class Browser:
    """One page of a browser that has no network."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        theirs, self._out = os.pipe()
        self._in, ours = os.pipe()
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ]  # fmt: skip

        pipes = f"3</proc/self/fd/{theirs} 4>/proc/self/fd/{ours}"  # where Chromium expects them
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" {pipes}', "sh", *command],
            stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=(theirs, ours),
        )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        self._number, self._rest, self.events = 0, b"", list[dict[str, Any]]()
        self._session: str | None = None
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        number = self._send(method, params)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") == "Page.javascriptDialogOpening":  # the page asks before it loses decisions
                self._send("Page.handleJavaScriptDialog", {"accept": True})
            self.events.append(answer)

    def _send(self, method: str, params: dict[str, Any]) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._number

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], _PATIENCE)[0], "the browser does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser went away"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def open(self, path: Path) -> None:
        """Open a file and wait until it has run."""
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def ask(self, expression: str) -> Any:
        """Return the value of an expression."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.ask(expression):
            assert time.monotonic() < end, f"never came true: {expression}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys as a person does."""
        for key in keys:
            named = {"Tab": 9, "Escape": 27, "Enter": 13, "ArrowRight": 39}
            code = named.get(key, ord(key[0].upper()))
            text = {} if key in named and key != "Enter" else {"text": "\r" if key == "Enter" else key}
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """Return what the browser logged: exceptions, refused scripts and styles, requests beyond the file."""
        said = [e["params"]["entry"]["text"] for e in self.events if e.get("method") == "Log.entryAdded"]
        said += ["exception" for e in self.events if e.get("method") == "Runtime.exceptionThrown"]
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return said + [url for url in urls if not url.startswith(("file:", "blob:file:", "blob:null"))]
