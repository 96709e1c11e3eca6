import GateProtocol
import Netfilter
import Wire

/// What is wrong with the settings, in one line.
struct SettingsError: Error {
    let description: String
}

/// Everything that the operator decides about the gate. Nothing else in this program reads the command line or a file.
struct GateSettings {
    /// The interface of the protected side, and the prefixes behind it.
    var insideDevice = ""
    var insidePrefixes: [Prefix] = []
    /// The interface of the other side.
    var outsideDevice = ""
    /// Where `sekishod` connects.
    var socketPath = "/run/sekisho/gate.sock"
    /// Who may connect, beside root.
    var allowedUsers: Set<UInt32> = []
    /// Ports that count as media.
    var mediaPorts: ClosedRange<UInt16> = PinholePolicy.firstUserPort...UInt16.max
    /// Whether holes for any source are allowed, and how many packets a second each lets in.
    var halfOpenAllowed = true
    var halfOpenRate: UInt32 = 50
    var halfOpenBurst: UInt32 = 5
    /// After which a hole closes that is not renewed.
    var holeTimeout: Duration = .seconds(60)
    /// Where media may never go.
    var forbiddenPrefixes: [Prefix] = []
    var forbiddenPorts = PinholePolicy.defaultForbiddenPorts
    var maximumHolesPerSession = GateLimits.holesPerSession
    var maximumSessions = 16_384
    var elementsPerMap: UInt32 = 65_536
    /// Whether holes and drop rule stay when the gate is stopped; by default nothing of the gate stays.
    var keepOnExit = false

    /// What the kernel table is built from.
    var table: TableSettings {
        TableSettings(
            insideDevice: insideDevice, outsideDevice: outsideDevice, insidePrefixes: insidePrefixes,
            mediaPorts: mediaPorts, halfOpenRate: halfOpenRate, halfOpenBurst: halfOpenBurst,
            elementsPerMap: elementsPerMap)
    }

    /// What may be opened; the gate's own addresses come from the kernel.
    var policy: PinholePolicy {
        PinholePolicy(
            inside: insidePrefixes, forbidden: forbiddenPrefixes, forbiddenPorts: forbiddenPorts,
            mediaPorts: mediaPorts, maximumHolesPerSession: maximumHolesPerSession, maximumSessions: maximumSessions)
    }

    /// Settings that contradict each other or would protect nothing.
    func validate() throws(SettingsError) {
        guard !insideDevice.isEmpty else { throw SettingsError(description: "no inside interface is given") }
        guard !outsideDevice.isEmpty else { throw SettingsError(description: "no outside interface is given") }
        guard insideDevice != outsideDevice else {
            throw SettingsError(description: "inside and outside are both \(insideDevice); they must differ")
        }
        guard !insidePrefixes.isEmpty else { throw SettingsError(description: "no inside prefix is given") }
        for prefix in insidePrefixes where prefix.length == 0 {
            throw SettingsError(description: "inside prefix \(prefix) is every address; name the protected networks")
        }
        // sun_path of sockaddr_un has 108 octets, the last one zero.
        guard !socketPath.isEmpty, socketPath.utf8.count <= 107 else {
            throw SettingsError(description: "the socket's path must have 1 to 107 octets: \(socketPath)")
        }
        guard holeTimeout >= .seconds(1), holeTimeout <= .seconds(3600) else {
            throw SettingsError(description: "the hole timeout must be 1 second to 1 hour, not \(holeTimeout)")
        }
        guard halfOpenRate >= 1, halfOpenBurst >= 1 else {
            throw SettingsError(description: "the half-open rate and burst must be at least 1 packet")
        }
    }
}

extension GateSettings {
    /// Reads the command line, without the program's name.
    init(arguments: [String]) throws(SettingsError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if option == "--keep-on-exit" {
                keepOnExit = true
                continue
            }
            guard let value = rest.popFirst() else {
                throw SettingsError(description: "\(option) is unknown or lacks its value; see --help")
            }
            switch option {
            case "--inside": insideDevice = value
            case "--outside": outsideDevice = value
            case "--socket": socketPath = value
            case "--inside-prefix": insidePrefixes.append(try Self.prefix(value, of: option))
            case "--forbid": forbiddenPrefixes.append(try Self.prefix(value, of: option))
            case "--allow-uid": allowedUsers.insert(try Self.number(value, of: option))
            case "--half-open-rate": halfOpenRate = try Self.number(value, of: option)
            case "--hole-timeout": holeTimeout = .seconds(Int64(try Self.number(value, of: option)))
            case "--half-open" where value == "yes" || value == "no": halfOpenAllowed = value == "yes"
            default: throw SettingsError(description: "\(option) \(value) is not known; see --help")
            }
        }
        try validate()
    }

    private static func prefix(_ text: String, of option: String) throws(SettingsError) -> Prefix {
        guard let prefix = Prefix(text) else {
            throw SettingsError(description: "\(option) \(text) is no prefix; write 10.1.0.0/24 or fd00:1::/64")
        }
        return prefix
    }

    private static func number(_ text: String, of option: String) throws(SettingsError) -> UInt32 {
        guard let number = UInt32(text) else { throw SettingsError(description: "\(option) \(text) is no number") }
        return number
    }
}
