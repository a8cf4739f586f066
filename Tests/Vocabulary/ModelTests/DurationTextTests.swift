import Model
import Testing

@Suite struct DurationTextTests {
    @Test(arguments: [
        (0, "0s"), (1, "1ns"), (1_500, "1.5µs"), (723_000, "723µs"), (1_234_567, "1.234567ms"),
        (2_000_000_000, "2s"), (90_500_000_000, "1m30.5s"), (3_600_000_000_000, "1h0m0s"),
        (100_000_000_000_000, "27h46m40s"), (-1_500_000, "-1.5ms"),
    ] as [(Int64, String)])
    func `durations read as Go prints them`(nanoseconds: Int64, text: String) {
        #expect(DurationText.exact(nanoseconds: nanoseconds) == text)
    }

    @Test(arguments: [
        (-1, "0s"), (59, "59s"), (60, "1m0s"), (3_600, "1h0m0s"), (86_400, "1d0h0m0s"),
        (93_784, "1d2h3m4s"), (365 * 86_400 + 1, "1y0d0h0m1s"),
    ] as [(Int64, String)])
    func `an uptime leaves out the large units that are 0`(seconds: Int64, text: String) {
        #expect(DurationText.uptime(nanoseconds: seconds * 1_000_000_000) == text)
    }
}
