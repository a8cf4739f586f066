import CSodium

/// An X25519 key that opens what others sealed to it.
///
/// Sealed bytes: `xkv1`, a nonce of 24 bytes, and a box of NaCl (X25519, XSalsa20, Poly1305).
/// Source: the nkeys repository of NATS, "xkeys".
public struct SealingKey: Sendable {
    public let publicKey: NKey
    private let secret: [UInt8]

    private static let version = Array("xkv1".utf8)
    public static let nonceByteCount = 24
    private static let tagByteCount = 16

    /// - Parameter seed: 32 random bytes.
    public init(seed: [UInt8]) {
        precondition(seed.count == 32, "a sealing key is made of 32 bytes")
        Sodium.start()
        var publicBytes = [UInt8](repeating: 0, count: 32)
        crypto_scalarmult_base(&publicBytes, seed)
        publicKey = NKey(.curve, publicBytes)
        secret = seed
    }

    /// - Parameter nonce: 24 random bytes, never used again.
    /// - Returns: nil where the receiver's key is none that can be sealed to.
    public func seal(_ message: [UInt8], to receiver: NKey, nonce: [UInt8]) -> [UInt8]? {
        precondition(nonce.count == Self.nonceByteCount, "a nonce has 24 bytes")
        guard receiver.kind == .curve else { return nil }
        var box = [UInt8](repeating: 0, count: message.count + Self.tagByteCount)
        let result = crypto_box_easy(
            &box, message, UInt64(message.count), nonce, receiver.bytes, secret)
        return result == 0 ? Self.version + nonce + box : nil
    }

    /// Nil for what was not sealed to this key by `sender`, or was changed on the way.
    public func open(_ sealed: [UInt8], from sender: NKey) -> [UInt8]? {
        let start = Self.version.count + Self.nonceByteCount
        guard sender.kind == .curve, sealed.count >= start + Self.tagByteCount,
            sealed.starts(with: Self.version)
        else { return nil }
        let nonce = Array(sealed[Self.version.count..<start])
        let box = Array(sealed[start...])
        var message = [UInt8](repeating: 0, count: box.count - Self.tagByteCount)
        let result = crypto_box_open_easy(
            &message, box, UInt64(box.count), nonce, sender.bytes, secret)
        return result == 0 ? message : nil
    }
}
