extension WriteAheadLog {
    /// The 16 random bytes that name the data folder, the same for as long as it exists.
    public var folderID: [UInt8] { folder.id }

    public var folderPath: String { folder.path }
}
