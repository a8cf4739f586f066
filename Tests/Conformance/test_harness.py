"""What the tests share notices what it is there to notice."""

import socket
import threading

import pytest

from harness.nats_wire import Wire
from harness.waiting import until


class Speaker:
    """Says INFO and a text to one client, hears it out, and goes."""

    def __init__(self, text: str):
        self.text, self.heard = text, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.wire = Wire(self.listener.getsockname()[1])

    def run(self):
        connection, _ = self.listener.accept()
        with connection, self.listener:
            connection.sendall(f"INFO {{}}\r\n{self.text}".encode())
            connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(1 << 16):
                self.heard += more

    def end(self) -> bytes:
        self.wire.close()
        self.thread.join()
        return self.heard


@pytest.fixture
def says():
    speakers = []

    def say(text) -> Speaker:
        speakers.append(Speaker(text))
        return speakers[-1]

    yield say
    for speaker in speakers:
        speaker.end()


MESSAGE = "MSG a 1 2\r\nhi\r\n"


class TestWire:
    @pytest.mark.parametrize("text", [MESSAGE + "PONG\r\n", "PING\r\n" + MESSAGE + "PING\r\nPING\r\nPONG\r\n"])
    def test_the_server_may_ask_between_two_lines_and_is_answered(self, says, text):
        speaker = says(text)
        speaker.wire.expect(MESSAGE + "PONG\r\n")
        assert speaker.end() == b"PONG\r\n" * text.count("PING")

    @pytest.mark.parametrize("text", ["", "MSG a 1 2\r\n", "MSG a 1 2\r\nho\r\n", "+OK\r\n" + MESSAGE, "MSG b 1 2\r\nhi\r\n"])
    def test_other_bytes_are_noticed(self, says, text):
        with pytest.raises(AssertionError):
            says(text).wire.expect(MESSAGE)

    def test_something_more_is_noticed(self, says):
        with pytest.raises(AssertionError):
            says(MESSAGE + "PONG\r\n").wire.expect_nothing_more()

    @pytest.mark.parametrize("text", ["-ERR 'x'\r\n", "PING\r\n-ERR 'x'\r\n"])
    def test_the_last_bytes_are_those_before_the_end(self, says, text):
        says(text).wire.expect_closed("-ERR 'x'\r\n")

    @pytest.mark.parametrize("text", ["", "-ERR 'y'\r\n", "+OK\r\n-ERR 'x'\r\n", "-ERR 'x'\r\nPONG\r\n"])
    def test_other_last_bytes_are_noticed(self, says, text):
        with pytest.raises(AssertionError):
            says(text).wire.expect_closed("-ERR 'x'\r\n")


def test_what_never_holds_is_no_longer_waited_for():
    with pytest.raises(AssertionError, match="still night"):
        until(lambda: False, 0.1, lambda: "still night")
