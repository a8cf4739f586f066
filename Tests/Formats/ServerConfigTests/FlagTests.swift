import ServerConfig
import Testing

struct FlagTests {
    private func options(_ arguments: String...) throws -> ServerOptions {
        var options = ServerOptions()
        try ServerFlags(arguments).apply(to: &options)
        return options
    }

    private func problem(_ arguments: String...) -> String {
        do {
            var options = ServerOptions()
            try ServerFlags(arguments).apply(to: &options)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func `one dash or two, the value behind = or as the next argument`() throws {
        for arguments in [["-p", "5"], ["--p", "5"], ["-p=5"], ["--port=5"], ["-port", "5"], ["--port", "5"]] {
            #expect(try ServerFlags(arguments).port == 5)
        }
        #expect(try options("-p", "-1").port == -1)
        #expect(try options("-n", "a", "-name=b", "--server_name", "c").serverName == "c")
    }

    @Test func `flags that are on or off take a value behind = only`() throws {
        #expect(try ServerFlags(["-D"]).debug == true)
        #expect(try ServerFlags(["-D=false", "-T=0"]).debug == false)
        #expect(try options("-T=false").logging.showsTime == false)
        #expect(problem("-D=maybe") == "invalid boolean value \"maybe\" for -D: parse error")
    }

    @Test func `the short forms of tracing`() throws {
        #expect(try options("-DV").logging.debug && options("-DV").logging.trace)
        #expect(try options("-DVV").logging.traceVerbose && options("-VV").logging.trace)
        #expect(try !options("-VV").logging.debug)
    }

    @Test(arguments: [
        (["-nope"], "flag provided but not defined: -nope"), (["-p", "foo"], "invalid value \"foo\" for flag -p: parse error"),
        (["-p"], "flag needs an argument: -p"), (["bar"], "unrecognized command: \"bar\""), (["---p"], "bad flag syntax: ---p"),
        (["-sl", "foo"], "unknown signal \"foo\""), (["-t"], "must specify [-c, --config] option to check configuration file syntax"),
        (["-tls"], "TLS Server certificate must be present and valid"),
        (["-tls", "--tlscert", "x"], "TLS Server private key must be present and valid"),
        (["-cluster", "nats://x:1"], "-cluster is not supported yet: this server runs alone"),
        (["-routes=nats://x:1"], "-routes is not supported yet: this server runs alone"), (["-p", "70000"], "-p 70000: a port is a number up to 65535, or -1"),
    ])
    func `what makes no sense is named`(_ arguments: [String], _ expected: String) {
        do {
            var options = ServerOptions()
            try ServerFlags(arguments).apply(to: &options)
            Issue.record("accepted")
        } catch {
            #expect("\(error)" == expected)
        }
    }

    @Test func `the words version and help stand for the flags`() throws {
        #expect(try ServerFlags(["version"]).wantsVersion && ServerFlags(["-v", "extra"]).wantsVersion)
        #expect(try ServerFlags(["help"]).wantsHelp)
    }

    @Test func `flags count more than the file`() throws {
        let loaded = try LoadedConfiguration(
            ServerFlags(["-c", "x.conf", "-p", "2", "-sd", "/flag"]), defaults: ServerOptions(),
            from: surroundings(files: ["x.conf": "port: 1\nhttp: 3\njetstream {store_dir: /file}"]))
        #expect(loaded.options.port == 2 && loaded.options.monitoring.port == 3)
        #expect(loaded.options.jetStream?.storeDirectory == nil && loaded.options.storeDirectory == "/flag")
        #expect(loaded.digestText == Array("{\"http\":3,\"jetstream\":{\"store_dir\":\"/file\"},\"port\":1}\n".utf8))
    }

    @Test func `users, tokens and TLS`() throws {
        #expect(try options("--user", "a", "--pass", "b").authorization?.user == "a")
        #expect(try options("--auth", "t").authorization?.token == "t")
        #expect(problem("--user", "a", "--auth", "t") == "Cannot have a user/pass and token")
        let tls = try #require(try options("--tlsverify", "--tlscert", "c", "--tlskey=k", "--tlscacert", "a").tls)
        #expect(tls.verifiesClients && tls.authorityFile == "a")
    }

    @Test func `signals go to a process id or to the one in a file`() throws {
        #expect(try ServerFlags(["-sl", "reload=12"]).signal?.command == .reload)
        #expect(try ServerFlags(["--signal=ldm=/run/x.pid"]).signal?.target == "/run/x.pid")
        #expect(try ServerFlags(["-sl", "stop"]).signal?.target == nil)
    }

    @Test func `the help names the flags that matter first`() {
        let help = ServerFlags.help(program: "duolog")
        #expect(help.hasPrefix("\nUsage: duolog [options]\n       duolog log ls|dump|verify <folder>"))
        #expect(help.contains("\n\nThe five that matter:\n    -p, --port <port>"))
        #expect(ServerFlags.help(program: "nats-server").hasPrefix("\nUsage: nats-server [options]\n\n"))
        #expect(!help.contains("routes"))
    }
}
