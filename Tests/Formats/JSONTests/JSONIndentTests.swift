import JSON
import Testing

@Suite struct JSONIndentTests {
    @Test(arguments: [
        ("{}", "{}"), ("[]", "[]"), ("1", "1"),
        (#"{"a":1,"b":[1,2],"c":{}}"#, "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}"),
        (#"{"a":"x{,:[\"]}"}"#, "{\n  \"a\": \"x{,:[\\\"]}\"\n}"),
        (#"["\\",[[]]]"#, "[\n  \"\\\\\",\n  [\n    []\n  ]\n]"),
    ])
    func `JSON is laid out as Go lays it out`(compact: String, indented: String) throws {
        let text = JSONIndent.indented(Array(compact.utf8))
        #expect(String(decoding: text, as: UTF8.self) == indented)
        #expect(try JSONValue.parse(text.span.bytes) == JSONValue.parse(Array(compact.utf8).span.bytes))
    }
}
