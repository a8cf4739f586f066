import KafkaProtocol
import Testing

@Suite struct KafkaErrorTests {
    @Test func `there are 138 codes, from -1 to 136`() {
        #expect(KafkaError.allCases.map(\.rawValue) == Array(-1...136))
    }

    @Test func `an error knows its standard name`() {
        #expect(KafkaError.none.name == "NONE")
        #expect(KafkaError.unknownServerError.name == "UNKNOWN_SERVER_ERROR")
        #expect(KafkaError(rawValue: 45)?.name == "OUT_OF_ORDER_SEQUENCE_NUMBER")
        #expect(KafkaError(rawValue: 129)?.name == "REBOOTSTRAP_REQUIRED")
    }

    @Test func `an error knows whether to try again`() {
        #expect(KafkaError.notLeaderOrFollower.isRetriable)
        #expect(KafkaError.corruptMessage.isRetriable)
        #expect(!KafkaError.invalidRecord.isRetriable)
        #expect(!KafkaError.none.isRetriable)
    }

    @Test func `Produce is advertised from 0 although it is served from 3`() {
        #expect(APIKey.produce.versions == 3...13)
        #expect(APIKey.produce.advertisedVersions == 0...13)
        #expect(APIKey.fetch.advertisedVersions == 4...18)
        #expect(APIKey.vote.versions == nil && APIKey.vote.advertisedVersions == nil)
    }
}
