import Glibc

/// The user that this process acts as.
public enum ProcessUser {
    /// The name in /etc/passwd, or the number where there is none: for messages about what the process may not do.
    public static var name: String {
        let number = geteuid()
        guard let entry = getpwuid(number) else { return "\(number)" }
        return ConfigurationError.printable(String(cString: entry.pointee.pw_name))
    }
}
