import CTLS
public import Model

/// Certificates and rules, read and checked: what new connections of a TLS server begin with.
///
/// Unsafe has an address here: the context of the C shim is made by `init`, not changed after it,
/// and freed when nobody has this object any more.
public final class TLSContext: @unchecked Sendable {
    public let settings: TLSSettings

    let raw: OpaquePointer

    /// Reads the files.
    ///
    /// - Throws: ``TLSError``, which names the file or the setting that is wrong.
    public init(_ settings: TLSSettings) throws(TLSError) {
        self.settings = settings
        if settings.certificates.isEmpty { throw .noCertificate }
        let ciphers = try TLSNames.cipherList(settings.cipherSuites)
        let groups = try TLSNames.groups(settings.curvePreferences)
        var error = duolog_tls_error()
        guard let raw = duolog_tls_context_create(&error) else {
            throw .refused(error.message)
        }
        // From here on `deinit` runs, whatever is thrown.
        self.raw = raw
        for pair in settings.certificates {
            guard
                duolog_tls_context_add_certificate(
                    raw, pair.certificateFile, pair.keyFile, &error) == 1
            else { throw .certificate(pair, reason: error.message) }
        }
        if settings.verifiesClients,
            duolog_tls_context_verify_peers(raw, settings.caFile, &error) != 1
        {
            throw .authorities(file: settings.caFile, reason: error.message)
        }
        guard
            duolog_tls_context_minimum_version(raw, Int32(settings.minimumVersion.rawValue)) == 1
        else { throw .refused("version \(settings.minimumVersion)") }
        guard duolog_tls_context_ciphers(raw, ciphers, TLSNames.cipherSuites13) == 1 else {
            throw .refused("cipher suites \(ciphers)")
        }
        guard duolog_tls_context_groups(raw, groups) == 1 else {
            throw .refused("curves \(groups)")
        }
    }

    deinit { duolog_tls_context_free(raw) }

    /// When the first certificate ends.
    public var notAfter: Timestamp? {
        let seconds = duolog_tls_context_not_after(raw)
        return seconds == 0 ? nil : Timestamp(nanoseconds: seconds &* 1_000_000_000)
    }
}

extension duolog_tls_error {
    var message: String {
        withUnsafeBytes(of: text) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
