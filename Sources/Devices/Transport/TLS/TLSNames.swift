/// Go's names for what OpenSSL calls otherwise.
public enum TLSNames {
    /// The cipher suites of TLS 1.2, in the order in which a server prefers them.
    private static let suites: [(name: String, openSSL: String)] = [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
    ]

    /// Those that Go calls insecure: taken when they are named, never by themselves.
    private static let insecureSuites: [(name: String, openSSL: String)] = [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
    ]

    /// The cipher suites of TLS 1.3. Source: RFC 8446 appendix B.4.
    private static let suites13 = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    private static let curves = [
        "X25519": "X25519", "CurveP256": "P-256", "CurveP384": "P-384", "CurveP521": "P-521",
    ]

    public static func isInsecure(cipherSuite name: String) -> Bool {
        insecureSuites.contains { $0.name == name }
    }

    static var defaultCipherList: String { suites.map(\.openSSL).joined(separator: ":") }
    static var cipherSuites13: String { suites13.joined(separator: ":") }
    static let defaultGroups = "X25519:P-256:P-384:P-521"

    /// Empty where all names are of TLS 1.3.
    static func cipherList(_ names: [String]) throws(TLSError) -> String {
        if names.isEmpty { return defaultCipherList }
        var list: [String] = []
        for name in names where !suites13.contains(name) {
            guard let suite = (suites + insecureSuites).first(where: { $0.name == name }) else {
                throw .unknownCipherSuite(name)
            }
            list.append(suite.openSSL)
        }
        return list.joined(separator: ":")
    }

    static func groups(_ names: [String]) throws(TLSError) -> String {
        if names.isEmpty { return defaultGroups }
        var list: [String] = []
        for name in names {
            guard let group = curves[name] else { throw .unknownCurve(name) }
            list.append(group)
        }
        return list.joined(separator: ":")
    }
}
