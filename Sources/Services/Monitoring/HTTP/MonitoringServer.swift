import NIOCore
import NIOHTTP1
import NIOPosix
public import Platform

/// What was asked: the path without the query, and the query's fields.
public struct MonitoringRequest: Sendable {
    public var path: String
    public var query: [String: String]
}

/// What is answered.
public struct MonitoringResponse: Sendable {
    public var status: Int
    public var contentType: String
    public var body: [UInt8]
    /// Whether pages of other origins may read it.
    public var allowsOtherOrigins = false

    public init(status: Int = 200, contentType: String = "application/json", body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    public static let notFound = MonitoringResponse(
        status: 404, contentType: "text/plain; charset=utf-8", body: Array("404 page not found\n".utf8))
}

/// Answers HTTP requests about the server's state, on one NIO thread of its own.
///
/// Requests that take too long to arrive, or whose head is too large, end the connection; the answers themselves come
/// from the loops that own the state.
public final class MonitoringServer: Sendable {
    /// Gives the answer by the callback, from any thread.
    public typealias Responder =
        @Sendable (MonitoringRequest, @escaping @Sendable (MonitoringResponse) -> Void) -> Void

    private let group: MultiThreadedEventLoopGroup
    private let respond: Responder
    private let channel: (any Channel)?
    /// Where it listens: the real port, also where a free one was asked for. 0: it only adopts.
    public let port: Int

    /// - Parameter port: 0 takes a free one.
    /// - Throws: `IOError` where the address cannot be had.
    public init(host: String, port: Int, respond: @escaping Responder) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            channel = try ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { Self.prepare($0, respond) }
                .bind(host: host, port: port).wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
        self.group = group
        self.respond = respond
        self.port = channel?.localAddress?.port ?? port
    }

    /// A server without a port, which answers on the sockets that it is given.
    public init(respond: @escaping Responder) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = nil
        port = 0
        self.respond = respond
    }

    /// Answers requests that come on `socket`, and closes it in the end. Any thread.
    public func adopt(_ socket: Socket) {
        let respond = respond
        // Where that fails NIO closes the socket, and the other end learns of it.
        _ = ClientBootstrap(group: group)
            .channelInitializer { Self.prepare($0, respond) }
            .withConnectedSocket(socket.descriptor)
    }

    private static func prepare(
        _ channel: any Channel, _ respond: @escaping Responder
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: idleLimit))
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true)
            try pipeline.addHandler(RequestHandler(respond: respond))
        }
    }

    public func stop() {
        try? channel?.close().wait()
        try? group.syncShutdownGracefully()
    }

    private static let idleLimit = TimeAmount.seconds(30)
}

/// One connection: waits for the end of each request and writes its answer.
private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let respond: MonitoringServer.Responder
    private var head: HTTPRequestHead?

    init(respond: @escaping MonitoringServer.Responder) { self.respond = respond }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        guard head.method == .GET || head.method == .HEAD else {
            let body = Array("only GET is answered\n".utf8)
            return write(
                MonitoringResponse(status: 405, contentType: "text/plain", body: body), head, context)
        }
        respond(Self.request(head.uri)) { response in
            loop.execute {
                let (handler, context) = box.value
                handler.write(response, head, context)
            }
        }
    }

    private func write(
        _ response: MonitoringResponse, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: response.contentType)
        headers.add(name: "Content-Length", value: String(response.body.count))
        if response.allowsOtherOrigins {
            headers.add(name: "Access-Control-Allow-Origin", value: "*")
        }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: response.status)
        context.write(
            wrapOutboundOut(.head(.init(version: head.version, status: status, headers: headers))),
            promise: nil)
        if head.method != .HEAD {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !head.isKeepAlive {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            written.whenComplete { _ in bound.value.close(promise: nil) }
        }
    }

    private static func request(_ uri: String) -> MonitoringRequest {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [String: String] = [:]
        for field in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = decoded(pair[0])
            // Of a name that is there twice the first counts.
            if query[name] == nil { query[name] = pair.count > 1 ? decoded(pair[1]) : "" }
        }
        return MonitoringRequest(path: decoded(parts[0]), query: query)
    }

    /// Without `%41` and `+`; what is no such code stays as it is.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                if digits.utf8.count == 2, !digits.hasPrefix("+"), !digits.hasPrefix("-"),
                    let value = UInt8(digits, radix: 16)
                {
                    bytes.append(value)
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte)
                }
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
