"""Lines at the edge of the protocol: what is answered, and whether it ends the connection. Each case runs against
nats-server too, so the table is what nats-server 2.15 does."""

import pytest

QUIET = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
HEADERS = 'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n'
ROUND = "PING\r\n"
UNKNOWN = "-ERR 'Unknown Protocol Operation'\r\n"
LINE = "-ERR 'maximum control line exceeded'\r\n"
PAYLOAD = "-ERR 'Maximum Payload Violation'\r\n"
SUBJECT = "-ERR 'Invalid Subject'\r\n"

CLOSED = [
    # what is sent, the last words
    (QUIET + "FOO\r\n", UNKNOWN),
    (QUIET + "\r\n", UNKNOWN),
    (QUIET + " PING\r\n", UNKNOWN),
    (QUIET + "SUB\r\n", UNKNOWN),
    (QUIET + "PUB\r\n", UNKNOWN),
    (QUIET + "UNSUB\r\n", UNKNOWN),
    (QUIET + "MSG a 1 0\r\n\r\n", UNKNOWN),
    (QUIET + "RS+ a\r\n", UNKNOWN),
    (QUIET + "LS+ a\r\n", UNKNOWN),
    (QUIET + "A+ a\r\n", UNKNOWN),
    (QUIET + "PUB a 2\r\nabXX", UNKNOWN),
    (QUIET + "PUB a 2\r\nab\nX", UNKNOWN),
    (QUIET + "SUB a\r\n", ""),
    (QUIET + "SUB a b c d\r\n", ""),
    (QUIET + "PUB \r\n", ""),
    (QUIET + "PUB a\r\n", ""),
    (QUIET + "PUB a b c 1\r\n", ""),
    (QUIET + "PUB a +1\r\n", ""),
    (QUIET + "PUB a -1\r\n", ""),
    (QUIET + "PUB a 1234567890\r\n", ""),
    (QUIET + "UNSUB 1 2 3\r\n", ""),
    (QUIET + "HPUB a 0 0\r\n\r\n", ""),
    (HEADERS + "HPUB a 5 3\r\nabcde\r\n", ""),
    (HEADERS + "HPUB a 5\r\nabcde\r\n", ""),
    (QUIET + "-ERR 'x'\r\n", ""),
    ("CONNECT {x\r\n", ""),
    ("CONNECT []\r\n", ""),
    ("CONNECT\r\n", ""),
    ("CONNECT \r\n", ""),
    ("CONNECTED {}\r\n", ""),
    ('CONNECT {"protocol":"1"}\r\n', ""),
    ('CONNECT {"name":1}\r\n', ""),
    ('CONNECT {"verbose":"no"}\r\n', ""),
    ('CONNECT {"protocol":2}\r\n', "-ERR 'invalid client protocol'\r\n"),
    ('CONNECT {"protocol":-1}\r\n', "-ERR 'invalid client protocol'\r\n"),
    ('CONNECT {"no_responders":true}\r\n', "-ERR 'no responders requires headers support'\r\n"),
    ('CONNECT {"account":"x"}\r\n', "-ERR 'Authorization Violation'\r\n"),
    ('CONNECT {"new_account":true}\r\n', "-ERR 'Authorization Violation'\r\n"),
    (QUIET + "SUB " + "a" * 5000 + " 1\r\n", LINE),
    (QUIET + "SUB " + "a" * 5000, LINE),
    (QUIET + "PUB " + "a" * 5000 + " 0\r\n\r\n", LINE),
    ("CONNECT {" + " " * 5000 + "}\r\n", LINE),
    (QUIET + "PUB a 2000000\r\n", PAYLOAD),
    (HEADERS + "HPUB a 12 2000000\r\n", PAYLOAD),
]

OPEN = [
    # what is sent, what is answered
    (QUIET + "INFO {}\r\n+OK\r\n+OK whatever\r\n" + ROUND, "PONG\r\n"),
    ("CONNECT null\r\n" + ROUND, "+OK\r\nPONG\r\n"),
    ("CONNECT {}\r\n" + ROUND, "+OK\r\nPONG\r\n"),
    ('CONNECT {"unknown":[1,{"a":null}],"verbose":false}\r\n' + ROUND, "PONG\r\n"),
    ('CONNECT {"tls_required":true,"verbose":false}\r\n' + ROUND, "PONG\r\n"),
    ('CONNECT{"verbose":false}\r\n' + ROUND, "PONG\r\n"),
    ("SUB a 1\r\n" + ROUND, "+OK\r\nPONG\r\n"),
    ('connect {"verbose":false}\r\nping\r\nsub a 1\r\npub a 1\r\nx\r\n', "PONG\r\nMSG a 1 1\r\nx\r\n"),
    ('CONNECT {"verbose":false}\nPING\nSUB a 1\nPUB a 1\nx\r\n', "PONG\r\nMSG a 1 1\r\nx\r\n"),
    (QUIET + "SUB \t a  \t 1 \r\nPUB\ta\t 1 \r\nx\r\n", "MSG a 1 1\r\nx\r\n"),
    (QUIET + "PUB a b 001\r\nx\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "PING " + "x" * 5000 + "\r\n", "PONG\r\n"),
    (QUIET + "PINGS\r\n", "PONG\r\n"),
    (QUIET + "SUB a 1\r\nUNSUB 1 -1\r\nPUB a 0\r\n\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "SUB a 1\r\nUNSUB 1 x\r\nPUB a 0\r\n\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "SUB a 1\r\nUNSUB 1 99999999999\r\nPUB a 0\r\n\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "UNSUB nobody\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "SUB a 1\r\n" + QUIET + "PUB a 0\r\n\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "SUB a..b 1\r\nSUB a.>.b 2\r\nSUB .a 3\r\nSUB a. 4\r\n" + ROUND, SUBJECT * 4 + "PONG\r\n"),
    (QUIET + "SUB a 1\r\nSUB x..y 1\r\n" + ROUND, "PONG\r\n"),
    (QUIET + "SUB a 1\r\nSUB b 1\r\nPUB b 0\r\n\r\nPUB a 0\r\n\r\n", "MSG a 1 0\r\n\r\n"),
    (QUIET + "SUB a..b _sys_ 1\r\n",
     "-ERR 'Permissions Violation for Subscription to \"a..b\" using queue \"_sys_\"'\r\n"),
    (QUIET + "PUB $GR.x 0\r\n\r\nPUB $NRG.x 0\r\n\r\nPUB _GR_.x 0\r\n\r\n",
     "-ERR 'Permissions Violation for Publish to \"$GR.x\"'\r\n"
     "-ERR 'Permissions Violation for Publish to \"$NRG.x\"'\r\n"
     "-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n"),
    (QUIET + "PUB a $JS.ACK.x 0\r\n\r\n" + ROUND,
     "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.x\"'\r\nPONG\r\n"),
    ('CONNECT {"verbose":true,"pedantic":true}\r\nSUB p.* 1\r\nPUB p.* 1\r\nx\r\n' + ROUND,
     "+OK\r\n+OK\r\n-ERR 'Invalid Publish Subject'\r\n+OK\r\nMSG p.* 1 1\r\nx\r\nPONG\r\n"),
    ('CONNECT {"verbose":true}\r\nPUB $GR.x 0\r\n\r\n',
     "+OK\r\n-ERR 'Permissions Violation for Publish to \"$GR.x\"'\r\n"),
    (HEADERS + "SUB h 1\r\nHPUB h 0 2\r\nhi\r\n", "MSG h 1 2\r\nhi\r\n"),
    (HEADERS + "SUB h 1\r\nHPUB h 12 12\r\nNATS/1.0\r\n\r\n\r\n", "HMSG h 1 12 12\r\nNATS/1.0\r\n\r\n\r\n"),
]


@pytest.mark.parametrize("sent, last", CLOSED, ids=[repr(sent[-40:]) for sent, _ in CLOSED])
def test_a_line_that_ends_the_connection(wire, sent, last):
    wire(connect=False).send(sent).expect_closed(last)


@pytest.mark.parametrize("sent, answer", OPEN, ids=[repr(sent[-40:]) for sent, _ in OPEN])
def test_a_line_that_leaves_the_connection_open(wire, sent, answer):
    wire(connect=False).send(sent).expect(answer).expect_nothing_more()


# nats-server tells a pedantic client twice of a subject whose message comes in pieces.
IN_PIECES = [sent for sent, answer in OPEN if "Invalid Publish" not in answer]


@pytest.mark.parametrize("sent", IN_PIECES, ids=[repr(sent[-40:]) for sent in IN_PIECES])
def test_a_byte_at_a_time_it_is_the_same(wire, sent):
    if len(sent) > 1000:
        sent = sent.replace("x" * 5000, "x" * 50)
    answer = dict(OPEN).get(sent, "PONG\r\n")
    client = wire(connect=False)
    for index in range(len(sent)):
        client.send(sent[index])
    client.expect(answer).expect_nothing_more()


class TestInfo:
    def test_the_second_info_follows_the_first_pong(self, wire):
        client = wire(connect=False).send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\nPING\r\n')
        client.expect("PONG\r\n")
        later = client.line()
        assert later.startswith(b"INFO {") and later.endswith(b"} \r\n")
        assert b'"connect_info":true' in later and b'"remote_account":"$G"' in later
        client.expect("PONG\r\n").expect_nothing_more()

    def test_a_client_of_the_first_protocol_gets_one_info(self, wire):
        wire(connect=False).send('CONNECT {"verbose":false}\r\nPING\r\n').expect("PONG\r\n").expect_nothing_more()

    def test_the_fields_and_their_types(self, wire):
        info = wire(protocol=1).info
        types = {"server_id": str, "server_name": str, "version": str, "proto": int, "go": str, "host": str,
                 "port": int, "headers": bool, "max_payload": int, "client_id": int, "client_ip": str, "api_lvl": int,
                 "jetstream": bool}
        for field, kind in types.items():
            assert type(info[field]) is kind, field
        assert len(info["server_id"]) == 56 and info["proto"] == 1
