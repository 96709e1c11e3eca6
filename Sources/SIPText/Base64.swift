public import Wire

/// Base64 as a content transfer encoding (RFC 2045 section 6.8, alphabet of RFC 4648 section 4).
public enum Base64 {
    /// Decodes; line ends and blanks between the groups are skipped.
    ///
    /// - Throws: `unexpectedOctet` for an octet outside the alphabet or after the padding, `truncated` for a last group
    ///   that is not whole.
    public static func decode(_ bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(slice.count / 4 * 3)
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for position in slice.range {
            let octet = bytes[position]
            if octet == ASCII.cr || octet == ASCII.lf || ASCII.isBlank(octet) { continue }
            if octet == ASCII.equals, digits >= 2 {
                padding += 1
                digits += 1
                group <<= 6
            } else {
                guard padding == 0, let value = value(octet) else {
                    throw ParseError(.unexpectedOctet, in: "base64", at: position)
                }
                group = group << 6 | UInt32(value)
                digits += 1
            }
            if digits == 4 {
                output.append(UInt8(truncatingIfNeeded: group >> 16))
                if padding < 2 { output.append(UInt8(truncatingIfNeeded: group >> 8)) }
                if padding < 1 { output.append(UInt8(truncatingIfNeeded: group)) }
                group = 0
                digits = 0
            }
        }
        guard digits == 0 else { throw ParseError(.truncated, in: "base64", at: Int(slice.end)) }
        return output
    }

    private static func value(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): octet - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): octet - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
