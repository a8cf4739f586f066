/// A promise that was broken, as an oracle saw it.
public struct Failure: Error, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }
}

/// Ends the run with a ``Failure`` unless `condition` holds.
func demand(_ condition: Bool, _ claim: @autoclosure () -> String) throws(Failure) {
    if !condition { throw Failure(claim()) }
}
