import Bytes
import DequeModule
import ServerConfig
import Synchronization

/// The requests from other accounts that an account has not answered yet.
///
/// A service sees a reply subject of its own account, `_R_.<table>.<token>`; whoever publishes to
/// it reaches the inbox of the account that asked. An answer to a `single` service ends that;
/// others end with an empty message, or when nothing came for the threshold. What
/// nobody answers is forgotten, the oldest first where there are too many.
final class ResponseTable: Sendable {
    struct Request {
        let account: AccountRouting
        let inbox: [UInt8]
        let response: ResponseType
        let thresholdNanoseconds: Int64
    }

    /// So many requests to one account may be under way.
    static let limit = 1 << 18

    /// `_R_.<table>.`
    private let prefix: [UInt8]
    private let state = Mutex(State())

    private struct State {
        var requests: [[UInt8]: Entry] = [:]
        /// In the order of the requests.
        var order = Deque<[UInt8]>()

        /// A few at a time.
        mutating func dropOld(now: Int64) {
            for _ in 0..<4 {
                guard let token = order.first else { return }
                let deadline = requests[token]?.deadlineNanoseconds
                if let deadline, deadline >= now, requests.count < ResponseTable.limit { break }
                order.removeFirst()
                requests[token] = nil
            }
            // What was answered behind one that waits long.
            guard order.count > 1024, order.count > 4 * requests.count else { return }
            order.removeAll { requests[$0] == nil }
        }
    }

    private struct Entry {
        var request: Request
        var deadlineNanoseconds: Int64
    }

    init() { prefix = Array("_R_.".utf8) + Self.token(6) + [UInt8(ascii: ".")] }

    /// What the server subscribes to for it.
    var filter: [UInt8] { prefix + [UInt8(ascii: "*")] }

    /// - Returns: the reply subject for the service.
    func expect(_ request: Request, now: Int64) -> [UInt8] {
        let token = Self.token(12)
        let deadline = now &+ request.thresholdNanoseconds
        state.withLock { state in
            state.dropOld(now: now)
            state.requests[token] = Entry(request: request, deadlineNanoseconds: deadline)
            state.order.append(token)
        }
        return prefix + token
    }

    /// An answer has come.
    ///
    /// - Parameter isEmpty: whether it has neither headers nor a payload.
    /// - Returns: for whom; nil where nobody waits for it.
    func answered(_ subject: [UInt8], isEmpty: Bool, now: Int64) -> Request? {
        let token = Array(subject.dropFirst(prefix.count))
        return state.withLock { state in
            guard let entry = state.requests[token] else { return nil }
            let isOver = entry.deadlineNanoseconds < now
            switch entry.request.response {
            case .single: state.requests[token] = nil
            case .stream, .chunked:
                if isEmpty { state.requests[token] = nil }
                state.requests[token]?.deadlineNanoseconds =
                    now &+ entry.request.thresholdNanoseconds
            }
            if isOver { state.requests[token] = nil }
            return isOver ? nil : entry.request
        }
    }

    /// Nobody got the request.
    func forget(_ subject: [UInt8]) {
        let token = Array(subject.dropFirst(prefix.count))
        state.withLock { _ = $0.requests.removeValue(forKey: token) }
    }

    var count: Int { state.withLock { $0.requests.count } }

    private static func token(_ count: Int) -> [UInt8] {
        var token: [UInt8] = []
        token.reserveCapacity(count)
        while token.count < count {
            // Ten characters of one draw, which may be a system call.
            var rest = UInt64.random(in: 0 ... .max)
            for _ in 0..<min(10, count - token.count) {
                token.append(alphabet[Int(rest % 62)])
                rest /= 62
            }
        }
        return token
    }

    private static let alphabet = Array(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}
