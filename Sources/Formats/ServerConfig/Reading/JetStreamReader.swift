/// Reads the `jetstream` block.
struct JetStreamReader {
    let findings: ConfigFindings

    /// `true`, `enabled`, or a map.
    ///
    /// - Parameter current: what was said before, if anything.
    func jetStream(_ node: ConfigNode, _ current: JetStreamOptions?) throws(ConfigError) -> JetStreamOptions? {
        switch node.value {
        case .boolean(let isOn): return isOn ? current ?? JetStreamOptions() : nil
        case .string(let text):
            switch text.lowercased() {
            case "enabled", "enable": return current ?? JetStreamOptions()
            case "disabled", "disable": return nil
            default: throw node.failure("Expected 'enabled' or 'disabled' for string value, got '\(text)'")
            }
        default: break
        }
        var options = current ?? JetStreamOptions()
        var isOn = true
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "enable", "enabled": isOn = try node.boolean()
            case "store", "store_dir", "storedir":
                if options.storeDirectory != nil { throw node.failure("Duplicate 'store_dir' configuration") }
                options.storeDirectory = try node.nonEmptyString()
            case "max_memory_store", "max_mem_store", "max_mem": options.maximumMemory = try limit(node)
            case "max_file_store", "max_file": options.maximumStorage = try limit(node)
            case "domain": options.domain = try node.optionalString()
            case "strict": options.strict = try node.boolean()
            case "limits": try limits(node, into: &options.limits)
            case "sync_interval", "sync": options.syncIntervalNanoseconds = try syncInterval(node)
            case "key", "ek", "encryption_key", "prev_key", "prev_ek", "prev_encryption_key":
                if !(try node.string()).isEmpty { throw node.failure("encryption of what is stored is not supported yet") }
            case "cipher":
                throw node.failure("encryption of what is stored is not supported yet")
            case "tpm": throw node.failure("tpm is not supported yet")
            case "unique_tag", "extension_hint": _ = try node.string()
            case "max_outstanding_catchup", "max_buffered_size": _ = try node.byteCount()
            case "max_buffered_msgs", "request_queue_limit", "info_queue_limit", "meta_compact", "meta_compact_size",
                "max_concurrent_io":
                _ = try node.byteCount()
            case "meta_compact_sync": _ = try node.boolean()
            default: return false
            }
            return true
        }
        return isOn ? options : nil
    }

    /// -1 and 0 stand for the default, as nothing does.
    private func limit(_ node: ConfigNode) throws(ConfigError) -> Int64? {
        let bytes = try node.byteCount()
        return bytes > 0 ? bytes : nil
    }

    /// Nil for `always`, and for 0 which nats-server takes for its default, as ours is the same as `always`.
    private func syncInterval(_ node: ConfigNode) throws(ConfigError) -> Int64? {
        if case .string("always") = node.value { return nil }
        let nanoseconds = try findings.duration("sync_interval", node)
        return nanoseconds > 0 ? nanoseconds : nil
    }

    private func limits(_ node: ConfigNode, into limits: inout JetStreamLimitOptions) throws(ConfigError) {
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "max_ack_pending": limits.maximumAckPending = try node.int(-1...Int64(Int32.max))
            case "max_ha_assets": _ = try node.int(-1...Int64(Int32.max))
            case "max_request_batch": limits.maximumRequestBatch = try node.int(-1...Int64(Int32.max))
            case "duplicate_window": limits.duplicateWindowNanoseconds = try node.durationNanoseconds(key)
            case "default_max_consumers":
                limits.defaultMaximumConsumers = try node.int(-1...Int64(Int32.max))
            case "batch": throw node.failure("limits of batches are not supported yet")
            default: return false
            }
            return true
        }
    }
}
