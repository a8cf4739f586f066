import JSON
import NATSService

/// `/routez`, `/leafz` and `/gatewayz`: other servers, of which this one knows none.
extension ReportService {
    func peers(_ request: ReportRequest) -> Report {
        let facts = facts
        var json = JSONWriter()
        json.beginObject()
        switch request {
        case .leafNodes:
            json.head(facts)
            json.field("leafnodes", 0)
            json.field("leafs", .array([]))
        case .gateways:
            json.head(facts)
            json.field("outbound_gateways", .object([]))
            json.field("inbound_gateways", .object([]))
        default:
            json.head(facts)
            json.field("server_name", facts.options.serverName)
            json.field("num_routes", 0)
            json.field("routes", .array([]))
        }
        json.endObject()
        return Report(body: json.bytes)
    }
}
