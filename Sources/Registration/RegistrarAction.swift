public import SIPText
import Wire

/// What the registrar wants done.
///
/// `Reference` is how the caller knows a request again: the number of its server transaction.
public enum RegistrarAction<Reference: Hashable & Sendable>: Equatable, Sendable {
    /// Send a response to a request.
    case respond(Message, to: Reference)
    /// Write the change to the disk and say by `stored` how it went. Changes are to be written in the order in which they
    /// are asked for.
    case store(StoreToken, LocationChange)
}

/// A change that is being stored. The registrar issues it and never issues it again.
public struct StoreToken: Hashable, Sendable {
    let number: UInt64
}

/// The bindings of an address-of-record as they are to be: each that it had before and is not among them is gone.
public struct LocationChange: Hashable, Sendable {
    /// The address-of-record.
    public var aor: AddressOfRecord
    /// All of its bindings, the one that was registered last first.
    public var bindings: [Binding]

    /// A change to these bindings.
    public init(aor: AddressOfRecord, bindings: [Binding]) {
        self.aor = aor
        self.bindings = bindings
    }
}

/// Why a REGISTER fails: a final response other than 200, and the fields it carries.
struct RegistrarRejection: Error {
    var status: UInt16
    var phrase: [UInt8]
    var fields: [(name: HeaderName, value: [UInt8])] = []

    init(_ status: UInt16, _ phrase: StaticString, _ fields: [(name: HeaderName, value: [UInt8])] = []) {
        self.status = status
        self.phrase = []
        self.phrase.append(literal: phrase)
        self.fields = fields
    }
}

extension RegistrarRejection {
    /// 400 with the place of the fault.
    init(_ error: ParseError) {
        status = 400
        phrase = Array("Bad Request: \(error)".utf8)
    }

    /// 503 for what cannot be stored now.
    static var unavailable: RegistrarRejection {
        var seconds: [UInt8] = []
        ASCII.append(decimal: RegistrationLimits.retryAfterSeconds, to: &seconds)
        return RegistrarRejection(503, "Registration cannot be stored now", [(.retryAfter, seconds)])
    }
}
