import JSON
import NATSService

/// What the monitoring port answers: a path to a report, and the report to a response.
public struct MonitoringEndpoints: Sendable {
    private let reports: ReportService
    private let basePath: String

    public init(_ reports: ReportService) {
        self.reports = reports
        basePath = reports.facts.httpBasePath
    }

    /// Gives the answer once, on any thread.
    public func respond(
        to request: MonitoringRequest, _ answer: @escaping @Sendable (MonitoringResponse) -> Void
    ) {
        guard let path = path(below: request.path) else { return answer(.notFound) }
        switch path {
        case "/":
            reports.requests.count("/")
            return answer(.html(IndexPage.html(version: reports.facts.version)))
        case "/metrics":
            reports.requests.count(path)
            return reports.makeMetrics(perStream: request.query["streams"] != "0") {
                answer(.metrics($0))
            }
        default: break
        }
        let name = path.dropFirst().uppercased()
        do throws(ServerReportRefusal) {
            let report = try ReportRequest(name, ReportFields(query: request.query))
            reports.requests.count(path)
            reports.make(report) { answer(MonitoringResponse($0)) }
        } catch {
            answer(error.status == 404 ? .notFound : .refusal(error))
        }
    }

    /// The path behind the base path; nil for one that is elsewhere.
    private func path(below path: String) -> String? {
        if basePath.isEmpty { return path }
        if path == basePath { return "/" }
        guard path.hasPrefix(basePath + "/"), path.count > basePath.count + 1 else { return nil }
        return String(path.dropFirst(basePath.count))
    }
}

extension MonitoringResponse {
    fileprivate init(_ report: Report) {
        if let text = report.refusal {
            self = .refusal(ServerReportRefusal(status: report.status, text: text))
        } else {
            self.init(
                status: report.status,
                body: report.isIndented ? JSONIndent.indented(report.body) : report.body)
            allowsOtherOrigins = true
        }
    }

    static func refusal(_ refusal: ServerReportRefusal) -> MonitoringResponse {
        MonitoringResponse(
            status: refusal.status, contentType: "text/plain; charset=utf-8",
            body: Array(refusal.text.utf8))
    }

    static func html(_ text: String) -> MonitoringResponse {
        MonitoringResponse(contentType: "text/html; charset=utf-8", body: Array(text.utf8))
    }

    static func metrics(_ text: [UInt8]) -> MonitoringResponse {
        MonitoringResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", body: text)
    }
}

/// The page at `/`, for people.
enum IndexPage {
    private static let links = [
        ("varz", "General"), ("jsz", "JetStream"), ("connz", "Connections"),
        ("accountz", "Accounts"), ("accstatz", "Account statistics"), ("subsz", "Subscriptions"),
        ("routez", "Routes"), ("leafz", "Leaf nodes"), ("gatewayz", "Gateways"),
        ("healthz", "Health"), ("metrics", "Prometheus"),
    ]

    static func html(version: String) -> String {
        let list = links.map { "<li><a href=\"./\($0.0)\">\($0.1)</a></li>\n" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>duolog</title></head>
            <body><h1>duolog \(version)</h1><ul>
            \(list)</ul></body></html>

            """
    }
}
