import Corpus
import SIPText
import Wire

/// Reads octets into what the tables speak of.
func outcome(of octets: [UInt8], requiresLength: Bool = false) -> Fixture.Outcome {
    switch MessageParser.parse(octets, requiresLength: requiresLength) {
    case .message: .message
    case .malformed(let error, let answerable): .malformed(error.code, answerable: answerable != nil)
    }
}

/// The message, or nil when it is refused.
func parsed(_ octets: [UInt8]) -> Message? {
    guard case .message(let message) = MessageParser.parse(octets) else { return nil }
    return message
}
