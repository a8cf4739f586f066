import Subjects
import Testing

/// What each function makes of a subject, as nats-server 2.15 does.
@Suite struct SubjectTransformTests {
    @Test(arguments: [
        ("a.*.*", "b.$1.$2", "a.x.y", "b.x.y"),
        ("a.*.*", "b.$2.$1", "a.x.y", "b.y.x"),
        ("a.*", "b.{{wildcard(1)}}.{{Wildcard(1)}}", "a.x", "b.x.x"),
        ("a.*", "b.{{ wildcard( 1 ) }}", "a.x", "b.x"),
        ("a.*", "b", "a.x", "b"),
        ("a", "b", "a", "b"),
        (">", "b.>", "x.y", "b.x.y"),
        ("a.>", "b.>", "a.x.y.z", "b.x.y.z"),
        ("a.>", ">", "a.x.y.z", "x.y.z"),
        ("a.*.>", "{{wildcard(1)}}.b.>", "a.x.y.z", "x.b.y.z"),
        ("a.*.x.>", "{{wildcard(1)}}.>", "a.1.x.y.z", "1.y.z"),
        ("a.*", "$b.$1x.{{x.$1", "a.1", "$b.$1x.{{x.1"),
        ("a.*", "b.{{}}", "a.1", "b.{{}}"),
        ("a.*", "b.$0", "a.1", "b.a"),
    ])
    func `tokens find their places`(
        source: String, destination: String, subject: String, expected: String
    ) throws {
        #expect(try SubjectTransform(source, to: destination).apply(to: subject) == expected)
    }

    @Test(arguments: [
        ("a6.*.*", "{{partition(10,1)}}.{{Partition(10,1,2)}}.{{partition(10)}}", "a6.x.y", "5.2.7"),
        ("a6.*.*", "{{partition(10,1)}}.{{partition(10,1,2)}}.{{partition(10)}}", "a6.foo.bar", "3.0.1"),
        ("a6.*.*", "{{partition(10,1)}}.{{partition(10,1,2)}}.{{partition(10)}}", "a6.baz.1", "0.7.8"),
        ("a7", "b.{{partition(10)}}", "a7", "b.7"),
        ("a7.x.y", "b.{{partition(5)}}", "a7.x.y", "b.1"),
        ("c2.*", "b.{{partition(3,1,1)}}", "c2.q1", "b.1"),
        ("c2.*", "b.{{partition(3,1,1)}}", "c2.q2", "b.2"),
        ("b5.*", "b.{{ partition( 10 , 1 ) }}", "b5.x", "b.5"),
        ("b7.*", "b.{{partition(1,1)}}", "b7.1234567", "b.0"),
        ("b7.*", "b.{{partition(0,1)}}", "b7.1234567", "b.0"),
    ])
    func `partitions are those of nats-server`(
        source: String, destination: String, subject: String, expected: String
    ) throws {
        #expect(try SubjectTransform(source, to: destination).apply(to: subject) == expected)
    }

    @Test(arguments: [
        ("{{split(1,-)}}", "x-y", "x.y"), ("{{Split(1,-)}}", "-x-y-", "x.y"),
        ("{{split(1,-)}}", "x--y", "x.y"), ("{{split(1,-)}}", "xy", "xy"),
        ("{{split(1,-)}}", "x--", "x"), ("{{split(1,ab)}}", "xabyabz", "x.y.z"),
        ("{{split(1,)}}", "xyz", "x.y.z"), ("{{split(1, )}}", "xyz", "x.y.z"),
        ("{{splitFromLeft(1,3)}}", "1234567", "123.4567"),
        ("{{SplitFromLeft(1,3)}}", "1234", "123.4"), ("{{splitFromLeft(1,3)}}", "123", "123"),
        ("{{splitfromleft(1,3)}}", "12", "12"), ("{{splitFromLeft(1,0)}}", "12", "12"),
        ("{{splitFromRight(1,3)}}", "1234567", "1234.567"),
        ("{{SplitFromRight(1,3)}}", "1234", "1.234"), ("{{splitFromRight(1,3)}}", "123", "123"),
        ("{{splitFromRight(1,3)}}", "12", "12"), ("{{splitFromRight(1,-1)}}", "12", "12"),
        ("{{sliceFromLeft(1,3)}}", "1234567", "123.456.7"),
        ("{{SliceFromLeft(1,3)}}", "123456", "123.456"), ("{{sliceFromLeft(1,3)}}", "1234", "123.4"),
        ("{{sliceFromLeft(1,3)}}", "123", "123"), ("{{sliceFromLeft(1,0)}}", "123", "123"),
        ("{{sliceFromRight(1,3)}}", "1234567", "1.234.567"),
        ("{{SliceFromRight(1,3)}}", "123456", "123.456"), ("{{sliceFromRight(1,3)}}", "1234", "1.234"),
        ("{{sliceFromRight(1,3)}}", "12", "12"),
        ("{{left(1,3)}}", "1234567", "123"), ("{{Left(1,3)}}", "12", "12"),
        ("{{left(1,0)}}", "12", "12"), ("{{right(1,3)}}", "1234567", "567"),
        ("{{Right(1,3)}}", "123", "123"), ("{{right(1,-1)}}", "123", "123"),
    ])
    func `a token is cut`(function: String, token: String, expected: String) throws {
        let transform = try SubjectTransform("a.*", to: "b.\(function).e")
        #expect(transform.apply(to: "a.\(token)") == "b.\(expected).e")
    }

    @Test func `chance decides between 0 and the count`() throws {
        let transform = try SubjectTransform("a.*", to: "{{random(3)}}.$1")
        #expect(transform.isRandom)
        #expect((0..<4).map { transform.apply(to: "a.x", random: $0) } == ["0.x", "1.x", "2.x", "0.x"])
        #expect(try SubjectTransform("a", to: "{{Random(0)}}").apply(to: "a", random: 9) == "0")
    }

    @Test func `what the source does not match stays alone`() throws {
        let transform = try SubjectTransform("a.*", to: "b.$1")
        for subject in ["a", "b.x", "a.x.y", ""] { #expect(transform.apply(to: subject) == nil) }
    }

    private static let refused: [(String, String, SubjectTransform.Refusal)] = [
        ("a.*", "b.*", .invalidSubject), ("a.*", "b.>", .invalidSubject),
        ("a.>", "b", .invalidSubject), ("a.>", "b.>.>", .invalidSubject),
        ("a.*", "", .invalidSubject), ("a..*", "b", .invalidSubject),
        ("a b", "c", .invalidSubject), ("a.*", "b..c", .invalidTransform),
        ("a.*", "b.$2", .indexOutOfRange(token: "$2", numbers: [2])),
        ("a.*", "{{partition(3,2)}}", .indexOutOfRange(token: "{{partition(3,2)}}", numbers: [2])),
        ("a", "b.$1", .indexOutOfRange(token: "$1", numbers: [])),
        ("a", "{{split(1,-)}}", .indexOutOfRange(token: "{{split(1,-)}}", numbers: [])),
        ("a.*", "{{wildcard()}}", .notEnoughArguments(token: "{{wildcard()}}")),
        ("a.*", "{{split(1)}}", .notEnoughArguments(token: "{{split(1)}}")),
        ("a.*", "{{left(1)}}", .notEnoughArguments(token: "{{left(1)}}")),
        ("a.*", "{{random(1,2)}}", .notEnoughArguments(token: "{{random(1,2)}}")),
        ("a.*", "{{wildcard(1,2)}}", .tooManyArguments(token: "{{wildcard(1,2)}}")),
        ("a.*", "{{split(1,a,b)}}", .tooManyArguments(token: "{{split(1,a,b)}}")),
        ("a.*", "{{left(1,2,3)}}", .tooManyArguments(token: "{{left(1,2,3)}}")),
        ("a.*", "{{wildcard(x)}}", .invalidArgument(token: "{{wildcard(x)}}")),
        ("a.*", "{{partition()}}", .invalidArgument(token: "{{partition()}}")),
        ("a.*", "{{left(1,x)}}", .invalidArgument(token: "{{left(1,x)}}")),
        ("a.*", "{{partition(2147483648)}}", .invalidArgument(token: "{{partition(2147483648)}}")),
        ("a.*", "{{split(1,a b)}}", .invalidArgument(token: "{{split(1,a b)}}")),
        ("a.*", "{{foo(1)}}", .unknownFunction(token: "{{foo(1)}}")),
        ("a.*", "{{x}}", .unknownFunction(token: "{{x}}")),
        ("a.*", "{{WILDCARD(1)}}", .unknownFunction(token: "{{WILDCARD(1)}}")),
        ("a.*", "{{splitFROMLeft(1,1)}}", .unknownFunction(token: "{{splitFROMLeft(1,1)}}")),
    ]

    @Test(arguments: refused)
    func `a bad destination is refused`(
        source: String, destination: String, refusal: SubjectTransform.Refusal
    ) {
        #expect(throws: refusal) { try SubjectTransform(source, to: destination) }
    }

    @Test func `a refusal says what nats-server says`() {
        let refusal = SubjectTransform.Refusal.indexOutOfRange(token: "$2", numbers: [2])
        #expect(
            "\(refusal)" == "invalid mapping destination: wildcard index out of range in $2: [2]")
        #expect("\(SubjectTransform.Refusal.invalidSubject)" == "invalid subject")
    }

    @Test func `an import names all wildcards and calls nothing else`() throws {
        #expect(throws: SubjectTransform.Refusal.functionInImport(token: "{{left(1,2)}}")) {
            try SubjectTransform("a.*", to: "b.{{left(1,2)}}", forImport: true)
        }
        #expect(throws: SubjectTransform.Refusal.unusedWildcards(destination: "b.$1")) {
            try SubjectTransform("a.*.*", to: "b.$1", forImport: true)
        }
        let good = try SubjectTransform("a.*.*", to: "b.$2.{{wildcard(1)}}", forImport: true)
        #expect(good.apply(to: "a.1.2") == "b.2.1")
    }

    @Test(arguments: [
        ("a.*.*", "b.$2.$1", "a.x.y"), ("a.>", "b.c.>", "a.x.y"), ("a", "b", "a"),
        ("a.*.x.>", "{{wildcard(1)}}.>", "a.1.x.2.3"),
    ])
    func `what is reversed leads back`(source: String, destination: String, subject: String) throws {
        let transform = try SubjectTransform(source, to: destination)
        let back = try #require(transform.reversed)
        #expect(back.apply(to: try #require(transform.apply(to: subject))) == subject)
    }

    @Test func `what loses something cannot be reversed`() throws {
        for destination in ["b", "b.$1.$1.$2", "b.$1", "b.$1.{{left(2,1)}}"] {
            #expect(try SubjectTransform("a.*.*", to: destination).reversed == nil)
        }
    }
}
