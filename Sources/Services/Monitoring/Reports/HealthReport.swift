import Broker
import Catalog
import JSON
import NATSService
import Transport

/// `/healthz`: whether the server, or one stream or consumer, can be worked with.
extension ReportService {
    func makeHealth(_ options: HealthOptions, _ answer: @escaping @Sendable (Report) -> Void) {
        if nats.isLameDuck {
            return answer(
                Self.health(
                    options, HealthFault(503, "CONNECTION", "the server is in lame duck mode")))
        }
        guard facts.jetStream != nil, let broker else { return answer(Self.health(options, nil)) }
        if !options.consumer.isEmpty, options.stream.isEmpty {
            let text = "\"stream\" must not be empty when checking consumer health"
            return answer(Self.health(options, HealthFault(400, "CONSUMER", text)))
        }
        if !options.stream.isEmpty, options.account.isEmpty {
            let text = "\"account\" must not be empty when checking stream health"
            return answer(Self.health(options, HealthFault(400, "STREAM", text)))
        }
        guard !options.account.isEmpty else { return answer(Self.health(options, nil)) }
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
            if options.showsDetails || fault.status == 400 {
                json.field("status", "error")
            } else {
                json.field("status", "unavailable")
            }
            if options.showsDetails {
                json.name("errors")
                json.beginArray()
                json.beginObject()
                json.field("type", fault.kind)
                json.unlessEmpty("account", options.account)
                json.unlessEmpty("stream", options.stream)
                json.unlessEmpty("consumer", options.consumer)
                json.field("error", fault.text)
                json.endObject()
                json.endArray()
            } else {
                json.field("error", fault.text)
            }
        } else {
            json.field("status", "ok")
        }
        json.endObject()
        return Report(status: fault?.status ?? 200, body: json.bytes, isIndented: false)
    }
}
