import JSON

/// The server's first word, `INFO {json}`, and what it says again later.
public struct ServerInfo: Sendable {
    public var serverID = ""
    public var serverName = ""
    public var version = ""
    public var gitCommit = ""
    public var host = ""
    public var port = 0
    public var authRequired = false
    public var tlsRequired = false
    public var tlsVerify = false
    public var tlsAvailable = false
    public var maximumPayload = 1 << 20
    public var jetStream = false
    public var clientID: UInt64 = 0
    public var clientAddress = ""
    public var nonce = ""
    public var cluster = ""
    public var domain = ""
    public var connectURLs: [String] = []
    public var lameDuckMode = false
    /// Set in the second INFO, which a client of protocol 1 gets behind the first PONG.
    public var accountName = ""
    public var apiLevel = 0
    public var xkey = ""

    public init() {}

    /// The whole line. nats-server leaves one space between the JSON and CRLF.
    public var line: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("server_id", serverID)
        json.field("server_name", serverName)
        json.field("version", version)
        json.field("proto", 1)
        if !gitCommit.isEmpty { json.field("git_commit", gitCommit) }
        json.field("go", "")
        json.field("host", host)
        json.field("port", port)
        json.field("headers", true)
        if authRequired { json.field("auth_required", true) }
        if tlsRequired { json.field("tls_required", true) }
        if tlsVerify { json.field("tls_verify", true) }
        if tlsAvailable { json.field("tls_available", true) }
        json.field("max_payload", maximumPayload)
        if jetStream { json.field("jetstream", true) }
        if clientID > 0 { json.field("client_id", clientID) }
        if !clientAddress.isEmpty { json.field("client_ip", clientAddress) }
        if !nonce.isEmpty { json.field("nonce", nonce) }
        if !cluster.isEmpty { json.field("cluster", cluster) }
        if !domain.isEmpty { json.field("domain", domain) }
        if !connectURLs.isEmpty {
            json.name("connect_urls")
            json.beginArray()
            for url in connectURLs { json.value(url) }
            json.endArray()
        }
        if lameDuckMode { json.field("ldm", true) }
        if !accountName.isEmpty {
            json.field("connect_info", true)
            json.field("remote_account", accountName)
        }
        if apiLevel > 0 { json.field("api_lvl", apiLevel) }
        if !xkey.isEmpty { json.field("xkey", xkey) }
        json.endObject()
        return Array("INFO ".utf8) + json.bytes + Array(" \r\n".utf8)
    }
}
