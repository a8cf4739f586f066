extension WriteAheadLog {
    /// Does what the writer thread would do next: writes and syncs one group, or the mark of an idle
    /// log. Only where ``Options/runsThreads`` is false.
    ///
    /// - Returns: false when there is nothing to do.
    public func runWriterStep() -> Bool { writer.step() }

    /// Does what the thread that readies files would do next: makes a file, or writes some zeros.
    /// Only where ``Options/runsThreads`` is false.
    ///
    /// - Returns: false when there is nothing to do.
    public func runSpaceStep() -> Bool { space.step() }

    /// Zeros are being written, so that an append may have to wait for them.
    public var isFillingFile: Bool { space.isFilling }
}
