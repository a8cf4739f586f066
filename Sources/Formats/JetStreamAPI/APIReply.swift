import JSON

/// The kinds of answers to `$JS.API` requests: the `type` of each, and what an error of it carries besides.
public enum APIReply: String, Sendable {
    case accountInfo = "account_info"
    case streamCreate = "stream_create"
    case streamUpdate = "stream_update"
    case streamNames = "stream_names"
    case streamList = "stream_list"
    case streamInfo = "stream_info"
    case streamDelete = "stream_delete"
    case streamPurge = "stream_purge"
    case streamSnapshot = "stream_snapshot"
    case streamRestore = "stream_restore"
    case streamLeaderStepdown = "stream_leader_stepdown"
    case streamRemovePeer = "stream_remove_peer"
    case streamEvacuatePeer = "stream_evacuate_peer"
    case messageGet = "stream_msg_get"
    case messageDelete = "stream_msg_delete"
    case consumerCreate = "consumer_create"
    case consumerNames = "consumer_names"
    case consumerList = "consumer_list"
    case consumerInfo = "consumer_info"
    case consumerDelete = "consumer_delete"
    case consumerPause = "consumer_pause"
    case consumerUnpin = "consumer_unpin"
    case consumerReset = "consumer_reset"
    case consumerLeaderStepdown = "consumer_leader_stepdown"
    case consumerRemovePeer = "consumer_remove_peer"
    case consumerEvacuatePeer = "consumer_evacuate_peer"
    /// To what is no request.
    case unknown

    /// The JSON object with its type and what `members` adds.
    public func body(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("type", "io.nats.jetstream.api.v1.\(rawValue)_response")
        members(&json)
        json.endObject()
        return json.bytes
    }

    public func success() -> [UInt8] { body { $0.field("success", true) } }

    public func error(_ error: JetStreamError) -> [UInt8] {
        body { json in
            json.name("error")
            error.write(to: &json)
            switch self {
            case .streamInfo: json.emptyPage()
            case .streamNames, .streamList:
                json.emptyPage()
                json.name("streams")
                json.null()
            case .consumerNames, .consumerList:
                json.emptyPage()
                json.name("consumers")
                json.beginArray()
                json.endArray()
            case .streamPurge: json.field("purged", 0)
            case .streamRestore: json.field("deliver_subject", "")
            case .consumerPause:
                json.field("paused", false)
                json.field("pause_until", "0001-01-01T00:00:00Z")
            default: break
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func emptyPage() {
        field("total", 0)
        field("offset", 0)
        field("limit", 0)
    }
}
