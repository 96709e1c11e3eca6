public import Registration

extension RegistrationDatabase {
    /// The users of a realm, by name.
    public func users(realm: [UInt8]) throws(StoreError) -> [RegisteredUser] {
        let operation: StaticString = "reading the users"
        var users: [RegisteredUser] = []
        for row in try rows(of: .users, where: [.octets(realm)], while: operation) {
            guard let name = row[1].octets, let hash = row[2].octets else { throw damaged(.users, while: operation) }
            users.append(RegisteredUser(name: name, ha1SHA256: hash, ha1MD5: row[3].octets))
        }
        return users
    }

    /// Adds a user to a realm.
    ///
    /// - Parameter replaces: whether a user of that name gets the new password; otherwise there must be none.
    /// - Throws: `exists` when there is one.
    public func add(_ user: RegisteredUser, realm: [UInt8], replaces: Bool = false) throws(StoreError) {
        let operation: StaticString = "adding a user"
        let key: [Value] = [.octets(realm), .octets(user.name)]
        try connection.transaction(while: operation) { () throws(StoreError) in
            if !replaces, try !rows(of: .users, where: key, while: operation).isEmpty {
                throw StoreError(.exists, connection.path, while: operation, "there is a user of that name already")
            }
            let row: [Value] = key + [.octets(user.ha1SHA256), Value(user.ha1MD5)]
            try replaceRows(of: .users, where: key, with: [row], while: operation)
        }
    }

    /// Removes a user, and where they are registered, in whatever domain.
    ///
    /// - Returns: whether there was one.
    public func remove(user name: [UInt8], realm: [UInt8]) throws(StoreError) -> Bool {
        let operation: StaticString = "removing a user"
        let key: [Value] = [.octets(realm), .octets(name)]
        return try connection.transaction(while: operation) { () throws(StoreError) in
            guard try !rows(of: .users, where: key, while: operation).isEmpty else { return false }
            try replaceRows(of: .users, where: key, with: [], while: operation)
            try replaceRows(of: .bindings, where: [.octets(name)], with: [], while: operation)
            return true
        }
    }
}
