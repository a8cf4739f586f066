import Bytes
import NATSProtocol
import Testing

/// What a parser made of some bytes, as text that owns itself.
struct Parsed: Equatable {
    var command: ClientCommand
    var pieces: [String]

    init(_ command: ClientCommand, _ pieces: String...) {
        self.command = command
        self.pieces = pieces
    }
}

func parse(_ text: String, headers: Bool = true, controlLine: Int = 4096) -> [Parsed] {
    parse(Array(text.utf8), headers: headers, controlLine: controlLine)
}

/// All commands in `bytes`, up to the first that is not complete or not valid.
func parse(_ bytes: [UInt8], headers: Bool = true, controlLine: Int = 4096) -> [Parsed] {
    var parser = ClientParser(maximumControlLine: controlLine, maximumPayload: 1024)
    parser.allowsHeaders = headers
    var all: [Parsed] = []
    var position = 0
    let span = bytes.span.bytes
    func piece(_ range: ByteRange) -> String {
        String(decoding: bytes[range.start..<range.end], as: UTF8.self)
    }
    while true {
        let command = parser.next(span, at: position)
        var parsed = Parsed(command)
        switch command {
        case .publish:
            let payload = parser.payloadStart..<parser.payloadStart + parser.totalByteCount
            parsed.pieces = [
                piece(parser.subject), piece(parser.reply), "\(parser.headerByteCount)",
                String(decoding: bytes[payload], as: UTF8.self),
                parser.isCanonical ? "canonical" : "loose",
            ]
        case .subscribe:
            parsed.pieces = [piece(parser.subject), piece(parser.queue), piece(parser.sid)]
        case .unsubscribe: parsed.pieces = [piece(parser.sid), "\(parser.maximum)"]
        case .connect: parsed.pieces = [piece(parser.argument)]
        default: break
        }
        all.append(parsed)
        switch command {
        case .publish, .subscribe, .unsubscribe, .connect, .ping, .pong, .ignored:
            position = parser.end
        default: return all
        }
    }
}

/// NATS client protocol, framing.
@Suite struct ClientParserTests {
    @Test func `commands follow each other`() {
        let text =
            "CONNECT {\"verbose\":false}\r\nPING\r\nPUB a.b 2\r\nhi\r\nPUB a r 0\r\n\r\n"
            + "HPUB h 12 14\r\nNATS/1.0\r\n\r\nok\r\nSUB x 1\r\nSUB x q 2\r\nUNSUB 1\r\nUNSUB 2 5\r\nPONG\r\n"
        #expect(
            parse(text) == [
                Parsed(.connect, "{\"verbose\":false}"), Parsed(.ping),
                Parsed(.publish, "a.b", "", "0", "hi", "canonical"),
                Parsed(.publish, "a", "r", "0", "", "canonical"),
                Parsed(.publish, "h", "", "12", "NATS/1.0\r\n\r\nok", "canonical"),
                Parsed(.subscribe, "x", "", "1"), Parsed(.subscribe, "x", "q", "2"),
                Parsed(.unsubscribe, "1", "0"), Parsed(.unsubscribe, "2", "5"), Parsed(.pong),
                Parsed(.incomplete),
            ])
    }

    @Test func `verbs know no case and lines may end in a bare line feed`() {
        #expect(parse("ping\n").first == Parsed(.ping))
        #expect(parse("pUb a 1\nx\r\n").first == Parsed(.publish, "a", "", "0", "x", "loose"))
        #expect(parse("sub a 1\n").first == Parsed(.subscribe, "a", "", "1"))
    }

    @Test func `arguments may be parted by runs of spaces and tabs`() {
        for line in ["PUB  a 1", "PUB a  1", "PUB a\t1", "PUB a 1 ", "PUB a 01", "PUB\ta r  1"] {
            let first = parse(line + "\r\nx\r\n").first
            #expect(first?.command == .publish, "\(line)")
            #expect(first?.pieces[3] == "x", "\(line)")
        }
        #expect(parse("PUB a  1\r\nx\r\n")[0].pieces[4] == "loose")
        #expect(parse("PUB a\t1\r\nx\r\n")[0].pieces[4] == "loose")
        #expect(parse("PUB a 1 \r\nx\r\n")[0].pieces[4] == "loose")
        #expect(parse("PUB a 01\r\nx\r\n")[0].pieces[4] == "loose")
        #expect(parse("HPUB a 02 2\r\nxx\r\n")[0].pieces[4] == "loose")
    }

    @Test(arguments: [
        "\r\n", "FOO\r\n", "MSG a 1 0\r\n", "PUBa 1\r\n", "PX", "R", "L", "A", "SUBX a 1\r\n", "\n",
    ])
    func `what is no client's verb is an unknown operation, as soon as it can be seen`(text: String)
    {
        #expect(parse(text) == [Parsed(.unknownOperation)])
    }

    @Test func `a payload must be followed by CRLF`() {
        #expect(parse("PUB a 1\r\nxy\r\n") == [Parsed(.unknownOperation)])
        #expect(parse("PUB a 1\r\nx\n\n") == [Parsed(.unknownOperation)])
    }

    @Test(arguments: [
        "PUB a\r\n", "PUB\t\r\n", "PUB a b c 1\r\n", "PUB a x\r\n", "PUB a -1\r\n",
        "PUB a 1234567890\r\n",
        "HPUB a 5\r\n", "HPUB a 5 4\r\n", "HPUB a r 1 x\r\n", "SUB a\r\n", "SUB a b c d\r\n",
        "UNSUB \r\n",
        "UNSUB 1 2 3\r\n", "-ERR 'x'\r\n",
    ])
    func `a wrong number of arguments or a bad size ends without a word`(text: String) {
        #expect(parse(text) == [Parsed(.badArguments)])
    }

    @Test func `headers need a client that announced them`() {
        #expect(parse("HPUB a 0 0\r\n\r\n", headers: false) == [Parsed(.badArguments)])
    }

    @Test func `any byte at any place of a line is read as in a line in lower case, byte by byte`() {
        let line = Array("PUB subject.of.some.length _INBOX.and.reply 3\r\nxyz\r\n".utf8)
        for place in 4..<line.count - 5 {
            for byte in UInt8.min ... .max {
                var quick = line
                quick[place] = byte
                var slow = quick
                slow[0] = UInt8(ascii: "p")
                #expect(parse(quick) == parse(slow), "byte \(byte) at \(place)")
            }
        }
    }

    @Test func `a payload above the maximum is refused before it has come`() {
        #expect(parse("PUB a 1025\r\n") == [Parsed(.payloadTooLarge)])
        #expect(parse("HPUB a 1 1025\r\n") == [Parsed(.payloadTooLarge)])
        #expect(parse("PUB a 1024\r\n") == [Parsed(.incomplete)])
    }

    @Test func `the control line's limit counts the arguments only`() {
        let subject = String(repeating: "s", count: 18)
        #expect(parse("PUB \(subject) 1\r\nx\r\n", controlLine: 20).first?.command == .publish)
        #expect(
            parse("PUB \(subject)s 1\r\nx\r\n", controlLine: 20) == [Parsed(.controlLineTooLong)])
        #expect(parse("PUB \(subject)sss", controlLine: 20) == [Parsed(.controlLineTooLong)])
        #expect(
            parse("CONNECT {\(subject)}  \r\n", controlLine: 20) == [Parsed(.controlLineTooLong)])
        #expect(parse("CONNECT {\(subject)sss", controlLine: 20) == [Parsed(.controlLineTooLong)])
        #expect(parse("PING\(subject)\(subject)", controlLine: 20) == [Parsed(.controlLineTooLong)])
    }

    @Test func `INFO and +OK are passed over, an UNSUB maximum that is no number is none`() {
        #expect(parse("INFO {}\r\n+OK\r\n").map(\.command) == [.ignored, .ignored, .incomplete])
        #expect(parse("UNSUB 1 x\r\n").first == Parsed(.unsubscribe, "1", "0"))
    }

    @Test func `bytes that come in any pieces give the same commands`() {
        let text = Array(
            "CONNECT {}\r\nHPUB h r 12 14\r\nNATS/1.0\r\n\r\nok\r\nSUB a q 7\r\nUNSUB 7 1\r\nPUB s 3\r\nabc\r\n+OK\r\n"
                .utf8)
        let whole = parse(text)
        for cut in 0..<text.count {
            // What the first piece gives is a beginning of the whole, and never an error.
            let part = parse(Array(text[..<cut]))
            #expect(part.last == Parsed(.incomplete))
            #expect(part.dropLast().elementsEqual(whole.prefix(part.count - 1)))
        }
    }

    @Test func `an incomplete publish says where it will end`() {
        var parser = ClientParser()
        let bytes = Array("PUB a 5\r\nab".utf8)
        let command = parser.next(bytes.span.bytes, at: 0)
        #expect(command == .incomplete)
        #expect(parser.end == "PUB a 5\r\nabcde\r\n".utf8.count)
    }

    /// Letters that matter to the parser, in any order: it must stay inside the bytes and always
    /// come to an end.
    @Test(arguments: 0..<20)
    func `hostile bytes are read to an end`(seed: Int) {
        var state = UInt64(seed &* 7919 &+ 1)
        let letters = Array("PUBHSNGIOCEKRT+- \t\r\n0129>*.{}a".utf8)
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(letters[Int(state >> 33) % letters.count])
            }
            if state & 1 == 0 { bytes = Array("PUB a 3\r\nabc\r\n".utf8) + bytes }
            let all = parse(bytes, controlLine: 16)
            #expect(all.count <= bytes.count + 1)
        }
    }
}
