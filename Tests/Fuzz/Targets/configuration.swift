import ServerConfig

/// A configuration file, which may include itself: it has a meaning, or errors that say what is wrong.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = [UInt8](UnsafeBufferPointer(start: data, count: count))
    let surroundings = ConfigSurroundings(
        readFile: { path throws(ConfigSurroundings.FileUnreadable) in
            guard path.hasSuffix("self.conf") else {
                throw ConfigSurroundings.FileUnreadable("open \(path): no such file")
            }
            return text
        },
        variable: { $0 == "VARIABLE" ? "17MB" : nil })
    var bounds = ConfigTree.Bounds()
    bounds.includeCount = 20
    bounds.byteCount = 1 << 20
    bounds.valueCount = 10_000
    do throws(ConfigError) {
        let tree = try ConfigTree(text: text, name: "x.conf", from: surroundings, bounds: bounds)
        precondition(!ConfigDigest.text(of: tree).isEmpty)
        var options = ServerOptions()
        do throws(ConfigErrors) {
            _ = try options.apply(tree, readFile: surroundings.readFile)
            _ = options.contradictions
        } catch {
            precondition(!"\(error)".isEmpty)
        }
    } catch {
        precondition(!"\(error)".isEmpty)
    }
    return 0
}
