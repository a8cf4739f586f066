import Foundation

/// The repository as the tidy tests see it: files with their layer, target, imports and lines.
struct SourceTree {
    struct File {
        /// Relative to the root of the repository, such as `Sources/Formats/JSON/JSONValue.swift`.
        let path: String
        let lines: [Substring]

        var components: [Substring] { path.split(separator: "/") }
        var layer: String { String(components[1]) }
        var target: String { String(components[2]) }

        /// The modules that this file imports, in order.
        var imports: [String] { lines.compactMap(importedModule) }
    }

    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let sources = files(under: "Sources", endingIn: [".swift"])
    static let tests = files(under: "Tests", endingIn: [".swift"])
    static let everything =
        sources + tests + files(under: "Sources", endingIn: [".c", ".h"])
        + files(under: "Tests", endingIn: [".py"])

    /// The names of the folders in a folder, sorted.
    static func folders(in path: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: root.appending(path: path).path)
        return (names ?? []).filter { isFolder("\(path)/\($0)") }.sorted()
    }

    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(
            atPath: root.appending(path: path).path, isDirectory: &isFolder)
        return exists && isFolder.boolValue
    }

    private static func files(under folder: String, endingIn suffixes: [String]) -> [File] {
        let walk = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
        let names = (walk?.allObjects as? [String]) ?? []
        return
            names
            .filter { name in
                suffixes.contains { name.hasSuffix($0) } && !name.contains("__pycache__")
            }
            .sorted()
            .compactMap { name in
                guard let text = try? text(of: "\(folder)/\(name)") else { return nil }
                return File(
                    path: "\(folder)/\(name)",
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
    }
}

/// The module named by an import declaration, or nil if the line is something else.
private func importedModule(_ line: Substring) -> String? {
    let words = line.split(separator: " ").drop { $0.hasPrefix("@") }
    let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    let rest = words.drop { accessLevels.contains($0) }
    guard rest.first == "import" else { return nil }
    let kinds: Set<Substring> = [
        "typealias", "struct", "class", "enum", "protocol", "let", "var", "func",
    ]
    let name = rest.dropFirst().drop { kinds.contains($0) }.first
    return name.map { String($0.prefix { $0 != "." && $0 != ";" }) }
}
