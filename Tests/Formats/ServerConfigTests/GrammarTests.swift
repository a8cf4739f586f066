import ServerConfig
import Testing

/// Each case was asked of nats-server 2.15.1 with `-t`, whose digest is taken of the same JSON, unless it says otherwise.
struct GrammarTests {
    @Test(arguments: [
        ("a = 1", #"{"a":1}"#), ("a: 1", #"{"a":1}"#), ("a 1", #"{"a":1}"#), ("a=1;b=2,c=3\nd=4", #"{"a":1,"b":2,"c":3,"d":4}"#),
        ("a {b 1}", #"{"a":{"b":1}}"#), ("a = {b: 1, c: 2}", #"{"a":{"b":1,"c":2}}"#), ("a {\n b 1\n c 2;\n}", #"{"a":{"b":1,"c":2}}"#),
        ("a [1, 2]", #"{"a":[1,2]}"#), ("a [\n1\n2\n]", #"{"a":[1,2]}"#), ("a [ x, y, ]", #"{"a":["x","y"]}"#),
        ("{\"a\": 1, \"b\": {\"c\": [true, \"x\"]}}", #"{"a":1,"b":{"c":[true,"x"]}}"#), ("{\n\"a\": 1,\n}\n", #"{"a":1}"#),
        ("'a b' = 1\n\"c d\": 2", #"{"a b":1,"c d":2}"#), ("a\n=\n1", "x.conf:2:2: expected a value for \"a\", but got the end of the line"),
        ("a = 1\na = 2", #"{"a":2}"#), ("a{b 1", #"{"a{b":1}"#),
    ])
    func `separators, maps, arrays and JSON`(_ text: String, _ expected: String) {
        #expect(meaning(text) == expected)
    }

    @Test(arguments: [
        ("a = 1 # one\nb = 2 // two\n# three\n// four\n", #"{"a":1,"b":2}"#), ("a { # x\n b 1 // y\n # z\n}", #"{"a":{"b":1}}"#),
        ("a [ # x\n 1 # y\n // z\n 2 ]", #"{"a":[1,2]}"#), ("a = b//c", #"{"a":"b//c"}"#), ("a = b#c", #"{"a":"b#c"}"#),
        ("a = nats://u:p@h:1", #"{"a":"nats://u:p@h:1"}"#),
    ])
    func `comments end with their line and begin behind a blank`(_ text: String, _ expected: String) {
        #expect(meaning(text) == expected)
    }

    @Test(arguments: [
        ("8k", "8000"), ("8K", "8000"), ("4kb", "4096"), ("4KiB", "4096"), ("4ki", "4096"), ("1m", "1000000"), ("2MB", "2097152"),
        ("2g", "2000000000"), ("22GB", "23622320128"), ("1t", "1000000000000"), ("1tib", "1099511627776"), ("1p", "1000000000000000"),
        ("1e", "1000000000000000000"), ("1eb", "1152921504606846976"), ("-5", "-5"), ("-1k", "-1000"), ("0", "0"), ("007", "7"),
        ("2.5", "2.5"), ("-1.5", "-1.5"), ("2.0", "2"), ("0.00001", "0.00001"),
        ("true", "true"), ("TRUE", "true"), ("Yes", "true"), ("on", "true"), ("false", "false"), ("no", "false"), ("OFF", "false"),
        ("2016-05-04T18:53:41Z", #""2016-05-04T18:53:41Z""#),
    ])
    func `numbers, booleans and dates`(_ text: String, _ expected: String) {
        #expect(meaning("a = \(text)\n") == "{\"a\":\(expected)}")
    }

    @Test(arguments: [
        "5s", "1.5.2", "127.0.0.1:4222", "10.0.0.1", "1kx", "12abc", "1ms", "2h45m", "1e3", "12:34", "1/2", "0x10", "truex", "a$b",
        "1_000", "5b", "*", "a.b.>", "@", "%d", "50%", "é", "::1",
        // nats-server refuses these; there is nothing else that they could mean.
        "1.5s", "1.2.3.4/24", "1.0.0-beta", "-5s", "2016-05-04", "2016-15-44T18:53:41Z",
    ])
    func `all other words are strings`(_ text: String) {
        #expect(meaning("a = \(text)\n") == "{\"a\":\"\(text.replacing(">", with: "\\u003e"))\"}")
    }

    @Test(arguments: [
        (#""a\x41\t\n\r\"\\""#, #""aA\t\n\r\"\\""#), (#"'a\n"b'"#, #""a\\n\"b""#), (#"a\x41b"#, #""aAb""#), ("\"\n\n\"", #""\n\n""#),
        ("''", #""""#), ("\"$x\"", #""$x""#), ("'$x'", #""$x""#), ("(\nabc\n)", #""\nabc\n""#), ("(abc\n)\n", #""abc\n""#),
        ("(\na (b)\n c)\n)", #""\na (b)\n c)\n""#), ("$2a$11$abc", #""$2a$11$abc""#), ("'true'", #""true""#), ("\"5\"", #""5""#),
    ])
    func `strings, escapes and blocks`(_ text: String, _ expected: String) {
        #expect(meaning("a = \(text)") == "{\"a\":\(expected)}")
    }

    @Test(arguments: [
        ("a = 1 b = 2", "x.conf:1:6: expected a value to end with ',' or a new line, but got 'b'"),
        ("a = {b 1", "x.conf:1:8: the end of the file in a map: '}' is missing"),
        ("a = [1", "x.conf:1:6: the end of the file in an array: ']' is missing"),
        ("\n a = [1,,2]", "x.conf:2:9: expected a value in an array, but got ','"),
        ("a = {b 1]}", "x.conf:1:8: expected a value to end with ',' or a new line, but got ']'"),
        ("a = \"b", "x.conf:1:4: a string without an end: \" is missing"), ("a = 'b", "x.conf:1:4: a string without an end: ' is missing"),
        ("a = (b", "x.conf:1:4: a block without an end: ) alone in a line is missing"),
        ("a = \"\\q\"", "x.conf:1:5: a backslash needs one of xXX, t, n, r, \" and \\ behind it"),
        ("a = \"\\x4\"", "x.conf:1:5: expected two hexadecimal digits after \\x"),
        ("= 1", "x.conf:1:0: expected a key, but got '='"), ("a", "x.conf:1:0: no value for \"a\""),
        ("a =\n1", "x.conf:1:3: expected a value for \"a\", but got the end of the line"),
        ("a = {b: }", "x.conf:1:8: expected a value for \"b\", but got '}'"),
        ("a = 99999999999999999999", "x.conf:1:4: integer '99999999999999999999' is out of the range"),
        ("a = 9223372036854775807k", "x.conf:1:4: integer '9223372036854775807k' is out of the range"),
        ("a = 1}\nb = 2", "x.conf:2:1: expected the end of the file after '}', but got 'b'"), ("a = b\0c", "x.conf:1:5: a zero byte"),
        ("{a: 1", "x.conf:1:5: the end of the file in a map: '}' is missing"),
        ("{a: 1\n", "x.conf:2:1: the end of the file in a map: '}' is missing"),
        ("{{a: 1}", "x.conf:1:1: expected a key, but got '{'"),
        ("a = it's", "x.conf:1:6: expected a value to end with ',' or a new line, but got '''"),
    ])
    func `an error names file, line and column`(_ text: String, _ expected: String) {
        #expect(meaning(text) == expected)
    }
}
