import CTLSClient
import Glibc

/// A blocking TLS client, of OpenSSL.
final class TLSClient {
    let plain: Client
    private let raw: OpaquePointer

    /// Nil: the handshake failed. Goes on with `plain`, which may have read a greeting.
    init?(
        _ plain: Client, host: String? = "localhost", certificate: String? = nil,
        version: Int32 = 0, authority: String = "ca"
    ) {
        let files = TestCertificates.shared
        guard
            let raw = tls_client_open(
                plain.descriptor, host, files.file("\(authority).pem"),
                certificate.map { files.file("\($0).pem") },
                certificate.map { files.file("\($0).key") }, version)
        else { return nil }
        self.raw = raw
        self.plain = plain
    }

    deinit { tls_client_free(raw) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        if !bytes.isEmpty { _ = tls_client_write(raw, bytes, Int32(bytes.count)) }
    }

    /// At most `count` bytes; fewer at the end.
    func receive(_ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while all.count < count {
            let got = tls_client_read(raw, &buffer, Int32(min(buffer.count, count - all.count)))
            if got <= 0 { break }
            all += buffer[..<Int(got)]
        }
        return all
    }

    /// True: the server has said, under TLS, that nothing follows.
    func sawEnd() -> Bool {
        var byte: UInt8 = 0
        return tls_client_read(raw, &byte, 1) == 0
    }

    func end() { tls_client_end(raw) }

    var peerName: String {
        var name = [CChar](repeating: 0, count: 100)
        tls_client_peer_name(raw, &name, 100)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
