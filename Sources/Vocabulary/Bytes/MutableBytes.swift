extension MutableRawSpan {
    /// Copies all of `bytes` over what is at `position`.
    @inlinable @_lifetime(self: copy self)
    public mutating func copy(_ bytes: RawSpan, at position: Int = 0) {
        precondition(position >= 0 && bytes.byteCount <= byteCount - position)
        // In bounds by the line above; both pointers end with the closures.
        unsafe withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                unsafe (to + position).copyMemory(from: from, byteCount: source.count)
            }
        }
    }
}
