import Accounts
import Testing

@Suite struct StoredSecretTests {
    @Test func `a plain secret matches itself alone`() {
        let secret = StoredSecret("s3cret")
        #expect(!secret.isHash)
        #expect(secret.matches("s3cret"))
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cret\0"] {
            #expect(!secret.matches(wrong), "\(wrong)")
        }
        #expect(StoredSecret("").matches(""))
        #expect(!StoredSecret("").matches("x"))
    }

    /// Made by libxcrypt; the three forms differ only for bytes that old libraries got wrong.
    @Test(arguments: [
        ("$2a$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG", "pässword"),
        ("$2b$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG", "pässword"),
        ("$2y$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG", "pässword"),
    ])
    func `a bcrypt hash matches its password, in each of its forms`(
        hash: String, password: String
    ) {
        let secret = StoredSecret(hash)
        #expect(secret.isHash)
        #expect(secret.matches(password))
        #expect(!secret.matches(password + "x"))
        #expect(!secret.matches(""))
        #expect(!secret.matches(hash))
        // libcrypt reads to the first zero byte only.
        #expect(!secret.matches(password + "\0x"))
    }

    @Test(arguments: [
        "$2a$99$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG", "$2a$04$short",
        "$2a$04$", "$2a$04$!!!!!!!!!!!!!!!!!!!!!!IeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG",
    ])
    func `a broken hash matches nothing`(hash: String) {
        let secret = StoredSecret(hash)
        #expect(secret.isHash)
        for offered in ["", "password", "*0", "*1", hash] {
            #expect(!secret.matches(offered))
        }
    }

    @Test(arguments: ["$2z$04$abc", "$2a$4$abc", "$1$abc", "2a$04$", "$2a$0x$"])
    func `what only looks like a hash is a plain secret`(text: String) {
        #expect(!StoredSecret(text).isHash)
        #expect(StoredSecret(text).matches(text))
    }
}
