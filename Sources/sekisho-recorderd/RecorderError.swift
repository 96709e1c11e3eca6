import Glibc

/// What stopped the recorder: what it was doing, to what, and what the kernel said.
struct RecorderError: Error, CustomStringConvertible {
    let operation: String
    let subject: String
    let code: Int32
    /// What the operator can do; empty when the kernel's word says it.
    var advice = ""

    var description: String {
        let words = "\(operation) \(subject): \(String(cString: strerror(code)))"
        return advice.isEmpty ? words : "\(words); \(advice)"
    }
}
