import ServerConfig
import Testing

struct ReferenceTests {
    @Test(arguments: [
        ("a = 1\nb = $a", #"{"a":1,"b":1}"#), ("a = [x]\nb { c = $a }", #"{"a":["x"],"b":{"c":["x"]}}"#),
        ("a = 1\nb { a = 2, c = $a }\nd = $a", #"{"a":1,"b":{"a":2,"c":2},"d":1}"#), ("b { a = 2 }\nc = $a", "x.conf:2:5"), ("b = $a\na = 1", "x.conf:1:4"),
    ])
    func `a variable is a key defined before, in this block or one around it`(_ text: String, _ expected: String) {
        #expect(meaning(text).hasPrefix(expected))
    }

    @Test func `a variable that is nowhere else comes from the environment, with a value of any kind`() {
        let variables = ["P": "4333", "S": "'text'", "M": "{a: [1, on]}", "E": "", "T": "two words", "R": "$P"]
        #expect(meaning("a = $P", variables: variables) == #"{"a":4333}"#)
        #expect(meaning("a = $S", variables: variables) == #"{"a":"text"}"#)
        #expect(meaning("a = $M", variables: variables) == #"{"a":{"a":[1,true]}}"#)
        #expect(meaning("a = $E", variables: variables) == #"{"a":""}"#)
        #expect(meaning("a = $R", variables: variables) == #"{"a":4333}"#)
        #expect(meaning("P = 1\na = $P", variables: variables) == #"{"P":1,"a":1}"#)
        #expect(meaning("a = $T", variables: variables).contains("'T' could not be parsed"))
        #expect(meaning("a = $NONE", variables: variables) == "x.conf:1:4: variable reference for 'NONE' can not be found")
    }

    @Test func `a variable that refers to itself is an error`() {
        #expect(meaning("a = $A", variables: ["A": "$B", "B": "$A"]).contains("refers to itself"))
    }

    @Test func `a key that serves as a variable need not be known`() throws {
        #expect(try options("my_port = 4333\nport = $my_port").port == 4333)
        #expect(problems("my_port = 4333\nport = 1") == "x.conf:1:0: unknown field \"my_port\"")
    }

    @Test func `an included file is looked for beside the one that includes it, and its keys join the block`() {
        let files = ["conf/users.conf": "include more/names.conf\nuser = $name", "conf/more/names.conf": "name = joe"]
        let text = "include conf/users.conf\nport = 1\nblock { include 'conf/more/names.conf' }"
        #expect(meaning(text, files: files) == #"{"block":{"name":"joe"},"name":"joe","port":1,"user":"joe"}"#)
    }

    @Test func `an error in an included file names that file`() throws {
        let tree = try ConfigTree(
            text: Array("include a.conf".utf8), name: "x.conf", from: surroundings(files: ["a.conf": "\n foo = 1"]))
        var options = ServerOptions()
        #expect { _ = try options.apply(tree, readFile: surroundings().readFile) } throws: {
            "\($0)" == "a.conf:2:2: unknown field \"foo\""
        }
        #expect(meaning("include a.conf", files: ["a.conf": "foo = [1"]).hasPrefix("a.conf:1:8: "))
        #expect(
            meaning("\ninclude none.conf")
                == "x.conf:2:1: error parsing include file 'none.conf', open none.conf: no such file or directory")
    }

    @Test func `files that include each other are an error, not an endless loop`() {
        let files = ["a.conf": "include b.conf", "b.conf": "include a.conf"]
        #expect(meaning("include a.conf", files: files).contains("includes itself: x.conf > a.conf > b.conf > a.conf"))
    }

    @Test func `include is a keyword only in front of a name`() {
        #expect(meaning("include: 5") == #"{"include":5}"#)
        #expect(meaning("'include' 5") == #"{"include":5}"#)
        #expect(meaning("INCLUDE a.conf", files: ["a.conf": "b = 1"]) == #"{"b":1}"#)
    }
}
