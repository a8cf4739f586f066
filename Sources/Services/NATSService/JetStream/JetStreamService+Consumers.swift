import Broker
import Bytes
import Catalog
import JSON
import JetStream
import JetStreamAPI
import Model
import Transport

extension JetStreamService {
    /// `CONSUMER.…`
    func answerConsumer(_ request: borrowing APIRequest) {
        let tokens = request.tokens
        switch (tokens[1], tokens.count) {
        case ("CREATE", 3): answerConsumerCreate(request, tokens[2], .unnamed)
        case ("CREATE", 4): answerConsumerCreate(request, tokens[2], .named(tokens[3], filter: nil))
        case ("CREATE", 5...):
            answerConsumerCreate(
                request, tokens[2], .named(tokens[3], filter: request.rest(from: 4)))
        case ("DURABLE", 5) where tokens[2] == "CREATE":
            answerConsumerCreate(request, tokens[3], .durable(tokens[4]))
        case ("NAMES", 3): answerConsumerNames(request, tokens[2])
        case ("LIST", 3): answerConsumerList(request, tokens[2])
        case ("INFO", 4): answerConsumerInfo(request, tokens[2], tokens[3])
        case ("DELETE", 4): answerConsumerDelete(request, tokens[2], tokens[3])
        case ("MSG", 5) where tokens[2] == "NEXT": answerPull(request, tokens[3], tokens[4])
        case ("PAUSE", 4): answerPause(request, tokens[2], tokens[3])
        case ("RESET", 4): answerReset(request, tokens[2], tokens[3])
        case ("UNPIN", 4): answerUnpin(request, tokens[2], tokens[3])
        case ("LEADER", 5): refuse(request, .consumerLeaderStepdown, .clusterRequired)
        case ("PEER", 5) where tokens[2] == "REMOVE":
            refuse(request, .consumerRemovePeer, .clusterRequired)
        case ("PEER", 5): refuse(request, .consumerEvacuatePeer, .clusterRequired)
        default: refuse(request, .unknown, .badRequest)
        }
    }

    private func consumer(_ name: String, of stream: String) throws(JetStreamError)
        -> StreamConsumer
    {
        guard let consumer = try self.stream(stream).consumers[name] else {
            throw .consumerNotFound
        }
        return consumer
    }

    private func answerConsumerCreate(
        _ request: borrowing APIRequest, _ stream: String, _ subject: ConsumerCreateSubject
    ) {
        let payload = request.payload
        answer(request, .consumerCreate, isDurable: true) { () throws(JetStreamError) in
            let create = try CreateConsumerRequest(payload)
            guard create.stream == stream else { throw .streamMismatch }
            let consumer = try broker.createConsumer(
                create, subject: subject, on: try self.stream(stream),
                limits: current.limits ?? .none)
            return ConsumerReply.created(broker.consumerInfo(consumer))
        }
    }

    private func answerConsumerNames(_ request: borrowing APIRequest, _ stream: String) {
        let payload = request.payload
        answer(request, .consumerNames) { () throws(JetStreamError) in
            let page = try PageRequest(payload, type: "JSApiConsumersRequest")
            let names = try self.stream(stream).consumers.keys.sorted()
            return ConsumerReply.names(names, offset: page.offset)
        }
    }

    private func answerConsumerList(_ request: borrowing APIRequest, _ stream: String) {
        let payload = request.payload
        answer(request, .consumerList) { () throws(JetStreamError) in
            let page = try PageRequest(payload, type: "JSApiConsumersRequest")
            let all = try self.stream(stream).consumers.values.sorted { $0.name < $1.name }
            let start = min(page.offset, all.count)
            let infos = all[start..<min(all.count, start + PageRequest.infosLimit)]
                .map { broker.consumerInfo($0) }
            return ConsumerReply.list(infos, total: all.count, offset: start)
        }
    }

    private func answerConsumerInfo(
        _ request: borrowing APIRequest, _ stream: String, _ name: String
    ) {
        let isEmpty = RequestField.isNothing(request.payload)
        answer(request, .consumerInfo) { () throws(JetStreamError) in
            guard isEmpty else { throw .notEmptyRequest }
            return ConsumerReply.info(broker.consumerInfo(try consumer(name, of: stream)))
        }
    }

    private func answerConsumerDelete(
        _ request: borrowing APIRequest, _ stream: String, _ name: String
    ) {
        let isEmpty = RequestField.isNothing(request.payload)
        answer(request, .consumerDelete, isDurable: true) { () throws(JetStreamError) in
            guard isEmpty else { throw .notEmptyRequest }
            try broker.deleteConsumer(try consumer(name, of: stream))
            return ConsumerReply.deleted()
        }
    }

    private func answerPull(_ request: borrowing APIRequest, _ stream: String, _ name: String) {
        guard let id = broker.catalog.log(streamName: stream, in: current.name),
            let consumer = broker.log(id)?.consumers[name]
        else { return answerNobody(request) }
        pull(request.payload, inbox: request.reply, from: consumer)
    }

    private func answerPause(_ request: borrowing APIRequest, _ stream: String, _ name: String) {
        let payload = request.payload
        answer(request, .consumerPause, isDurable: true) { () throws(JetStreamError) in
            let pause = try ConsumerPauseRequest(payload)
            try broker.pauseConsumer(try consumer(name, of: stream), until: pause.pauseUntil)
            return ConsumerReply.paused(until: pause.pauseUntil, now: broker.loop.now)
        }
    }

    /// Nobody has priority groups here.
    private func answerUnpin(_ request: borrowing APIRequest, _ stream: String, _ name: String) {
        let payload = request.payload
        answer(request, .consumerUnpin) { () throws(JetStreamError) in
            _ = try ConsumerUnpinRequest(payload)
            _ = try consumer(name, of: stream)
            throw .priorityGroupUnknown
        }
    }

    private func answerReset(_ request: borrowing APIRequest, _ stream: String, _ name: String) {
        let payload = request.payload
        answer(request, .consumerReset, isDurable: true) { () throws(JetStreamError) in
            let reset = try ConsumerResetRequest(payload)
            let consumer = try consumer(name, of: stream)
            let start = broker.resetConsumer(
                consumer, to: reset.sequence > 0 ? StreamSequence(reset.sequence) : nil)
            guard broker.writeRecord(of: consumer) else { throw .insufficientResources }
            return ConsumerReply.reset(broker.consumerInfo(consumer), to: start.value)
        }
    }
}
