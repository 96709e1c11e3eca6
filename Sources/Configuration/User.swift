/// A user of the machine as an operator names one.
public enum User: Hashable, Sendable {
    /// As in /etc/passwd; whether it exists is found out when it is looked up.
    case name(String)
    case number(UInt32)
}
