import Accounts
import JSON

/// The services that look up and change the JWTs of accounts, in operator mode.
extension SystemService {
    func addClaimServices() {
        serve("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", in: account) { [self] request in
            onWorker(request) { [self] in
                if let jwt = nats.lookUpClaims(of: String(request.tokens[3])) {
                    answer(request, Array(jwt.utf8))
                }
            }
        }
        serve("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", in: account) { [self] request in
            onWorker(request) { [self] in
                let account = String(request.tokens[3])
                answer(request, nats.updateClaims(request.text, of: account))
            }
        }
        serve("$SYS.REQ.CLAIMS.UPDATE", in: account) { [self] request in
            onWorker(request) { [self] in answer(request, nats.updateClaims(request.text)) }
        }
        serve("$SYS.REQ.CLAIMS.DELETE", in: account) { [self] request in
            onWorker(request) { [self] in answer(request, nats.deleteClaims(request.text)) }
        }
        serve("$SYS.REQ.CLAIMS.LIST", in: account) { [self] request in
            onWorker(request) { [self] in
                let names = nats.listClaims().map(JSONValue.string)
                answer(request, data: JSONValue.array(names).bytes)
            }
        }
    }

    private func answer(_ request: SystemRequest, _ claims: ClaimsAnswer) {
        let field = claims.field
        answer(request, enveloped([(field.name, field.value.bytes)]))
    }

    /// - Returns: whether accounts have JWTs at all.
    private func onWorker(
        _ request: SystemRequest, _ work: @escaping @Sendable () -> Void
    ) -> Bool {
        guard nats.authenticator.directory.isOperatorMode else { return false }
        if !worker.run(work) { answer(request, code: 503, "too many requests are under way") }
        return true
    }
}

extension SystemRequest {
    fileprivate var text: String { String(decoding: payload, as: UTF8.self) }
}
