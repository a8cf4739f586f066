extension SubjectTransform {
    /// What a token of a destination calls.
    ///
    ///     $1  {{wildcard(1)}}
    ///     {{partition(count)}}  {{partition(count,wildcard,…)}}
    ///     {{split(wildcard,delimiter)}}
    ///     {{splitFromLeft(wildcard,position)}}  {{splitFromRight(wildcard,position)}}
    ///     {{sliceFromLeft(wildcard,size)}}  {{sliceFromRight(wildcard,size)}}
    ///     {{left(wildcard,count)}}  {{right(wildcard,count)}}
    ///     {{random(count)}}
    ///
    /// Each word of a name may begin with a capital letter.
    enum Function: Hashable, Sendable {
        case wildcard(Int)
        case partition(count: Int32, [Int])
        case split(Int, delimiter: String)
        case splitFromLeft(Int, position: Int)
        case splitFromRight(Int, position: Int)
        case sliceFromLeft(Int, size: Int)
        case sliceFromRight(Int, size: Int)
        case left(Int, count: Int)
        case right(Int, count: Int)
        case random(count: Int32)

        /// The wildcards that it names.
        var numbers: [Int] {
            switch self {
            case .wildcard(let number), .split(let number, _), .splitFromLeft(let number, _),
                .splitFromRight(let number, _), .sliceFromLeft(let number, _),
                .sliceFromRight(let number, _), .left(let number, _), .right(let number, _):
                [number]
            case .partition(_, let numbers): numbers
            case .random: []
            }
        }

        var isWildcard: Bool { if case .wildcard = self { true } else { false } }

        /// Nil where the token is a token like any other.
        init?(token: String) throws(Refusal) {
            let bytes = Array(token.utf8)
            guard bytes.count > 1 else { return nil }
            if bytes[0] == UInt8(ascii: "$") {
                guard let number = Int(token.dropFirst()) else { return nil }
                self = .wildcard(number)
                return
            }
            guard bytes.count > 4, token.hasPrefix("{{"), token.hasSuffix("}}") else { return nil }
            guard let call = Call(token.dropFirst(2).dropLast(2), token: token) else {
                throw .unknownFunction(token: token)
            }
            switch call.name {
            case "wildcard", "Wildcard":
                if call.arguments == [""] { throw .notEnoughArguments(token: token) }
                if call.arguments.count > 1 { throw .tooManyArguments(token: token) }
                self = .wildcard(try call.integer(0))
            case "partition", "Partition":
                let count = try call.count(0)
                var numbers: [Int] = []
                for place in call.arguments.indices.dropFirst() {
                    numbers.append(try call.integer(place))
                }
                self = .partition(count: count, numbers)
            case "random", "Random":
                guard call.arguments.count == 1 else { throw .notEnoughArguments(token: token) }
                self = .random(count: try call.count(0))
            case "split", "Split":
                try call.checkTwo()
                let delimiter = call.arguments[1]
                guard !delimiter.contains(" ") else { throw .invalidArgument(token: token) }
                self = .split(try call.integer(0), delimiter: String(delimiter))
            default:
                guard let make = Self.ofTwoIntegers(call.name) else {
                    throw .unknownFunction(token: token)
                }
                try call.checkTwo()
                self = make(try call.integer(0), try call.integer(1))
            }
        }

        private static func ofTwoIntegers(_ name: Substring) -> ((Int, Int) -> Function)? {
            // Words may begin with either case, and go on in small letters.
            var plain = ""
            for (place, letter) in name.enumerated() {
                let isWord = place == 0 || ["From", "from", "Left", "left", "Right", "right"]
                    .contains { name.dropFirst(place).hasPrefix($0) }
                plain += isWord ? letter.lowercased() : String(letter)
            }
            return switch plain {
            case "splitfromleft": { .splitFromLeft($0, position: $1) }
            case "splitfromright": { .splitFromRight($0, position: $1) }
            case "slicefromleft": { .sliceFromLeft($0, size: $1) }
            case "slicefromright": { .sliceFromRight($0, size: $1) }
            case "left": { .left($0, count: $1) }
            case "right": { .right($0, count: $1) }
            default: nil
            }
        }
    }

    /// `name(argument, argument)`
    private struct Call {
        let token: String
        let name: Substring
        let arguments: [Substring]

        init?(_ text: Substring, token: String) {
            let trimmed = text.trimmingWhitespace
            guard let open = trimmed.firstIndex(of: "("), trimmed.last == ")" else { return nil }
            self.token = token
            name = trimmed[..<open].trimmingWhitespace
            let inside = trimmed[trimmed.index(after: open)...].dropLast()
            let parts = inside.split(separator: ",", omittingEmptySubsequences: false)
            arguments =
                [parts[0]]
                + parts.dropFirst().map { $0.drop(while: \.isWhitespace) }
        }

        func integer(_ place: Int) throws(Refusal) -> Int {
            guard arguments.indices.contains(place),
                let number = Int(arguments[place].trimmingWhitespace)
            else { throw .invalidArgument(token: token) }
            return number
        }

        func count(_ place: Int) throws(Refusal) -> Int32 {
            guard let count = Int32(exactly: try integer(place)) else {
                throw .invalidArgument(token: token)
            }
            return count
        }

        func checkTwo() throws(Refusal) {
            if arguments.count < 2 { throw .notEnoughArguments(token: token) }
            if arguments.count > 2 { throw .tooManyArguments(token: token) }
        }
    }
}

extension Substring {
    fileprivate var trimmingWhitespace: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
