import Registration
import SIPText
import SIPTransactions
import Wire

// How many calls a user has at one time: whoever gets hold of a phone, or of its password, must not fill the gateway.
extension SessionController {
    /// Whose call an INVITE begins: that of the user who proved to be it, else of the address inside that it comes from. Calls
    /// from outside are nobody's: providers speak for many.
    func caller(of context: ProxyContext) -> [UInt8] {
        guard settings.callsPerUser != nil else { return [] }
        if context.isAuthenticated, let user = AddressOfRecord(of: .from, in: context.request) {
            return user.user + [ASCII.at] + user.domain
        }
        let source = context.flow.remote.address
        return settings.side(of: source) == .inside ? Array("\(source)".utf8) : []
    }

    /// - Returns: false when the user has as many calls as one may have.
    mutating func beginCall(of user: [UInt8]) -> Bool {
        guard let most = settings.callsPerUser, !user.isEmpty else { return true }
        guard userCalls[user, default: 0] < most else { return false }
        userCalls[user, default: 0] += 1
        return true
    }

    mutating func endCall(of user: [UInt8]) {
        guard let count = userCalls[user] else { return }
        userCalls[user] = count > 1 ? count - 1 : nil
    }
}
