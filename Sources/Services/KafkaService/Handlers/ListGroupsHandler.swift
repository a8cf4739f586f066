import Broker
import KafkaCoordination
import KafkaProtocol

enum ListGroupsHandler: RequestHandler {
    private static let classic = "classic"

    static func handle(_ request: ListGroupsRequest, _ exchange: Exchange) {
        let states = Set(request.statesFilter.map { $0.lowercased() })
        let types = Set(request.typesFilter.map { $0.lowercased() })
        var response = ListGroupsResponse()
        for listing in exchange.broker.groups.list() {
            guard states.isEmpty || states.contains(listing.state.lowercased()),
                types.isEmpty || types.contains(classic)
            else { continue }
            var entry = ListGroupsResponse.ListedGroup()
            entry.groupId = listing.group
            entry.protocolType = listing.protocolType
            entry.groupState = listing.state
            entry.groupType = classic
            response.groups.append(entry)
        }
        exchange.answer(response)
    }
}
