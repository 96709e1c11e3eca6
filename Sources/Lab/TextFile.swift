import Glibc

/// Files that are written for programs to be started.
public enum TextFile {
    /// Writes a file that only its owner may read, for keys are among them.
    public static func write(_ text: String, to path: String) throws(Command.Failure) {
        guard let file = fopen(path, "w") else { throw Command.Failure(description: "cannot write \(path)") }
        defer { fclose(file) }
        chmod(path, 0o600)
        fputs(text, file)
    }
}
