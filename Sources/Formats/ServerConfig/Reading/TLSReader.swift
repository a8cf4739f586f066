/// Reads `tls` blocks of ports that clients come to.
struct TLSReader {
    let findings: ConfigFindings

    func tls(_ node: ConfigNode) throws(ConfigError) -> TLSOptions {
        var options = TLSOptions()
        var (certificateFile, keyFile): (String?, String?)
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "cert_file": certificateFile = try node.nonEmptyString()
            case "key_file": keyFile = try node.nonEmptyString()
            case "certs": options.certificates = try certificates(node)
            case "ca_file": options.authorityFile = try node.optionalString()
            case "verify": options.verifiesClients = try node.boolean()
            case "verify_and_map":
                options.mapsCertificatesToUsers = try node.boolean()
                if options.mapsCertificatesToUsers { options.verifiesClients = true }
            case "timeout": options.timeoutNanoseconds = try node.timeoutNanoseconds("timeout")
            case "handshake_first", "first", "immediate": options.handshakeFirst = try handshakeFirst(node)
            case "pinned_certs": options.pinnedCertificates = try pinnedCertificates(node)
            case "cipher_suites": options.cipherSuites = try names(node)
            case "curve_preferences": options.curvePreferences = try names(node)
            case "min_version": options.minimumVersion = try version(node)
            case "connection_rate_limit": options.connectionRateLimit = try node.int()
            case "insecure", "verify_cert_and_check_known_urls", "allow_insecure_cipher_suites":
                if try node.boolean() { throw node.failure("\(key) is not supported on this port") }
            case "ocsp_peer", "cert_store", "cert_match", "cert_match_by", "cert_match_skip_invalid", "ca_certs_match":
                throw node.failure("\(key) is not supported yet")
            default: return false
            }
            return true
        }
        switch (certificateFile, keyFile) {
        case (let certificate?, let key?):
            guard options.certificates.isEmpty else {
                throw node.failure("error parsing tls config, cannot combine 'cert_file' option with 'certs' option")
            }
            options.certificates = [CertificateFiles(certificateFile: certificate, keyFile: key)]
        case (nil, .some): throw node.failure("missing 'cert_file' in TLS configuration")
        case (.some, nil): throw node.failure("missing 'key_file' in TLS configuration")
        case (nil, nil):
            if options.certificates.isEmpty {
                throw node.failure("missing 'cert_file' and 'key_file' in TLS configuration")
            }
        }
        return options
    }

    private func certificates(_ node: ConfigNode) throws(ConfigError) -> [CertificateFiles] {
        var certificates: [CertificateFiles] = []
        for node in try node.array() {
            var files = CertificateFiles(certificateFile: "", keyFile: "")
            findings.each(of: try node.map()) { key, node throws(ConfigError) in
                switch key {
                case "cert_file": files.certificateFile = try node.nonEmptyString()
                case "key_file": files.keyFile = try node.nonEmptyString()
                default: return false
                }
                return true
            }
            if files.certificateFile.isEmpty || files.keyFile.isEmpty {
                throw node.failure("error parsing certificates config: both 'cert_file' and 'key_file' options are required")
            }
            certificates.append(files)
        }
        return certificates
    }

    private func handshakeFirst(_ node: ConfigNode) throws(ConfigError) -> HandshakeFirst {
        guard case .string(let text) = node.value else { return try node.boolean() ? .always : .off }
        switch text.lowercased() {
        case "true", "on", "yes": return .always
        case "false", "off", "no": return .off
        case "auto", "auto_fallback": return .auto(fallbackNanoseconds: 50_000_000)
        default: return .auto(fallbackNanoseconds: try node.durationNanoseconds("handshake_first"))
        }
    }

    private func pinnedCertificates(_ node: ConfigNode) throws(ConfigError) -> Set<String> {
        var pins: Set<String> = []
        for text in try node.array() {
            let pin = try text.string().lowercased()
            guard pin.utf8.count == 64, pin.allSatisfy(\.isHexDigit) else {
                throw text.failure("'pinned_certs' key \(pin) is no SHA-256 of a public key in hexadecimal digits")
            }
            pins.insert(pin)
        }
        return pins
    }

    private func names(_ node: ConfigNode) throws(ConfigError) -> [String] {
        let names = try node.strings()
        if names.isEmpty { throw node.failure("expected at least one name") }
        return names
    }

    private func version(_ node: ConfigNode) throws(ConfigError) -> TLSVersion {
        guard let version = TLSVersion(rawValue: try node.string()) else {
            throw node.failure("unsupported TLS version: \(try node.string()); \"1.2\" and \"1.3\" are there")
        }
        return version
    }
}
