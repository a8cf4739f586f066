import Accounts
import Model
import ServerConfig
import Testing

/// Users, tokens, keys and certificates of a configuration.
@Suite struct AccountDirectoryTests {
    private let now = Timestamp(nanoseconds: 1_700_000_000_000_000_000)

    /// What becomes of credentials, in a word.
    private func outcome(
        _ directory: AccountDirectory, _ change: (inout ClientCredentials) -> Void = { _ in }
    ) -> String {
        var credentials = ClientCredentials()
        change(&credentials)
        var answer = directory.authenticate(credentials, now: now)
        if case .mustHash(let work) = answer { answer = work.verify() }
        return switch answer {
        case .accepted(let identity): "\(identity.account)/\(identity.user.text)"
        case .refused(let refusal): refusal.text
        case .mustHash: "hash"
        case .mustResolve: "resolve"
        case .mustAsk: "callout"
        }
    }

    private func user(_ name: String, _ password: String? = nil) -> UserOptions {
        var user = UserOptions()
        user.user = name
        user.password = password
        return user
    }

    private func directory(
        _ users: [UserOptions], _ change: (inout ServerOptions) -> Void = { _ in }
    ) throws -> AccountDirectory {
        var options = ServerOptions()
        options.authorization = AuthorizationOptions()
        options.authorization?.users = users
        change(&options)
        return try AccountDirectory(options)
    }

    @Test func `without users everybody is let in, whatever they bring`() {
        let directory = AccountDirectory()
        #expect(!directory.requiresCredentials)
        #expect(!directory.needsNonce)
        #expect(outcome(directory) == "$G/")
        #expect(outcome(directory) { $0.user = "x" } == "$G/")
    }

    @Test func `a user needs his own password`() throws {
        let directory = try directory([user("a", "1"), user("b", "2")])
        #expect(directory.announcesCredentials)
        #expect(directory.hasPlainPasswords)
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "1") } == "$G/a")
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "2") } == "wrong password")
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "") } == "wrong password")
        #expect(outcome(directory) { ($0.user, $0.password) = ("c", "1") } == "unknown user")
        #expect(outcome(directory) == "no credentials")
        #expect(outcome(directory) { $0.token = "1" } == "no credentials")
    }

    @Test func `a hashed password is work for later`() throws {
        let hash = "$2b$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG"
        let directory = try directory([user("a", hash)])
        #expect(!directory.hasPlainPasswords)
        var credentials = ClientCredentials()
        (credentials.user, credentials.password) = ("a", "pässword")
        guard case .mustHash = directory.authenticate(credentials, now: now) else {
            Issue.record("it was decided at once")
            return
        }
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "pässword") } == "$G/a")
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "no") } == "wrong password")
    }

    @Test func `a token or a single user stands for everybody`() throws {
        let token = try directory([]) { $0.authorization?.token = "t" }
        #expect(outcome(token) { $0.token = "t" } == "$G/[REDACTED]")
        #expect(outcome(token) { $0.token = "x" } == "wrong password")
        #expect(outcome(token) { $0.user = "t" } == "no credentials")
        let single = try directory([]) {
            $0.authorization?.user = "u"
            $0.authorization?.password = "p"
        }
        #expect(outcome(single) { ($0.user, $0.password) = ("u", "p") } == "$G/u")
        #expect(outcome(single) { ($0.user, $0.password) = ("u", "x") } == "wrong password")
        #expect(outcome(single) { ($0.user, $0.password) = ("x", "p") } == "unknown user")
    }

    @Test func `a key has to sign the nonce`() throws {
        let key = SigningKey(.user, seed: Array(repeating: 9, count: 32))
        let other = SigningKey(.user, seed: Array(repeating: 8, count: 32))
        var keyUser = UserOptions()
        keyUser.nkey = key.publicKey.text
        let directory = try directory([keyUser, user("a", "1")])
        #expect(directory.needsNonce)
        let nonce = Array("0123456789abcde".utf8)
        func sign(_ signer: SigningKey, _ message: [UInt8]) -> String {
            outcome(directory) {
                $0.nkey = key.publicKey.text
                $0.nonce = nonce
                $0.signature = Base64URL.encode(signer.sign(message))
            }
        }
        #expect(sign(key, nonce) == "$G/\(key.publicKey.text)")
        #expect(sign(other, nonce) == "Signature not verified")
        #expect(sign(key, nonce + [0]) == "Signature not verified")
        #expect(
            outcome(directory) { ($0.nkey, $0.nonce) = (key.publicKey.text, nonce) }
                == "Signature missing")
        #expect(
            outcome(directory) {
                ($0.nkey, $0.nonce, $0.signature) = (key.publicKey.text, nonce, "%%%")
            } == "Signature not verified")
        #expect(outcome(directory) { $0.nkey = other.publicKey.text } == "unknown user")
        // The key says who it is; a password beside it does not help.
        #expect(
            outcome(directory) {
                ($0.nkey, $0.user, $0.password) = (key.publicKey.text, "a", "1")
            } == "Signature missing")
    }

    @Test func `somebody stands for those who bring nothing, and for nobody else`() throws {
        let directory = try directory([user("guest", "x"), user("a", "1")]) {
            $0.noAuthUser = "guest"
        }
        #expect(directory.requiresCredentials)
        #expect(!directory.announcesCredentials)
        #expect(outcome(directory) == "$G/guest")
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "1") } == "$G/a")
        #expect(outcome(directory) { ($0.user, $0.password) = ("a", "2") } == "wrong password")
        #expect(outcome(directory) { $0.password = "x" } == "no credentials")
        #expect(throws: AccountFault.unknownNoAuthUser("nobody")) {
            try self.directory([user("a", "1")]) { $0.noAuthUser = "nobody" }
        }
    }

    @Test func `users of the system account alone shut nobody out`() throws {
        var options = ServerOptions()
        var system = AccountOptions(name: "$SYS")
        system.users = [user("admin", "s")]
        options.accounts = [system]
        let directory = try AccountDirectory(options)
        // As nats-server has it, though nobody has to bring any.
        #expect(directory.announcesCredentials)
        #expect(outcome(directory) == "$G/")
        #expect(outcome(directory) { ($0.user, $0.password) = ("admin", "s") } == "$SYS/admin")
        #expect(outcome(directory) { ($0.user, $0.password) = ("x", "") } == "unknown user")
        options.accounts.append(AccountOptions(name: "OTHER"))
        #expect(outcome(try AccountDirectory(options)) == "no credentials")
    }

    @Test func `only the ways are open that a user is allowed`() throws {
        var web = user("web", "1")
        web.allowedConnectionTypes = [.webSocket]
        let directory = try directory([web])
        #expect(
            outcome(directory) { ($0.user, $0.password) = ("web", "1") }
                == "Connection type not allowed")
        #expect(
            outcome(directory) {
                ($0.user, $0.password, $0.connectionType) = ("web", "1", .webSocket)
            } == "$G/web")
    }

    @Test func `a certificate says who somebody is, by its names in order`() throws {
        let names = ["m@example.com", "host.example.com", "CN=alice, O=Example+OU=ops, C=DE"]
        let directory = try directory(names.map { user($0) }) {
            $0.tls = TLSOptions()
            $0.tls?.mapsCertificatesToUsers = true
        }
        func named(_ change: (inout CertificateNames) -> Void) -> String {
            outcome(directory) {
                var names = CertificateNames()
                change(&names)
                $0.certificate = names
            }
        }
        #expect(named { $0.emailAddresses = ["x@y", "m@example.com"] } == "$G/m@example.com")
        #expect(named { $0.dnsNames = ["host.example.com"] } == "$G/host.example.com")
        #expect(
            named {
                ($0.dnsNames, $0.emailAddresses) = (["host.example.com"], ["m@example.com"])
            } == "$G/m@example.com")
        let alice = "$G/CN=alice, O=Example+OU=ops, C=DE"
        #expect(named { $0.distinguishedName = "CN=alice,OU=ops+O=Example,C=DE" } == alice)
        #expect(named { $0.distinguishedName = "C=DE,CN=alice,O=Example+OU=ops" } == alice)
        let none = "no user for the names in the certificate"
        #expect(named { $0.distinguishedName = "CN=alice,O=Example,C=DE" } == none)
        #expect(named { $0.distinguishedName = "CN=bob" } == none)
        // Blanks around a value are the notation's, escaped ones the name's own.
        #expect(named { $0.distinguishedName = "CN= alice ,OU=ops+O=Example,C=DE" } == alice)
        #expect(named { $0.distinguishedName = #"CN=\ alice,OU=ops+O=Example,C=DE"# } == none)
        #expect(named { $0.distinguishedName = #"CN=alice\ ,OU=ops+O=Example,C=DE"# } == none)
        #expect(named { _ in } == none)
        #expect(outcome(directory) { $0.user = "m@example.com" } == none)
    }

    @Test func `permissions are the user's, else the defaults of the place`() throws {
        var own = user("own", "1")
        own.permissions = PermissionsOptions()
        own.permissions?.publish = SubjectPermission(allow: ["own"])
        let directory = try directory([own, user("other", "1")]) {
            var defaults = PermissionsOptions()
            defaults.publish = SubjectPermission(allow: ["default"])
            $0.authorization?.defaultPermissions = defaults
            var account = AccountOptions(name: "A")
            account.users = [user("free", "1")]
            $0.accounts = [account]
        }
        for (name, subject) in [("own", "own"), ("other", "default"), ("free", nil)] {
            var credentials = ClientCredentials()
            (credentials.user, credentials.password) = (name, "1")
            guard case .accepted(let identity) = directory.authenticate(credentials, now: now)
            else {
                Issue.record("\(name) was refused")
                continue
            }
            #expect(identity.permissions?.options.publish?.allow == subject.map { [$0] })
        }
    }

    @Test func `after a reload a user stays if name, password and account are the same`() throws {
        let before = try directory([user("a", "1")])
        var credentials = ClientCredentials()
        (credentials.user, credentials.password) = ("a", "1")
        guard case .accepted(let identity) = before.authenticate(credentials, now: now) else {
            Issue.record("refused")
            return
        }
        var limited = user("a", "1")
        limited.permissions = PermissionsOptions()
        limited.permissions?.publish = SubjectPermission(allow: ["x"])
        let renewed = try #require(try directory([limited]).renew(identity, now: now))
        #expect(renewed.permissions?.limitsPublishing == true)
        #expect(try directory([user("a", "2")]).renew(identity, now: now) == nil)
        #expect(try directory([user("b", "1")]).renew(identity, now: now) == nil)
        var moved = AccountOptions(name: "A")
        moved.users = [user("a", "1")]
        #expect(try directory([]) { $0.accounts = [moved] }.renew(identity, now: now) == nil)
    }

    @Test func `after a reload what WebSocket clients are asked for counts for them alone`() throws
    {
        func withWebSocket(_ password: String, _ types: Set<ConnectionType> = []) throws
            -> AccountDirectory
        {
            var a = user("a", "1")
            a.allowedConnectionTypes = types
            return try directory([a]) {
                $0.webSocket = WebSocketOptions()
                $0.webSocket?.user = "w"
                $0.webSocket?.password = password
            }
        }
        func identity(_ user: String, _ password: String, _ type: ConnectionType) throws -> Identity {
            var credentials = ClientCredentials()
            (credentials.user, credentials.password) = (user, password)
            credentials.connectionType = type
            guard case .accepted(let identity) = try withWebSocket("2").authenticate(
                credentials, now: now)
            else { throw AccountFault.unknownNoAuthUser(user) }
            return identity
        }
        let plain = try identity("a", "1", .standard)
        #expect(try withWebSocket("3").renew(plain, connectionType: .standard, now: now) != nil)
        #expect(
            try withWebSocket("2", [.webSocket]).renew(plain, connectionType: .standard, now: now)
                == nil)
        let single = try directory([]) {
            $0.webSocket = WebSocketOptions()
            $0.webSocket?.user = "w"
            $0.webSocket?.password = "2"
        }
        var credentials = ClientCredentials()
        (credentials.user, credentials.password) = ("w", "2")
        credentials.connectionType = .webSocket
        guard case .accepted(let web) = single.authenticate(credentials, now: now) else {
            Issue.record("the WebSocket user is not let in")
            return
        }
        #expect(single.renew(web, connectionType: .webSocket, now: now) != nil)
        #expect(single.renew(web, connectionType: .standard, now: now) == nil)
    }

    @Test func `what makes no sense is named`() throws {
        #expect(throws: AccountFault.duplicateUser("a")) {
            try directory([user("a", "1"), user("a", "2")])
        }
        var bad = UserOptions()
        bad.nkey = "UABC"
        #expect(throws: AccountFault.invalidKey("UABC")) { try directory([bad]) }
        var rule = user("a", "1")
        rule.permissions = PermissionsOptions()
        rule.permissions?.publish = SubjectPermission(allow: ["a..b"])
        #expect(throws: AccountFault.invalidPermission(InvalidPermission(entry: "a..b"))) {
            try directory([rule])
        }
        #expect(throws: AccountFault.self) { try directory([]) { $0.operators = ["x.y.z"] } }
    }
}
