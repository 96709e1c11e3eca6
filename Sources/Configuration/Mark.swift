/// A place in a file: where an editor's cursor has to go.
public struct Mark: Hashable, Sendable {
    /// The line, counted from 1.
    public let line: Int
    /// The character in the line, counted from 1.
    public let column: Int

    /// A place by line and column, both counted from 1.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}
