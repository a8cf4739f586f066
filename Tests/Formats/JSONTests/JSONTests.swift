import JSON
import Testing

@Suite struct JSONTests {
    @Test func `a value comes back as it was written`() throws {
        let text =
            #"{"a":1,"b":[true,false,null,"x\n\"\\"],"c":{"d":18446744073709551615,"e":-12.5e3},"a":2}"#
        var writer = JSONWriter()
        writer.value(try JSONValue.parse(text))
        #expect(writer.text == text)
    }

    @Test func `integers keep all their bits`() throws {
        let value = try JSONValue.parse("[18446744073709551615,-9223372036854775808,1.5]")
        let elements = try #require(value.array)
        #expect(elements[0].integer(UInt64.self) == .max)
        #expect(elements[0].integer(Int64.self) == nil)
        #expect(elements[1].integer(Int64.self) == .min)
        #expect(elements[2].integer(Int.self) == nil)
        #expect(elements[2].double == 1.5)
    }

    @Test func `escapes become what they stand for`() throws {
        let value = try JSONValue.parse(#""\u0041\ud83d\ude00\ud83d \/\b\f\t""#)
        #expect(value == .string("A\u{1F600}\u{FFFD} /\u{8}\u{C}\t"))
    }

    @Test(arguments: [
        "", "{", "[1,", #"{"a" 1}"#, "01", "1.", "-", "1e", "tru", #""\x""#, "\"\u{1}\"", "[1]x", "nul",
        #"{"a":1,}"#, "[1 2]", #""\u12g4""#, #"{1:2}"#,
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue.parse(text) }
    }

    @Test func `invalid UTF-8 in a string is refused`() {
        let bytes: [UInt8] = [0x22, 0xFF, 0x22]
        #expect(throws: JSONError.badString(at: 0)) { try JSONValue.parse(bytes.span.bytes) }
    }

    @Test func `hostile nesting is refused before it can exhaust the stack`() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.tooDeep(at: JSONValue.depthLimit)) { try JSONValue.parse(text) }
    }
}
