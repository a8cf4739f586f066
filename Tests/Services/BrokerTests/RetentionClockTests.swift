import Broker
import Model
import Testing

@Suite struct RetentionClockTests {
    private static let second: Int64 = 1_000_000_000
    private static let hour = 3_600 * second
    private static let start = Timestamp(nanoseconds: 1_800_000_000 * second)

    @Test func `it is the wall clock as long as that is right, also when it is corrected a little`() {
        var clock = RetentionClock()
        #expect(clock.time(wall: Self.start, monotonic: 5) == Self.start)
        let later = Self.start.advanced(byNanoseconds: 60 * Self.second)
        #expect(clock.time(wall: later, monotonic: 5 + 60 * Self.second) == later)
        let corrected = later.advanced(byNanoseconds: 8 * Self.second)
        #expect(clock.time(wall: corrected, monotonic: 6 + 60 * Self.second) == corrected)
    }

    @Test func `an hour forward by mistake makes nothing an hour older at once`() {
        var clock = RetentionClock()
        _ = clock.time(wall: Self.start, monotonic: 0)
        let jumped = Self.start.advanced(byNanoseconds: Self.hour)
        let time = clock.time(wall: jumped, monotonic: Self.second)
        #expect(time == Self.start.advanced(byNanoseconds: 2 * Self.second))
        // Where the clock is set right again, nothing has happened.
        let right = Self.start.advanced(byNanoseconds: 2 * Self.second)
        #expect(clock.time(wall: right, monotonic: 2 * Self.second) == right)
    }

    @Test func `a jump that stays is caught up with in the same time again`() {
        var clock = RetentionClock()
        _ = clock.time(wall: Self.start, monotonic: 0)
        var time = Self.start
        for minute in 1...70 {
            let elapsed = Int64(minute) * 60 * Self.second
            time = clock.time(
                wall: Self.start.advanced(byNanoseconds: Self.hour + elapsed), monotonic: elapsed)
        }
        #expect(time == Self.start.advanced(byNanoseconds: Self.hour + 70 * 60 * Self.second))
    }

    @Test func `back to 1970 nothing is old, and afterwards all is as before`() {
        var clock = RetentionClock()
        _ = clock.time(wall: Self.start, monotonic: 0)
        let past = Timestamp(nanoseconds: 1)
        #expect(clock.time(wall: past, monotonic: Self.second) == past)
        let back = Self.start.advanced(byNanoseconds: 2 * Self.second)
        #expect(clock.time(wall: back, monotonic: 2 * Self.second) == back)
    }
}
