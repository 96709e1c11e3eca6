import SIPText
import SIPTransactions
import Wire

/// The user part of the Contact that a phone inside is registered with at a registrar outside: the phone's own Contact and
/// the way to it, readable by this gateway only.
///
/// The hash keeps others from making one that leads to another host inside. The same phone gets the same token each time:
/// its registrar sees one contact that is refreshed.
struct ContactToken: Equatable {
    /// The Contact URI as the phone wrote it.
    var uri: [UInt8]
    /// As the phone's REGISTER came.
    var way: PhoneWay

    /// Octets of a Contact URI that is carried: no phone writes a longer one, and a registrar must keep the double.
    static let maximumURI = 512
    /// What tells a token from a user's name.
    private static let prefix: StaticString = "sk1."

    /// The token as a user part.
    func text(key: (UInt64, UInt64)) -> [UInt8] {
        OwnToken.text(Self.prefix, way.octets + uri, key: key)
    }

    /// Reads a user part; nil when it is no token of this gateway.
    init?(_ text: Span<UInt8>, key: (UInt64, UInt64)) {
        guard var content = OwnToken.content(text, Self.prefix, key: key)?[...], let way = PhoneWay(taking: &content)
        else { return nil }
        self.init(uri: Array(content), way: way)
    }

    init(uri: [UInt8], way: PhoneWay) {
        self.uri = uri
        self.way = way
    }
}
