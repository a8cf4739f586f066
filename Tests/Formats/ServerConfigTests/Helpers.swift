import ServerConfig

/// Files and variables of a test.
func surroundings(files: [String: String] = [:], variables: [String: String] = [:]) -> ConfigSurroundings {
    ConfigSurroundings(
        readFile: { path throws(ConfigSurroundings.FileUnreadable) in
            guard let text = files[path] else {
                throw ConfigSurroundings.FileUnreadable("open \(path): no such file or directory")
            }
            return Array(text.utf8)
        },
        variable: { variables[$0] })
}

/// What a configuration means as JSON, or what is wrong with it.
func meaning(_ text: String, files: [String: String] = [:], variables: [String: String] = [:]) -> String {
    do {
        let tree = try ConfigTree(
            text: Array(text.utf8), name: "x.conf", from: surroundings(files: files, variables: variables))
        return String(decoding: ConfigDigest.text(of: tree).dropLast(), as: UTF8.self)
    } catch {
        return "\(error)"
    }
}

/// The options of a configuration.
func options(_ text: String, files: [String: String] = [:]) throws -> ServerOptions {
    let tree = try ConfigTree(text: Array(text.utf8), name: "x.conf", from: surroundings(files: files))
    var options = ServerOptions()
    _ = try options.apply(tree, readFile: surroundings(files: files).readFile)
    return options
}

/// What is wrong with the options of a configuration, a line each.
func problems(_ text: String) -> String {
    do {
        _ = try options(text)
        return "none"
    } catch {
        return "\(error)"
    }
}
