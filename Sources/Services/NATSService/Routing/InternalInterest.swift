/// What the server itself does with the messages of a subject.
enum InternalInterest: Equatable {
    /// Keeps them for the inbox on loop 0.
    case capture(CaptureTag)
    /// Passes them on to the account that exports a service.
    case service(ServiceImport)
    /// Passes them back to the account that asked.
    case responses(ResponseTable)
    /// Gives them to the session that waits for a callout's answer.
    case callout(CalloutTable)
    /// Answers them.
    case handler(RequestHandler)

    static func == (left: InternalInterest, right: InternalInterest) -> Bool {
        switch (left, right) {
        case (.capture(let one), .capture(let two)): one == two
        case (.service(let one), .service(let two)): one === two
        case (.responses(let one), .responses(let two)): one === two
        case (.callout(let one), .callout(let two)): one === two
        case (.handler(let one), .handler(let two)): one === two
        default: false
        }
    }
}

/// Where a message comes from, for what crosses accounts.
struct MessageOrigin {
    /// Nil: the server itself, or it came through another account.
    var session: ClientSession?
    /// Whether streams and the server's services get it.
    var captures = true
    /// What the subject that found its receivers was, where it is not the one they see.
    var inbox: [UInt8]?
    /// Who asked, once a request has crossed accounts.
    var request: RequestInfo?
    /// How many accounts it has crossed.
    var depth = 0

    static let maximumDepth = 16
}
