import ArgumentParser
import Configuration
import ControlProtocol
import Crypto
import Registration
import Store

/// `sekisho user`: who may register.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Add, list and remove the users who may register their phones.",
        discussion: """
            Of a password only hashes are kept: SHA-256 over name, realm and password, and MD5 over the same where the \
            configuration allows MD5. They are worth as much as the password within the realm; the file is its owner's \
            alone. A running sekishod notices the change by itself.
            """,
        subcommands: [UserAddCommand.self, UserListCommand.self, UserRemoveCommand.self])
}

/// Which database, and which realm in it.
struct UserStoreOptions: ParsableArguments {
    @Option(help: "The configuration file of sekishod.")
    var config = "/etc/sekisho/sekishod.yaml"

    @Option(help: "The database, instead of the one that the configuration names.")
    var database: String?

    @Option(help: "The realm, instead of the configuration's.")
    var realm: String?

    /// What the options and the configuration come to.
    struct Place {
        var database: String
        var realm: [UInt8]
        var allowsMD5: Bool
    }

    func place() throws -> Place {
        if let database, let realm {
            return Place(database: database, realm: Array(realm.utf8), allowsMD5: false)
        }
        let settings = try ProxySettings(yaml: try InputFile.read(config), file: config)
        guard let registrar = settings.registrar else {
            throw ValidationError("\(config): there is no section registrar; or give --database and --realm")
        }
        return Place(
            database: database ?? registrar.database, realm: Array((realm ?? registrar.realm).utf8),
            allowsMD5: registrar.md5 != .never)
    }
}

/// The name of a user, checked.
struct UserName: ExpressibleByArgument {
    let octets: [UInt8]

    init?(argument: String) {
        octets = Array(argument.utf8)
        guard RegisteredUser.isName(octets.span) else { return nil }
    }
}

/// `sekisho user add`.
struct UserAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a user, or give one a new password.",
        discussion: """
            The password is asked for on the terminal, without being shown; when standard input is no terminal, its first \
            line is the password.
            """)

    @Argument(
        help: """
            The name: what the phone has as its user name, and what stands before @ in its address. No blanks and none \
            of : @ < > " \\.
            """)
    var name: UserName

    @OptionGroup var options: UserStoreOptions

    @Flag(help: "Also keep the MD5 hash, for phones that know nothing else.")
    var md5 = false

    @Flag(help: "The user is there already and gets this password.")
    var replace = false

    func run() throws {
        let place = try options.place()
        let password = try Password.read()
        let user = RegisteredUser(
            name: name.octets, realm: place.realm, password: password.bytes, keepsMD5: md5 || place.allowsMD5,
            digests: try LibcryptoDigests())
        let database = try open(place.database)
        do throws(StoreError) {
            try database.add(user, realm: place.realm, replaces: replace)
        } catch {
            guard error.code == .exists else { throw error }
            throw ValidationError("there is a user of that name already; --replace gives it this password")
        }
        try database.backUp()
        print(replace ? "password set" : "user added")
    }

    /// Opens the database; the first user makes it.
    private func open(_ path: String) throws -> RegistrationDatabase {
        do throws(StoreError) { return try RegistrationDatabase.open(path) } catch {
            guard error.code == .missing else { throw error }
            try RegistrationDatabase.create(path)
            return try RegistrationDatabase.open(path)
        }
    }
}

/// `sekisho user list`.
struct UserListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The users of the realm, and which hashes are kept of their passwords.")

    @OptionGroup var options: UserStoreOptions

    func run() throws {
        let place = try options.place()
        for user in try RegistrationDatabase.open(place.database).users(realm: place.realm) {
            let name = TextSafety.printable(user.name)
            print("\(Terminal.pad(name, to: 24))\(user.ha1MD5 == nil ? "SHA-256" : "SHA-256, MD5")")
        }
    }
}

/// `sekisho user remove`.
struct UserRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a user, and where they are registered.")

    @Argument(help: "The name.")
    var name: UserName

    @OptionGroup var options: UserStoreOptions

    func run() throws {
        let place = try options.place()
        let database = try RegistrationDatabase.open(place.database)
        guard try database.remove(user: name.octets, realm: place.realm) else {
            throw ValidationError("there is no user of that name")
        }
        try database.backUp()
        print("user removed")
    }
}
