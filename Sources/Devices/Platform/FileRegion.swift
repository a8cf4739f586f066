/// A stretch of a file, to be sent as it is. The file stays open as long as this lives, also when its name is gone.
public struct FileRegion: Sendable {
    public let file: any FileHandle
    public let offset: Int
    public let byteCount: Int

    public init(file: any FileHandle, offset: Int, byteCount: Int) {
        self.file = file
        self.offset = offset
        self.byteCount = byteCount
    }

    /// For `sendfile`.
    public var descriptor: Int32 { file.descriptor }
}
