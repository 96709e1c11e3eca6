internal import Wire

/// What the command line asks for.
enum Invocation: Equatable {
    case help
    case record(Options)
}

/// Where to record from and to, and how much.
struct Options: Equatable {
    var interface: String
    /// The folder in which the file is made.
    var folder: String
    /// Octets of a frame that are kept.
    var snapLength = PcapFormat.defaultSnapLength
    /// Octets of the file after which nothing more is written to it.
    var maximumBytes = 1 << 30
}

/// Why the command line was refused, in one line.
struct UsageError: Error, Equatable {
    let reason: String
}

extension Invocation {
    /// - Parameter arguments: the command line without the program's name.
    init(_ arguments: [String]) throws(UsageError) {
        if arguments.contains("--help") || arguments.contains("-h") {
            self = .help
            return
        }
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard Self.names.contains(name) else {
                throw UsageError(reason: "unknown option; allowed: \(Self.names.joined(separator: ", "))")
            }
            guard let value = rest.popFirst() else { throw UsageError(reason: "\(name): no value") }
            guard values.updateValue(value, forKey: name) == nil else {
                throw UsageError(reason: "\(name): given twice")
            }
        }
        guard let interface = values["--interface"] else { throw UsageError(reason: "--interface: missing") }
        guard let folder = values["--output"] else { throw UsageError(reason: "--output: missing") }
        var options = Options(interface: interface, folder: folder)
        options.snapLength = try Self.number(
            values, "--snaplen", PcapFormat.minimumSnapLength...PcapFormat.maximumSnapLength, options.snapLength)
        options.maximumBytes = try Self.number(
            values, "--max-bytes", PcapFormat.headerLength...1 << 40, options.maximumBytes)
        self = .record(options)
    }

    private static var names: [String] { ["--interface", "--output", "--snaplen", "--max-bytes"] }

    private static func number(
        _ values: [String: String], _ name: String, _ range: ClosedRange<Int>, _ unset: Int
    ) throws(UsageError) -> Int {
        guard let text = values[name] else { return unset }
        guard text.utf8.allSatisfy(ASCII.isDigit), let value = Int(text), range.contains(value) else {
            throw UsageError(reason: "\(name): not a number; allowed: \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    static let helpText = """
        usage: sekisho-recorderd --interface NAME --output FOLDER [--snaplen N] [--max-bytes N]

        Writes every UDP packet that is seen on an Ethernet interface, which is meant to be the one that calls are
        mirrored to, into one new pcap file in FOLDER, until SIGTERM or SIGINT. Needs CAP_NET_RAW.

        Packets are written as they came: SRTP is not decrypted, and the file is neither encrypted nor sealed.
        Whoever can read the file can listen to whatever was sent in the clear. Its mode is 0600.

          --interface NAME   where the mirrored packets are
          --output FOLDER    where the file is made: NAME-YYYYMMDDTHHMMSS.UUUUUUZ.pcap, the start in UTC
          --snaplen N        octets kept of a packet, link header included; \(PcapFormat.minimumSnapLength) to \
        \(PcapFormat.maximumSnapLength), default \(PcapFormat.defaultSnapLength)
          --max-bytes N      octets after which the file gets nothing more; default 1073741824

        Prints "ready" when it records, and at the end how many packets the file has.
        Exit status: 0 everything was recorded, 1 something was not, 64 a wrong command line.

        """
}
