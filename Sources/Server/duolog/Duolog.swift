@main
struct Duolog {
    static func main() {}
}
