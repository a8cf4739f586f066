import Storage

/// What happens to files while nobody has them open.
extension StoreWorkload {
    private static let manifestPath = "/data/segments/manifest"

    /// Flips a bit in a segment, the manifest or a snapshot, or loses the manifest. The power is off.
    func damageSomething() {
        let paths = disk.paths.filter {
            $0.hasSuffix(".seg") || $0.hasSuffix("/manifest") || $0.hasSuffix(".snap")
        }
        // Once a run: two damages may hit the two copies of one thing.
        guard statistics.damages == 0, !paths.isEmpty else { return }
        if paths.contains(Self.manifestPath), classes?.losesManifest() ?? false {
            disk.lose(Self.manifestPath)
            history.forgetRewritten()
            statistics.remakes += 1
            statistics.damages += 1
            return
        }
        let path = random.pick(paths)
        guard let content = disk.content(path), !content.isEmpty else { return }
        disk.flip(UInt8(1 << random.below(8)), at: random.below(content.count), in: path)
        if careless != .forgetsDamage, path.hasSuffix(".seg") { lossesLeft = 1 }
        statistics.damages += 1
    }
}
