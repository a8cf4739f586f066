import KafkaProtocol

/// Which requests in which versions the broker serves.
enum ApiVersionsHandler: RequestHandler {
    static func handle(_ request: ApiVersionsRequest, _ exchange: Exchange) {
        var response = ApiVersionsResponse()
        if exchange.version >= 3,
            !isName(request.clientSoftwareName) || !isName(request.clientSoftwareVersion)
        {
            response.errorCode = .invalidRequest
            return exchange.answer(response)
        }
        for api in APIKey.served.sorted(by: { $0.rawValue < $1.rawValue }) {
            if let entry = entry(for: api) { response.apiKeys.append(entry) }
        }
        exchange.answer(response)
    }

    /// To a version that is not known: the ranges of ApiVersions itself, in the oldest form (KIP-511).
    static func refuse(_ exchange: Exchange) {
        var response = ApiVersionsResponse()
        response.errorCode = .unsupportedVersion
        if let entry = entry(for: .apiVersions) { response.apiKeys = [entry] }
        exchange.answer(response, inVersion: 0)
    }

    private static func entry(for api: APIKey) -> ApiVersionsResponse.ApiVersion? {
        guard let versions = api.advertisedVersions else { return nil }
        var entry = ApiVersionsResponse.ApiVersion()
        entry.apiKey = api.rawValue
        entry.minVersion = versions.lowerBound
        entry.maxVersion = versions.upperBound
        return entry
    }

    /// Letters and digits, and `-` and `.` between them.
    private static func isName(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        let bytes = text.utf8
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }
}
