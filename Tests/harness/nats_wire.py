"""A NATS client that knows nothing: it sends the bytes it is told to and compares what comes back."""

import contextlib
import json
import socket
import time

VIOLATION = "-ERR 'Authorization Violation'\r\n"


def violation(what: str) -> str:
    """The line that tells a client of what it may not do."""
    return f"-ERR 'Permissions Violation for {what}'\r\n"


class Wire:
    """One TCP connection. After connecting, the server's INFO has been read."""

    def __init__(self, port: int, timeout: float = 5.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""
        self.info_line = self.line()
        self.info = json.loads(self.info_line[5:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, text) -> "Wire":
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        return self

    def connect(self, **options) -> "Wire":
        """CONNECT, quiet unless the options say otherwise, and a round trip."""
        options = {"verbose": False, "pedantic": False, **options}
        self.send(f"CONNECT {json.dumps(options)}\r\nPING\r\n")
        expected = "+OK\r\nPONG\r\n" if options["verbose"] else "PONG\r\n"
        self.expect(expected)
        if options.get("protocol") == 1:
            self.later_info = json.loads(self.line()[5:])
        return self

    def more(self) -> bool:
        """Waits for bytes; False at the end of the stream."""
        try:
            received = self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            received = b""
        self.held += received
        return bool(received)

    def line(self) -> bytes:
        """The next line with its end."""
        self._answer_pings()
        while b"\n" not in self.held:
            if not self.more():
                raise AssertionError(f"closed in the middle of a line: {self.held!r}")
        end = self.held.index(b"\n") + 1
        line, self.held = self.held[:end], self.held[end:]
        return line

    def _answer_pings(self):
        """The server asks, two seconds after CONNECT for the first time, whether the client is there."""
        while True:
            while b"PING\r\n".startswith(self.held[:6]) and len(self.held) < 6:
                if not self.more():
                    return
            if not self.held.startswith(b"PING\r\n"):
                return
            self.held = self.held[6:]
            self.send("PONG\r\n")

    def take(self, count: int) -> bytes:
        """The next bytes, fewer only at the end of the stream."""
        while len(self.held) < count and self.more():
            pass
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def expect(self, expected) -> "Wire":
        """The next bytes are exactly these."""
        expected = expected if isinstance(expected, bytes) else expected.encode()
        received = []
        # The server may ask between any two lines.
        for line in expected.splitlines(keepends=True):
            self._answer_pings()
            received.append(self.take(len(line)))
            if received[-1] != line:
                received.append(self.held)
                break
        assert b"".join(received) == expected
        return self

    def expect_nothing_more(self) -> "Wire":
        """A round trip shows that the server has sent nothing else, but for a PING of its own."""
        return self.send("PING\r\n").expect("PONG\r\n")

    def expect_closed(self, last="") -> "Wire":
        """These last bytes, but for the server's PINGs, then the end of the stream."""
        last = last if isinstance(last, bytes) else last.encode()
        while self.more():
            pass
        assert b"".join(line for line in self.held.splitlines(keepends=True) if line != b"PING\r\n") == last
        return self

    def message(self):
        """The next MSG or HMSG as (subject, sid, reply, headers, payload)."""
        verb, *arguments = self.line().split()
        assert verb in (b"MSG", b"HMSG"), (verb, arguments)
        header_count = int(arguments.pop(-2)) if verb == b"HMSG" else 0
        body = self.take(int(arguments.pop()))
        self.expect("\r\n")
        subject, sid = arguments[:2]
        reply = arguments[2].decode() if len(arguments) > 2 else None
        return (subject.decode(), sid.decode(), reply, body[:header_count], body[header_count:])

    def request(self, subject: str, payload=b"", headers=b"") -> tuple:
        """Publishes with a fresh inbox and returns the first answer, as `message` does."""
        payload = payload if isinstance(payload, bytes) else payload.encode()
        inbox = f"_INBOX.{time.monotonic_ns()}"
        self.send(f"SUB {inbox} {inbox}\r\nUNSUB {inbox} 1\r\n")
        self.publish(subject, payload, reply=inbox, headers=headers)
        return self.message()

    def publish(self, subject: str, payload=b"", reply=None, headers=b"") -> "Wire":
        payload = payload if isinstance(payload, bytes) else payload.encode()
        target = f"{subject} {reply}" if reply else subject
        if headers:
            head = f"HPUB {target} {len(headers)} {len(headers) + len(payload)}\r\n".encode()
        else:
            head = f"PUB {target} {len(payload)}\r\n".encode()
        return self.send(head + headers + payload + b"\r\n")

    def api(self, subject: str, request=None) -> dict:
        """One JetStream API request; the answer's JSON."""
        answer = self.request(f"$JS.API.{subject}", json.dumps(request) if request is not None else b"")
        assert answer[4], f"no JSON in the answer to {subject}: {answer}"
        return json.loads(answer[4])

    def make_stream(self, name: str, **config) -> dict:
        """Makes a stream, on `<name>.>` unless the configuration says otherwise; the answer."""
        answer = self.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **config})
        assert "error" not in answer, answer
        return answer


@contextlib.contextmanager
def opened_wires():
    """What opens a `Wire` to a port; all of them are closed in the end."""
    with contextlib.ExitStack() as opened:
        yield lambda port, **options: opened.enter_context(Wire(port, **options))


def header_block(*lines: str, status: str = "") -> bytes:
    """A NATS header block of these `Name: value` lines."""
    first = f"NATS/1.0{' ' + status if status else ''}\r\n"
    return (first + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode()
