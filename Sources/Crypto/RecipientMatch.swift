import CMSText

/// The recipient of an envelope that is ours, and what we have for it.
enum RecipientMatch {
    case keyTransport(KeyTransRecipientInfo, Identity)
    case keyAgreement(KeyAgreeRecipientInfo, ArraySlice<UInt8>, Identity)
    case keyEncryptionKey(KEKRecipientInfo, ContentKey)

    /// Every pair of a recipient of the envelope and a key of ours, found by names alone.
    static func all(
        in recipients: [RecipientInfo], identities: [Identity], contentKeys: [ContentKey]
    ) -> [RecipientMatch] {
        var matches: [RecipientMatch] = []
        for recipient in recipients {
            switch recipient {
            case .keyTransport(let info):
                for identity in identities where identity.isNamed(by: info.recipient) {
                    matches.append(.keyTransport(info, identity))
                }
            case .keyAgreement(let info):
                for key in info.encryptedKeys {
                    for identity in identities where identity.isNamed(by: key.recipient) {
                        matches.append(.keyAgreement(info, key.encryptedKey, identity))
                    }
                }
            case .keyEncryptionKey(let info):
                for key in contentKeys where !key.isWiped && key.isNamed(by: info.keyIdentifier) {
                    matches.append(.keyEncryptionKey(info, key))
                }
            case .password, .other:
                break
            }
        }
        return matches
    }
}

extension Identity {
    fileprivate func isNamed(by recipient: RecipientIdentifier) -> Bool {
        switch recipient {
        case .issuerAndSerialNumber(let encoded):
            certificate.map { encoded.elementsEqual($0.issuerAndSerialNumber) } ?? false
        case .subjectKeyIdentifier(let identifier):
            identifier.elementsEqual(subjectKeyIdentifier)
        }
    }
}

extension ContentKey {
    func isNamed(by identifier: ArraySlice<UInt8>) -> Bool {
        reference.map { identifier.elementsEqual($0) } ?? false
    }
}
