import Model
import Testing

@Suite struct NumbersTests {
    @Test func `a sequence is its offset plus one`() {
        #expect(StreamSequence(Offset(0)) == StreamSequence(1))
        #expect(Offset(StreamSequence(1)) == Offset(0))
        #expect(Offset(StreamSequence.none) == Offset(-1))
        #expect(Offset(5).advanced(by: 3).distance(to: Offset(10)) == 2)
    }

    @Test func `milliseconds are rounded down, before 1970 too`() {
        #expect(Timestamp(nanoseconds: 1_999_999).milliseconds == 1)
        #expect(Timestamp(nanoseconds: -1).milliseconds == -1)
        #expect(Timestamp(nanoseconds: -1_000_000).milliseconds == -1)
        #expect(Timestamp(nanoseconds: -1_000_001).milliseconds == -2)
        #expect(Timestamp(milliseconds: -7).milliseconds == -7)
    }
}
