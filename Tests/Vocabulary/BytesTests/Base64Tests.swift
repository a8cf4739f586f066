import Bytes
import Testing

@Suite struct Base64Tests {
    /// Source: RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func `the RFC's test vectors`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test func `every byte comes back`() {
        let all = (0...255).map { UInt8($0) }
        for count in 0...256 {
            let text = Base64.encode(Array(all[..<count]))
            #expect(Base64.decode(text) == Array(all[..<count]))
            #expect(text.utf8.count == Base64.encodedByteCount(count))
        }
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "=", "====", "Z===", "Zg==Zg==",
        "Z-8=", "Zm 9",
    ])
    func `what an encoder never writes is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
