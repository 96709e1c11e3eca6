import CMSText
import Testing
import Wire

/// The error of reading a message, or nil when it is read.
func fault(_ der: [UInt8]) -> ParseError? {
    do {
        _ = try ProtectedContent(der: der)
        return nil
    } catch { return error }
}

func envelopedData(_ der: [UInt8]) throws -> EnvelopedData {
    guard case .enveloped(let data) = try ProtectedContent(der: der) else { throw Unexpected() }
    return data
}

func authEnvelopedData(_ der: [UInt8]) throws -> AuthEnvelopedData {
    guard case .authEnveloped(let data) = try ProtectedContent(der: der) else { throw Unexpected() }
    return data
}

func encryptedData(_ der: [UInt8]) throws -> EncryptedData {
    guard case .encrypted(let data) = try ProtectedContent(der: der) else { throw Unexpected() }
    return data
}

struct Unexpected: Error {}
