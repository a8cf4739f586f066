import Glibc
import TemporaryFolders

/// Certificates made for one test run by the `openssl` tool, in a folder of their own.
final class TestCertificates: Sendable {
    static let shared = TestCertificates()

    private let temporary = TemporaryFolder()
    var folder: String { temporary.path }

    private init() {
        atexit { TestCertificates.shared.temporary.remove() }
        let script = """
            cd \(temporary.path) && exec 2>/dev/null
            key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
            for ca in ca other; do
                openssl req -x509 $key -keyout $ca.key -out $ca.pem -days 2 -subj "/CN=$ca"
            done
            make() { # name, authority, subject, alternative names
                openssl req $key -keyout $1.key -out $1.csr -subj "$3"
                printf "subjectAltName=$4\\n" > $1.ext
                openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial \\
                    -out $1.pem -days 2 -extfile $1.ext
            }
            make server ca /CN=localhost DNS:localhost,IP:127.0.0.1
            make second ca /CN=second.example DNS:second.example
            make bob ca /C=DE/O=Acme/CN=bob email:bob@acme.example,DNS:bob.local,URI:spiffe://acme/bob
            make mallory other /CN=mallory email:bob@acme.example
            """
        let status = system(script)
        precondition(status == 0, "the openssl tool is needed: \(status)")
    }

    func file(_ name: String) -> String { "\(folder)/\(name)" }
}
