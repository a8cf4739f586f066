import Accounts
import Testing

/// Nkeys, signatures and sealed boxes.
@Suite struct KeyTests {
    @Test func `a seed gives the public key that nkeys gives`() {
        // The nkeys package of Python, from a seed of 32 times the byte 7.
        let key = SigningKey(.user, seed: Array(repeating: 7, count: 32))
        #expect(key.publicKey.text == "UDVEU3DD4KOFECV66VIHWEZOYX4ZKR3WV27L464SIIPOU2IUI3JCYSJF")
        #expect(NKey(key.publicKey.text) == key.publicKey)
    }

    @Test(arguments: [
        (NKey.Kind.account, "A"), (.server, "N"), (.operator, "O"), (.user, "U"), (.cluster, "C"),
        (.curve, "X"),
    ])
    func `the first letter says what a key is for`(kind: NKey.Kind, letter: String) {
        for byte in [UInt8(0), 1, 127, 255] {
            let key = NKey(kind, Array(repeating: byte, count: 32))
            #expect(key.text.hasPrefix(letter))
            #expect(key.text.utf8.count == 56)
            #expect(NKey(key.text, kind) == key)
        }
    }

    @Test func `a letter that was changed makes a key invalid`() {
        let text = SigningKey(.user, seed: Array(repeating: 7, count: 32)).publicKey.text
        for index in text.indices {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(NKey(changed) == nil, "\(changed)")
        }
        #expect(NKey("") == nil)
        #expect(NKey(text + "A") == nil)
        #expect(NKey(text.lowercased()) == nil)
        #expect(NKey(text, .account) == nil)
    }

    @Test func `a signature holds for its message and its key alone`() {
        let key = SigningKey(.user, seed: Array(repeating: 1, count: 32))
        let other = SigningKey(.user, seed: Array(repeating: 2, count: 32))
        let message = Array("nonce".utf8)
        let signature = key.sign(message)
        #expect(key.publicKey.verifies(signature, of: message))
        #expect(!key.publicKey.verifies(signature, of: message + [0]))
        #expect(!other.publicKey.verifies(signature, of: message))
        #expect(!key.publicKey.verifies(Array(signature.dropLast()), of: message))
        #expect(!key.publicKey.verifies([], of: message))
        var changed = signature
        changed[10] ^= 1
        #expect(!key.publicKey.verifies(changed, of: message))
    }

    @Test func `what is sealed opens for the receiver alone, and only unchanged`() throws {
        let sender = SealingKey(seed: Array(repeating: 3, count: 32))
        let receiver = SealingKey(seed: Array(repeating: 4, count: 32))
        let stranger = SealingKey(seed: Array(repeating: 5, count: 32))
        let nonce = [UInt8](0..<24)
        let message = Array("who is this?".utf8)
        let sealed = try #require(sender.seal(message, to: receiver.publicKey, nonce: nonce))
        #expect(sealed.starts(with: Array("xkv1".utf8)))
        #expect(receiver.open(sealed, from: sender.publicKey) == message)
        #expect(stranger.open(sealed, from: sender.publicKey) == nil)
        #expect(receiver.open(sealed, from: stranger.publicKey) == nil)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(receiver.open(changed, from: sender.publicKey) == nil)
        }
        #expect(receiver.open(Array(sealed.prefix(30)), from: sender.publicKey) == nil)
        #expect(receiver.open([], from: sender.publicKey) == nil)
        let signing = SigningKey(.user, seed: Array(repeating: 1, count: 32))
        #expect(sender.seal(message, to: signing.publicKey, nonce: nonce) == nil)
    }

    @Test func `base64 for URLs has one text for each byte string`() {
        #expect(Base64URL.encode([0xFB, 0xFF, 0xFE]) == "-__-")
        #expect(Base64URL.encode([1]) == "AQ")
        #expect(Base64URL.decode("-__-") == [0xFB, 0xFF, 0xFE])
        #expect(Base64URL.decode("AQ") == [1])
        for text in ["AQ==", "+//+", "A", "AR", "A Q", "AQ\n"] {
            #expect(Base64URL.decode(text) == nil, "\(text)")
        }
    }
}
