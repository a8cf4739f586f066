import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import Subjects
import Transport

extension JetStreamService {
    /// `STREAM.…`
    func answerStream(_ request: borrowing APIRequest) {
        let tokens = request.tokens
        switch (tokens[1], tokens.count) {
        case ("NAMES", 2): answerStreamNames(request)
        case ("LIST", 2): answerStreamList(request)
        case ("CREATE", 3): answerStreamCreate(request, tokens[2])
        case ("UPDATE", 3): answerStreamUpdate(request, tokens[2])
        case ("INFO", 3): answerStreamInfo(request, tokens[2])
        case ("DELETE", 3): answerStreamDelete(request, tokens[2])
        case ("PURGE", 3): answerStreamPurge(request, tokens[2])
        case ("MSG", 4) where tokens[2] == "GET": answerMessageGet(request, tokens[3])
        case ("MSG", 4) where tokens[2] == "DELETE": answerMessageDelete(request, tokens[3])
        case ("SNAPSHOT", 3):
            refuse(request, .streamSnapshot, .snapshotFailed("not supported by this server"))
        case ("RESTORE", 3):
            refuse(request, .streamRestore, .restoreFailed("not supported by this server"))
        case ("LEADER", 4): refuse(request, .streamLeaderStepdown, .clusterRequired)
        case ("PEER", 4) where tokens[2] == "REMOVE":
            refuse(request, .streamRemovePeer, .clusterRequired)
        case ("PEER", 4): refuse(request, .streamEvacuatePeer, .clusterRequired)
        default: refuse(request, .unknown, .badRequest)
        }
    }

    private func answerStreamCreate(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .streamCreate, isDurable: true) { () throws(JetStreamError) in
            let log = try broker.createStream(
                try StreamConfigRequest(payload), nameInSubject: name, account: current.name,
                limits: current.limits ?? .none)
            return StreamReply.created(broker.streamInfo(log, leader: nil))
        }
    }

    private func answerStreamUpdate(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .streamUpdate, isDurable: true) { () throws(JetStreamError) in
            let log = try broker.updateStream(
                try StreamConfigRequest(payload), nameInSubject: name, account: current.name,
                limits: current.limits ?? .none)
            return StreamReply.updated(broker.streamInfo(log, leader: nil))
        }
    }

    private func answerStreamInfo(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .streamInfo) { () throws(JetStreamError) in
            let details = try StreamInfoRequest(payload)
            let log = try stream(name)
            var info = broker.streamInfo(log, leader: serverName)
            if details.deletedDetails {
                info.state.deleted = log.view?.deleted(limit: 1 << 20) ?? []
            }
            guard !details.subjectsFilter.isEmpty else { return StreamReply.info(info) }
            let all =
                SubjectFilter(details.subjectsFilter).flatMap { log.view?.subjects(matching: $0) }
                ?? []
            let start = min(details.offset, all.count)
            info.state.subjects = Array(
                all[start..<min(all.count, start + PageRequest.subjectsLimit)])
            return StreamReply.info(
                info, subjects: all.isEmpty ? nil : (total: all.count, offset: start))
        }
    }

    private func answerStreamNames(_ request: borrowing APIRequest) {
        let payload = request.payload
        answer(request, .streamNames) { () throws(JetStreamError) in
            let page = try PageRequest(payload, type: "JSApiStreamNamesRequest")
            return StreamReply.names(names(overlapping: page.subject), offset: page.offset)
        }
    }

    private func answerStreamList(_ request: borrowing APIRequest) {
        let payload = request.payload
        answer(request, .streamList) { () throws(JetStreamError) in
            let page = try PageRequest(payload, type: "JSApiStreamListRequest")
            let all = names(overlapping: page.subject)
            let start = min(page.offset, all.count)
            let infos = all[start..<min(all.count, start + PageRequest.infosLimit)].compactMap {
                name in
                broker.catalog.log(streamName: name, in: current.name).flatMap { broker.log($0) }.map {
                    // The logs of topics that only Kafka has used are not read for a list.
                    broker.shortStreamInfo($0)
                }
            }
            return StreamReply.list(infos, total: all.count, offset: start)
        }
    }

    private func names(overlapping subject: String) -> [String] {
        let names = broker.catalog.streamNames(in: current.name)
        guard !subject.isEmpty else { return names }
        guard let filter = SubjectFilter(subject) else { return [] }
        return names.filter { name in
            guard let log = broker.catalog.log(streamName: name, in: current.name),
                let place = broker.catalog.place(of: log),
                let stream = broker.catalog[place.stream]
            else { return false }
            return stream.subjects.contains { SubjectFilter($0)?.overlaps(filter) ?? false }
        }
    }

    private func answerStreamDelete(_ request: borrowing APIRequest, _ name: String) {
        let isEmpty = RequestField.isNothing(request.payload)
        answer(request, .streamDelete, isDurable: true) { () throws(JetStreamError) in
            guard isEmpty else { throw .notEmptyRequest }
            try broker.deleteStream(named: name, in: current.name)
            return StreamReply.deleted()
        }
    }

    private func answerStreamPurge(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .streamPurge, isDurable: true) { () throws(JetStreamError) in
            let purge = try PurgeRequest(payload)
            return StreamReply.purged(try broker.purge(purge, from: try stream(name)))
        }
    }

    private func answerMessageDelete(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .messageDelete, isDurable: true) { () throws(JetStreamError) in
            if RequestField.isNothing(payload) { throw .badRequest }
            let delete = try MessageDeleteRequest(payload)
            try broker.deleteMessage(StreamSequence(delete.sequence), from: try stream(name))
            return StreamReply.messageDeleted()
        }
    }

    private func answerMessageGet(_ request: borrowing APIRequest, _ name: String) {
        let payload = request.payload
        answer(request, .messageGet) { () throws(JetStreamError) in
            let get = try MessageGetRequest(payload, isStrict: true)
            let log = try stream(name)
            guard !get.isEmpty, !get.isContradictory, !get.needsDirect else { throw .badRequest }
            guard let sequence = sequence(of: get, in: log) else { throw .noMessageFound }
            let answer = try broker.withMessage(sequence, of: log) {
                subject, headers, payload, time in
                StreamReply.message(
                    subject: String(repairingUTF8: subject), sequence: sequence.value,
                    headers: get.noHeaders ? "" : Base64.encode(Array(copying: headers)),
                    data: Base64.encode(Array(copying: payload)), time: time)
            }
            guard let answer else { throw .noMessageFound }
            return answer
        }
    }

    /// The one message that a request means.
    func sequence(of get: MessageGetRequest, in log: PartitionLog) -> StreamSequence? {
        guard let view = log.view else { return nil }
        if !get.lastBySubject.isEmpty {
            return SubjectFilter(get.lastBySubject).flatMap { view.last(matching: $0) }
        }
        var start = StreamSequence(get.sequence)
        if let time = get.startTime { start = broker.sequence(from: time, in: log) }
        if !get.nextBySubject.isEmpty {
            return SubjectFilter(get.nextBySubject).flatMap { view.next(from: start, matching: $0) }
        }
        if get.startTime != nil { return view.next(from: start) }
        return view.contains(start) ? start : nil
    }
}
