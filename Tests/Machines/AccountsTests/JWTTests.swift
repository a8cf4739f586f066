import Accounts
import JSON
import Model
import ServerConfig
import Testing

/// Operator mode. The tokens are made here, with keys of their own.
@Suite struct JWTTests {
    private let root = SigningKey(.operator, seed: Array(repeating: 1, count: 32))
    private let rootSigner = SigningKey(.operator, seed: Array(repeating: 2, count: 32))
    private let account = SigningKey(.account, seed: Array(repeating: 3, count: 32))
    private let signer = SigningKey(.account, seed: Array(repeating: 4, count: 32))
    private let scoped = SigningKey(.account, seed: Array(repeating: 5, count: 32))
    private let user = SigningKey(.user, seed: Array(repeating: 6, count: 32))
    private let nonce = Array("AbCdEfGhIjKlMnO".utf8)
    private let seconds: Int64 = 1_700_000_000
    private var now: Timestamp { Timestamp(nanoseconds: seconds * 1_000_000_000) }

    private func json(_ text: String) -> JSONValue {
        try! JSONValue.parse(Array(text.utf8).span.bytes)
    }

    private func token(
        _ key: SigningKey, _ subject: SigningKey, _ claims: String, name: String = "name",
        issued: Int64 = 1_600_000_000, expires: Int64 = 0
    ) -> String {
        SignedToken.sign(
            by: key, subject: subject.publicKey.text, name: name, issuedAt: issued,
            expires: expires, id: "ID", claims: json("{\(claims)}"))
    }

    private func operatorToken(_ more: String = "") -> String {
        token(
            root, root,
            #""signing_keys":["\#(rootSigner.publicKey.text)"],"type":"operator","version":2\#(more)"#)
    }

    private func accountToken(
        _ more: String = "", by key: SigningKey? = nil, expires: Int64 = 0,
        template: String = #""subs":5,"payload":-1,"pub":{"allow":["t.{{name()}}"]}"#
    ) -> String {
        token(
            key ?? rootSigner, account,
            #"""
            "signing_keys":["\#(signer.publicKey.text)",{"kind":"user_scope","key":"\#(
                scoped.publicKey.text)","template":{\#(template)}}],
            "limits":{"subs":-1,"payload":-1,"conn":-1,"data":-1},
            "type":"account","version":2\#(more)
            """#, name: "ACC", expires: expires)
    }

    private func userToken(
        _ more: String = #","subs":-1,"payload":-1,"data":-1"#, by key: SigningKey? = nil,
        issuer: Bool = true, issued: Int64 = 1_600_000_000, expires: Int64 = 0
    ) -> String {
        let from = issuer ? #","issuer_account":"\#(account.publicKey.text)""# : ""
        return token(
            key ?? account, user, #""type":"user","version":2\#(from)\#(more)"#, name: "joe",
            issued: issued, expires: expires)
    }

    private func directory(_ accountJWT: String? = nil) throws -> AccountDirectory {
        var options = ServerOptions()
        options.operators = [operatorToken()]
        options.resolver = .memory
        var directory = try AccountDirectory(options)
        try directory.addAccount(accountJWT ?? accountToken(), now: now)
        return directory
    }

    private func outcome(
        _ directory: AccountDirectory, _ jwt: String,
        _ change: (inout ClientCredentials) -> Void = { _ in }
    ) -> Result<Identity, AuthenticationRefusal> {
        var credentials = ClientCredentials()
        credentials.jwt = jwt
        credentials.nonce = nonce
        credentials.signature = Base64URL.encode(user.sign(nonce))
        credentials.host = "10.1.2.3"
        change(&credentials)
        switch directory.authenticate(credentials, now: now) {
        case .accepted(let identity): return .success(identity)
        case .refused(let refusal): return .failure(refusal)
        case .mustResolve(let name): return .failure(.calloutRefused("resolve \(name)"))
        case .mustAsk: return .failure(.calloutRefused("callout"))
        case .mustHash: return .failure(.calloutRefused("hash"))
        }
    }

    private func refusal(
        _ directory: AccountDirectory, _ jwt: String,
        _ change: (inout ClientCredentials) -> Void = { _ in }
    ) -> AuthenticationRefusal? {
        if case .failure(let refusal) = outcome(directory, jwt, change) { return refusal }
        return nil
    }

    @Test func `a user whose account signed it, and who signs the nonce, is let in`() throws {
        let directory = try directory()
        #expect(directory.isOperatorMode)
        #expect(directory.needsNonce)
        for key in [account, signer] {
            let identity = try outcome(directory, userToken(by: key)).get()
            #expect(identity.account == account.publicKey.text)
            #expect(identity.user == .jwt(user.publicKey.text, name: "joe"))
            #expect(identity.permissions == nil)
            #expect(identity.limits.maximumSubscriptions == -1)
        }
        // The account's own key needs no word about who issued it.
        _ = try outcome(directory, userToken(issuer: false)).get()
    }

    @Test func `whatever is missing in the chain is noticed`() throws {
        let directory = try directory()
        let stranger = SigningKey(.account, seed: Array(repeating: 50, count: 32))
        #expect(refusal(directory, "") == .jwtRequired)
        #expect(refusal(directory, userToken(by: stranger)) == .issuerUnknown)
        #expect(
            refusal(directory, userToken(by: stranger, issuer: false))
                == .calloutRefused("resolve \(stranger.publicKey.text)"))
        #expect(refusal(directory, userToken(by: root)) == .jwtInvalid(.wrongIssuer))
        #expect(refusal(directory, accountToken()) == .jwtInvalid(.wrongType))
        #expect(refusal(directory, userToken()) { $0.signature = "" } == .signatureMissing)
        #expect(refusal(directory, userToken()) { $0.nonce = [1] } == .signatureWrong)
        #expect(
            refusal(directory, userToken()) {
                $0.signature = Base64URL.encode(account.sign(nonce))
            } == .signatureWrong)
        var options = ServerOptions()
        options.operators = [operatorToken()]
        var other = try AccountDirectory(options)
        #expect(throws: JWTFault.wrongIssuer) {
            try other.addAccount(accountToken(by: account), now: now)
        }
        #expect(throws: JWTFault.wrongSubject) {
            try other.addAccount(
                accountToken(), expecting: stranger.publicKey.text, now: now)
        }
    }

    @Test func `a token that was changed anywhere is refused`() throws {
        let directory = try directory()
        let jwt = Array(userToken().utf8)
        for index in jwt.indices where jwt[index] != UInt8(ascii: ".") {
            var changed = jwt
            changed[index] = jwt[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            if changed == jwt { continue }
            guard case .jwtInvalid = refusal(directory, String(decoding: changed, as: UTF8.self))
            else {
                Issue.record("byte \(index) does not matter")
                continue
            }
        }
    }

    @Test(arguments: [
        "", ".", "..", "...", "a.b.c", "eyJ0eXAiOiJKV1QifQ.e30.AA",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AA", "\u{0}.\u{0}.\u{0}",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.",
    ])
    func `what is no token is an error and nothing worse`(text: String) {
        #expect(throws: JWTFault.self) { try SignedToken(text) }
    }

    @Test func `a token of many braces is refused, not followed down`() {
        let deep = String(repeating: "[", count: 100_000)
        let part = Base64URL.encode(Array(deep.utf8))
        #expect(throws: JWTFault.malformed) { try SignedToken("\(part).\(part).\(part)") }
    }

    @Test func `times are kept`() throws {
        let directory = try directory()
        let identity = try outcome(directory, userToken(expires: seconds + 60)).get()
        #expect(identity.expiry == now.advanced(byNanoseconds: 60_000_000_000))
        #expect(!identity.endsWithAccount)
        #expect(
            refusal(directory, userToken(expires: seconds - 1)) == .jwtInvalid(.expired))
        let short = try self.directory(accountToken(expires: seconds + 5))
        let ending = try outcome(short, userToken(expires: seconds + 60)).get()
        #expect(ending.expiry == now.advanced(byNanoseconds: 5_000_000_000))
        #expect(ending.endsWithAccount)
        #expect(throws: JWTFault.expired) {
            try self.directory(accountToken(expires: seconds - 1))
        }
    }

    @Test func `a bearer needs no signature, unless the account forbids it`() throws {
        let bearer = userToken(#","bearer_token":true,"subs":-1,"payload":-1"#)
        _ = try outcome(directory(), bearer) { $0.signature = "" }.get()
        let strict = accountToken().isEmpty ? "" : token(
            rootSigner, account,
            #""limits":{"disallow_bearer":true,"conn":-1},"type":"account","version":2"#)
        #expect(refusal(try directory(strict), bearer) == .bearerNotAllowed)
    }

    @Test func `what was issued before a revocation is void`() throws {
        let key = user.publicKey.text
        let revoked = try directory(accountToken(#","revocations":{"\#(key)":1650000000}"#))
        #expect(refusal(revoked, userToken()) == .revoked)
        let identity = try outcome(revoked, userToken(issued: 1_650_000_001)).get()
        let everybody = try directory(accountToken(#","revocations":{"*":1650000000}"#))
        #expect(refusal(everybody, userToken()) == .revoked)
        // Who is connected when it happens has to go.
        let later = try directory(accountToken(#","revocations":{"\#(key)":1690000000}"#))
        #expect(later.renew(identity, now: now) == nil)
        #expect(later.hasRevoked(identity))
        #expect(revoked.renew(identity, now: now) != nil)
    }

    @Test func `only from the networks, in the hours and by the ways that are allowed`() throws {
        let directory = try directory()
        let rest = #","subs":-1,"payload":-1"#
        let network = userToken(#","src":["10.0.0.0/8","fd00::/8"]"# + rest)
        _ = try outcome(directory, network).get()
        _ = try outcome(directory, network) { $0.host = "fd12::1" }.get()
        #expect(refusal(directory, network) { $0.host = "11.0.0.1" } == .sourceNotAllowed)
        #expect(refusal(directory, network) { $0.host = "" } == .sourceNotAllowed)
        // 1,700,000,000 is 22:13:20 UTC.
        let hours = { (start: String, end: String, zone: String) in
            self.userToken(
                #","times":[{"start":"\#(start)","end":"\#(end)"}],"times_location":"\#(zone)""#
                    + rest)
        }
        let inside = try outcome(directory, hours("22:00:00", "22:14:00", "UTC")).get()
        #expect(inside.expiry == now.advanced(byNanoseconds: 40_000_000_000))
        let night = try outcome(directory, hours("22:00:00", "06:00:00", "UTC")).get()
        #expect(night.expiry == now.advanced(byNanoseconds: 28_000_000_000_000))
        #expect(refusal(directory, hours("08:00:00", "17:00:00", "UTC")) == .outsideTimes)
        #expect(refusal(directory, hours("22:00:00", "23:00:00", "Mars/Base")) == .outsideTimes)
        #expect(
            refusal(directory, hours("25:00:00", "23:00:00", "UTC"))
                == .jwtInvalid(.wrongField("times")))
        let web = userToken(#","allowed_connection_types":["WEBSOCKET"]"# + rest)
        #expect(refusal(directory, web) == .connectionTypeNotAllowed)
        _ = try outcome(directory, web) { $0.connectionType = .webSocket }.get()
        #expect(
            refusal(directory, userToken(#","allowed_connection_types":["PIGEON"]"# + rest))
                == .jwtInvalid(.wrongField("allowed_connection_types")))
    }

    @Test func `a scoped key gives the permissions of its template, and takes no others`() throws {
        let directory = try directory()
        let identity = try outcome(directory, userToken("", by: scoped)).get()
        #expect(identity.permissions?.options.publish?.allow == ["t.joe"])
        #expect(identity.limits.maximumSubscriptions == 5)
        #expect(refusal(directory, userToken(by: scoped)) == .scopeViolated)
    }

    @Test(arguments: [
        (#""pub":{"allow":["a.{{tag(team)}}.{{subject()}}"]}"#, ["a.red.U", "a.blue.U"], []),
        (#""pub":{"allow":["{{account-name()}}.{{account-tag(env)}}.x"]}"#, ["ACC.prod.x"], []),
        (#""pub":{"allow":["{{tag(none)}}.x"]}"#, [], [">"]),
        (#""pub":{"allow":["{{tag(none)}}.x","y"]}"#, ["y"], []),
        (#""pub":{"allow":["x"],"deny":["{{Tag(team)}}"]}"#, ["x"], ["red", "blue"]),
        (#""pub":{"deny":["{{tag(none)}}"]}"#, nil, nil),
        (#""pub":{"deny":["{{unknown()}}"]}"#, nil, nil),
    ] as [(String, [String]?, [String]?)])
    func `templates are filled with what is known`(
        template: String, allow: [String]?, deny: [String]?
    ) throws {
        let directory = try directory(
            accountToken(#","tags":["env:prod"]"#, template: template + #","subs":-1,"payload":-1"#))
        let jwt = userToken(#","tags":["team:red","team:blue","other:x"]"#, by: scoped)
        guard let allow, let deny else {
            #expect(refusal(directory, jwt) == .scopeViolated)
            return
        }
        let rules = try outcome(directory, jwt).get().permissions?.options.publish
        let shorten = { (text: String) in
            text.replacingOnce(user.publicKey.text, with: "U")
        }
        #expect(rules?.allow.map(shorten) == allow)
        #expect(rules?.deny == deny)
    }

    @Test func `an account's JWT says what a configuration file would`() throws {
        let other = SigningKey(.account, seed: Array(repeating: 60, count: 32)).publicKey.text
        let jwt = token(
            root, account,
            #"""
            "exports":[{"subject":"e.>","type":"stream"},
              {"subject":"s.*","type":"service","response_type":"Stream","token_req":true,
               "account_token_position":2}],
            "imports":[{"subject":"i.>","account":"\#(other)","type":"stream","to":"pre"},
              {"subject":"mine","account":"\#(other)","type":"service","to":"theirs"},
              {"subject":"x.*","account":"\#(other)","type":"stream","local_subject":"y.$1"}],
            "limits":{"subs":10,"payload":1000,"conn":3,"leaf":-1,"mem_storage":-1,
              "disk_storage":5000,"streams":2,"consumer":-1},
            "default_permissions":{"pub":{"deny":["no"]}},
            "mappings":{"a":[{"subject":"b","weight":30},{"subject":"c","weight":70}]},
            "type":"account","version":2
            """#)
        let options = try AccountClaims(jwt, now: now).options
        #expect(options.name == account.publicKey.text)
        #expect(options.exports.map(\.subject) == ["e.>", "s.*"])
        #expect(options.exports[0].accounts == nil)
        #expect(options.exports[1].accounts == [])
        #expect(options.exports[1].response == .stream)
        #expect(options.exports[1].accountTokenPosition == 2)
        #expect(options.imports[0].prefix == "pre")
        #expect((options.imports[1].subject, options.imports[1].to) == ("theirs", "mine"))
        #expect(options.imports[2].to == "y.$1")
        #expect(options.limits.maximumConnections == 3)
        #expect(options.jetStream?.maximumMemory == -1)
        #expect(options.jetStream?.maximumStorage == 5000)
        #expect(options.jetStream?.maximumStreams == 2)
        #expect(options.mappings[0].destinations.map(\.weight) == [30, 70])
        var directory = try directory(jwt)
        let identity = try outcome(directory, userToken()).get()
        #expect(identity.permissions?.options.publish?.deny == ["no"])
        #expect(identity.limits.maximumSubscriptions == 10)
        #expect(identity.limits.maximumPayload == 1000)
        #expect(identity.limits.maximumAccountConnections == 3)
        directory.removeAccount(account.publicKey.text)
        #expect(directory.renew(identity, now: now) == nil)
    }

    @Test func `an operator may insist on its signing keys`() throws {
        var options = ServerOptions()
        options.operators = [operatorToken(#","strict_signing_key_usage":true"#)]
        var directory = try AccountDirectory(options)
        #expect(throws: JWTFault.wrongIssuer) {
            try directory.addAccount(accountToken(by: root), now: now)
        }
        try directory.addAccount(accountToken(by: rootSigner), now: now)
        options.operators = []
        options.trustedKeys = [root.publicKey.text]
        directory = try AccountDirectory(options)
        try directory.addAccount(accountToken(by: root), now: now)
    }

    @Test func `only the operator may ask for accounts to be deleted`() throws {
        let directory = try directory()
        let key = account.publicKey.text
        let claims = #""accounts":["\#(key)"],"type":"generic","version":2"#
        #expect(
            try directory.accountsToDelete(token(root, root, claims), now: now) == [key])
        #expect(throws: JWTFault.wrongIssuer) {
            try directory.accountsToDelete(token(account, account, claims), now: now)
        }
        #expect(throws: JWTFault.expired) {
            try directory.accountsToDelete(token(root, root, claims, expires: 5), now: now)
        }
    }
}

@Suite struct IPNetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("192.168.1.7/32", "192.168.1.7", true), ("192.168.1.7/32", "192.168.1.6", false),
        ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("fe80::/10", "fe80::1%eth0", true),
        ("2001:db8::/33", "2001:db8:7fff::", true), ("2001:db8::/33", "2001:db8:8000::", false),
        ("::1/128", "0:0:0:0:0:0:0:1", true),
    ])
    func `a range has the addresses that share its first bits`(
        range: String, host: String, expected: Bool
    ) throws {
        #expect(try #require(IPNetwork(range)).contains(host) == expected)
    }

    @Test(arguments: [
        "", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "256.0.0.0/8", "::/129", ":::/8",
        "1::2::3/8", "12345::/8", "10.0.0.0/+8", "a.b.c.d/8", "10.0.0.0/8/8",
    ])
    func `what is no range is refused`(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}

extension String {
    fileprivate func replacingOnce(_ part: String, with other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        return replacingCharacters(in: range, with: other)
    }

    private func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
