import SIPText
import Wire

/// The first of several checks that found something.
func first(_ checks: (() -> String?)...) -> String? {
    for check in checks { if let fault = check() { return fault } }
    return nil
}

/// Nil when the slices lie in the range.
func outside(_ slices: [Slice], within range: Range<Int>, _ what: String) -> String? {
    for slice in slices where !slice.isEmpty {
        guard slice.start <= slice.end, range.lowerBound <= slice.range.lowerBound,
            slice.range.upperBound <= range.upperBound
        else { return "\(what): \(slice.range) is not within \(range)" }
    }
    return nil
}

/// Octets between others that must not matter: where a reader looks beyond its slice, the two differ.
struct Placed {
    let bytes: [UInt8]
    let slice: Slice

    init(_ octets: [UInt8], behind before: [UInt8] = [], before after: [UInt8] = []) {
        bytes = before + octets + after
        slice = Slice(before.count..<before.count + octets.count)
    }

    func copy(_ slice: Slice?) -> [UInt8]? { slice.map { Array(bytes[$0.range]) } }

    static func pair(_ octets: [UInt8]) -> [Placed] {
        [Placed(octets), Placed(octets, behind: Array("x@<\"".utf8), before: Array(":9]>;tag=x\"@h".utf8))]
    }
}
