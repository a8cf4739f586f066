import ServerConfig
import Testing

struct HostileConfigurationTests {
    private static let realistic = [
        """
        # a server
        server_name: "n1", listen: "127.0.0.1:-1"
        max_payload = 8MB; ping_interval: "30s"
        jetstream { store_dir: './x', max_mem: 1G }
        PASS = $2a$11$abc
        authorization {
          default_permissions { publish: "a.>", subscribe: ["b.*", "c"] }
          users = [ {user: a, password: $PASS}, {nkey: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4} ]
        }
        accounts { A { exports: [{service: "q.>", response: stream}] }, B { imports: [{service: {account: A, subject: "q.x"}, to: z}] } }
        mappings { foo: [ {destination: bar, weight: 50%}, {destination: "{{partition(3,1)}}.x", weight: 50} ] }
        """,
        "{\"port\": 4222, \"http\": \"0.0.0.0:8222\", \"websocket\": {\"port\": 8080, \"no_tls\": true}, \"x\": (\nblock\n)\n}",
        "include a.conf\nkafka { listen: 0.0.0.0:9092, num_partitions: 3 }\nlogtime: off\nt = 2016-05-04T18:53:41Z\nu = -1.5",
    ]

    @Test(arguments: 0..<40) func `bytes at random give a tree or an error`(seed: UInt64) {
        var random = SeededRandom(seed)
        for _ in 0..<250 {
            let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            check(bytes)
        }
    }

    @Test(arguments: 0..<40) func `real configurations with changes at random give a tree or an error`(seed: UInt64) {
        var random = SeededRandom(seed)
        let alphabet = Array("{}[]()=:,;\"'#/\\$ \n\t\r\0.-0123456789abkmgx>*%".utf8)
        for _ in 0..<150 {
            var bytes = Array(Self.realistic.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = alphabet.randomElement(using: &random)!
                case 1: bytes.insert(alphabet.randomElement(using: &random)!, at: place)
                case 2: bytes.remove(at: place)
                default: bytes.replaceSubrange(place..., with: bytes[..<place])
                }
                if bytes.isEmpty { bytes = [0] }
            }
            check(bytes)
        }
    }

    /// Neither crashes nor takes long, and what has a tree has a digest.
    private func check(_ bytes: [UInt8]) {
        guard
            let tree = try? ConfigTree(
                text: bytes, name: "x", from: surroundings(files: ["a.conf": "b = 1"], variables: ["A": "1"]))
        else { return }
        #expect(!ConfigDigest.text(of: tree).isEmpty)
        var options = ServerOptions()
        _ = try? options.apply(tree, readFile: surroundings().readFile)
    }

    @Test func `deep nesting is refused`() {
        #expect(meaning("a = " + String(repeating: "[", count: 100_000)).contains("more than 100 levels"))
        #expect(meaning(String(repeating: "a {", count: 100_000).replacing("a {", with: "a { ")).contains("more than 100 levels"))
    }

    @Test func `variables that double each time are refused before they fill the memory`() {
        var text = "a0 = [x, x, x, x, x, x, x, x]\n"
        for level in 1...40 { text += "a\(level) = [\(Array(repeating: "$a\(level - 1)", count: 8).joined(separator: ", "))]\n" }
        #expect(meaning(text).contains("more than 1000000 values"))
    }

    @Test func `a file that is too large, and a chain of includes that is too long, are refused`() {
        var bounds = ConfigTree.Bounds()
        bounds.byteCount = 100
        #expect(throws: ConfigError.self) {
            try ConfigTree(text: [UInt8](repeating: 32, count: 101), name: "x", bounds: bounds)
        }
        let files = Dictionary(uniqueKeysWithValues: (0..<50).map { ("f\($0)", "include f\($0 + 1)") })
        #expect(meaning("include f0", files: files).contains("more than 20 deep"))
        let wide = Dictionary(uniqueKeysWithValues: [("f", "a = 1")])
        #expect(
            meaning(String(repeating: "include f\n", count: 1_001), files: wide).contains("more than 1000 files"))
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
