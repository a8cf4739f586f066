import Bytes
import Catalog
import Model
import Storage

extension Broker {
    /// Kafka's cluster id: the data folder's own id, in 22 characters of the URL alphabet.
    public var clusterID: String {
        var text = ""
        for character in Base64.encode(store.wal.folderID) where character != "=" {
            switch character {
            case "+": text.append("-")
            case "/": text.append("_")
            default: text.append(character)
            }
        }
        return text
    }

    public var dataFolderPath: String { store.wal.folderPath }

    /// How much is taken and on its way to the disk.
    public var undurableByteCount: Int { store.wal.pendingByteCount }
}
