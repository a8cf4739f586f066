/// Seeds that failed once, from `Tests/Simulation/seeds.txt`: a number a line, what it found behind it.
public enum KeptSeeds {
    public static func parse(_ text: String) -> [UInt64] {
        text.split(separator: "\n").compactMap { line in
            UInt64(line.prefix { $0.isNumber })
        }
    }
}
