import Broker
import Catalog
import JSON
import NATSService
import Transport

/// `/healthz`: whether the server, or one stream or consumer, can be worked with.
extension ReportService {
    func makeHealth(_ options: HealthOptions, _ answer: @escaping @Sendable (Report) -> Void) {
        if !options.consumer.isEmpty, options.stream.isEmpty {
            let text = "\"stream\" must not be empty when checking consumer health"
            return answer(Self.health(options, HealthFault(400, "BAD_REQUEST", text)))
        }
        if !options.stream.isEmpty, options.account.isEmpty {
            let text = "\"account\" must not be empty when checking stream health"
            return answer(Self.health(options, HealthFault(400, "BAD_REQUEST", text)))
        }
        if nats.isLameDuck {
            return answer(
                Self.health(
                    options, HealthFault(503, "CONNECTION", "the server is in lame duck mode")))
        }
        guard facts.jetStream != nil, let broker, !options.isShallow, !options.account.isEmpty else {
            return answer(Self.health(options, nil))
        }
        home.post { [jetStream] in
            var fault: HealthFault?
            let on = "on account \"\(options.account)\""
            if jetStream?.accountReports.contains(where: { $0.name == options.account }) != true {
                let text = "JetStream account \"\(options.account)\" not found"
                fault = HealthFault(404, "ACCOUNT", text)
            } else if !options.stream.isEmpty {
                if let log = broker.catalog.log(streamName: options.stream, in: options.account) {
                    if !options.consumer.isEmpty,
                        broker.catalog.consumer(options.consumer, on: log) == nil
                    {
                        fault = HealthFault(
                            404, "CONSUMER",
                            "JetStream consumer \"\(options.consumer)\" not found for stream \"\(options.stream)\" \(on)")
                    }
                } else {
                    fault = HealthFault(
                        404, "STREAM", "JetStream stream \"\(options.stream)\" not found \(on)")
                }
            }
            answer(Self.health(options, fault))
        }
    }

    private struct HealthFault {
        var status: Int
        var kind: String
        var text: String

        init(_ status: Int, _ kind: String, _ text: String) {
            self.status = status
            self.kind = kind
            self.text = text
        }
    }

    private static func health(_ options: HealthOptions, _ fault: HealthFault?) -> Report {
        var json = JSONWriter()
        json.beginObject()
        if let fault {
            let isError = options.showsDetails || fault.status == 400
            json.field("status", isError ? "error" : "unavailable")
            if options.showsStatus { json.field("status_code", fault.status) }
            if options.showsDetails {
                json.name("errors")
                json.beginArray()
                json.beginObject()
                json.field("type", fault.kind)
                // No more than what was looked at.
                let depth = ["ACCOUNT", "STREAM", "CONSUMER"].firstIndex(of: fault.kind) ?? -1
                if depth >= 0 { json.field("account", options.account) }
                if depth >= 1 { json.field("stream", options.stream) }
                if depth >= 2 { json.field("consumer", options.consumer) }
                json.field("error", fault.text)
                json.endObject()
                json.endArray()
            } else {
                json.field("error", fault.text)
            }
        } else {
            json.field("status", "ok")
            if options.showsStatus { json.field("status_code", 200) }
        }
        json.endObject()
        return Report(status: fault?.status ?? 200, body: json.bytes, isIndented: false)
    }
}
