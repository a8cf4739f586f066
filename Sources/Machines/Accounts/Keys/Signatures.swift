import CSodium

/// Ed25519 by libsodium. Source: RFC 8032.
extension NKey {
    /// Whether `signature` is this key's for `message`. False for signatures of another length, and
    /// for keys that only seal.
    public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard kind != .curve, signature.count == 64 else { return false }
        Sodium.start()
        return crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
    }
}

/// A key that signs: who has it is who its public key says.
public struct SigningKey: Sendable {
    public let publicKey: NKey
    private let secret: [UInt8]

    /// - Parameter seed: 32 random bytes.
    public init(_ kind: NKey.Kind, seed: [UInt8]) {
        precondition(kind != .curve && seed.count == 32, "a signing key is made of 32 bytes")
        Sodium.start()
        var publicBytes = [UInt8](repeating: 0, count: 32)
        var secret = [UInt8](repeating: 0, count: 64)
        crypto_sign_seed_keypair(&publicBytes, &secret, seed)
        publicKey = NKey(kind, publicBytes)
        self.secret = secret
    }

    /// 64 bytes.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 64)
        crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret)
        return signature
    }
}

enum Sodium {
    private static let isReady: Bool = {
        // 0 the first time, 1 if somebody else did it before.
        precondition(sodium_init() >= 0, "libsodium does not start")
        return true
    }()

    /// To be called before anything else of the library; any thread, any number of times.
    static func start() { _ = isReady }

    /// Whether both are the same, in a time that does not tell where they differ.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return left.isEmpty || sodium_memcmp(left, right, left.count) == 0
    }
}
