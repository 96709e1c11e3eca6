import Glibc

/// The database as a file: made, checked, moved aside and copied, always readable by its owner alone.
enum DatabaseFile {
    /// Whether there is a file of that name.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes an empty file of mode 0600 that belongs to whom its folder belongs to: `sekisho user add` is run by root, the
    /// daemon is not.
    static func create(_ path: String) throws(StoreError) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure(path, "creating the database") }
        defer { close(file) }
        var status = stat()
        if geteuid() == 0, stat(folder(of: path), &status) == 0 {
            guard fchown(file, status.st_uid, status.st_gid) == 0 else {
                throw failure(path, "giving the database to the owner of its folder")
            }
        }
        // Whatever the umask left of it.
        guard fchmod(file, 0o600) == 0 else { throw failure(path, "creating the database") }
    }

    /// Takes every right from all but the owner. A file of someone else is left to them.
    static func restrict(_ path: String) throws(StoreError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno != ENOENT else {
                throw StoreError(
                    .missing, path, while: "opening the database", "there is none; make it with: sekisho user add NAME")
            }
            throw failure(path, "opening the database")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.foreign, path, while: "opening the database", "it is not a file")
        }
        guard status.st_mode & 0o177 != 0 else { return }
        guard chmod(path, 0o600) == 0 else {
            throw StoreError(
                .system, path, while: "opening the database", "others may read it: chmod 600 \(path)")
        }
    }

    /// Whether there is a file, and it is this user's and nobody else's: others could have put one there.
    static func isOwn(_ path: String) throws(StoreError) -> Bool {
        let operation: StaticString = "opening the journal"
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw failure(path, operation) }
            return false
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw StoreError(.foreign, path, while: operation, "it is not a file")
        }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw StoreError(.foreign, path, while: operation, "others may have written it")
        }
        // A process that was killed before it wrote anything.
        return status.st_size > 0
    }

    /// Moves a file to its name with `.damaged` behind it, and its log with it, in place of what had that name.
    static func replaceAside(_ path: String) throws(StoreError) {
        guard rename(path, path + ".damaged") == 0 else { throw failure(path, "moving it aside") }
        unlink(path + ".damaged-wal")
        rename(path + "-wal", path + ".damaged-wal")
    }

    /// Moves the database and its log to the first free name behind it; nothing of them is lost.
    ///
    /// - Returns: the new name.
    static func moveAside(_ path: String) throws(StoreError) -> String {
        let operation: StaticString = "moving the damaged database aside"
        for number in 1...mostAside {
            let aside = "\(path).damaged-\(number)"
            guard !exists(aside), !exists(aside + "-wal") else { continue }
            guard rename(path, aside) == 0 else { throw failure(path, operation) }
            guard rename(path + "-wal", aside + "-wal") == 0 || errno == ENOENT else { throw failure(path, operation) }
            unlink(path + "-shm")
            try synchronizeFolder(of: path)
            return aside
        }
        throw StoreError(
            .system, path, while: operation, "\(mostAside) damaged ones are there already; look at them and remove them"
        )
    }

    /// Damaged files that are kept; more say that the disk is to be looked at and not the files.
    static let mostAside = 9

    /// Removes what a run that was cut short left of a file that it was making.
    static func removeDraft(_ path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path + suffix) }
    }

    /// Copies a whole file to a name that is free.
    static func copy(_ source: String, to path: String) throws(StoreError) {
        let operation: StaticString = "copying the database"
        let input = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard input >= 0 else { throw failure(source, operation) }
        defer { close(input) }
        try create(path)
        let output = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard output >= 0 else { throw failure(path, operation) }
        defer { close(output) }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(input, &chunk, chunk.count)
            guard count >= 0 else { throw failure(source, operation) }
            if count == 0 { break }
            var start = 0
            while start < count {
                let written = chunk[start..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                guard written > 0 else { throw failure(path, operation) }
                start += written
            }
        }
        guard fsync(output) == 0 else { throw failure(path, operation) }
    }

    /// Gives a finished file its name, replacing what had it.
    static func install(_ path: String, as name: String) throws(StoreError) {
        let operation: StaticString = "putting a database in its place"
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw failure(path, operation) }
        defer { close(file) }
        guard fsync(file) == 0, rename(path, name) == 0 else { throw failure(path, operation) }
        try synchronizeFolder(of: name)
    }

    private static func synchronizeFolder(of path: String) throws(StoreError) {
        let folder = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure(path, "opening the database's folder") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure(path, "writing the database's folder") }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ path: String, _ operation: StaticString) -> StoreError {
        let code = errno
        let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
        return StoreError(
            code == ENOENT ? .missing : code == EEXIST ? .exists : .system, path, while: operation, reason)
    }
}
