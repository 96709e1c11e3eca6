/// A place in a call at which a daemon ends, as the system call that it is about to make: strace(1) counts that call in the
/// daemon as it ships and delivers the signal when it comes to it. What comes before the call was done, the call and what
/// follows were not.
///
/// The order in which the daemons work, with the numbers of the calls of each kind:
/// ```
/// sekishod: recvmmsg INVITE, pwrite64 1-2 intent, sendmmsg 1 100, write 1 to the gate
///     gated: sendto 1 to the kernel, recvmsg 2 its answer, sendto 2 "completed"
/// sekishod: sendmmsg 2 INVITE; 200 came: write 2
///     gated: sendto 3, 4
/// sekishod: pwrite64 3-4 the call, sendmmsg 3 200; sendmmsg 4 ACK
/// re-INVITE the same: sendmmsg 5-8, write 3-4, pwrite64 5-6, sendto 5-8
/// sekishod: BYE came: pwrite64 7-8 its end, write 5
///     gated: sendto 9 to the kernel, sendto 10 "completed"
/// sekishod: sendmmsg 9 BYE; 200 came: pwrite64 9-10 nothing of it, sendmmsg 10 200
/// ```
struct KillPoint: CustomStringConvertible {
    enum Daemon { case proxy, gate }

    /// What is open of the call when the next sekishod has begun.
    enum Rest { case nothing, paths, movedPaths }

    let description: String
    let daemon: Daemon
    let call: String
    let number: Int
    let rest: Rest

    private init(_ description: String, _ daemon: Daemon, _ call: String, _ number: Int, leaves rest: Rest) {
        self.description = description
        self.daemon = daemon
        self.call = call
        self.number = number
        self.rest = rest
    }

    static let all = [
        KillPoint("the INVITE is read", .proxy, "pwrite64", 1, leaves: .nothing),
        KillPoint("half of the intent is written", .proxy, "pwrite64", 2, leaves: .nothing),
        KillPoint("the intent is written", .proxy, "write", 1, leaves: .nothing),
        KillPoint("the gate has the request", .gate, "sendto", 1, leaves: .nothing),
        KillPoint("the kernel has it", .gate, "recvmsg", 2, leaves: .nothing),
        KillPoint("the kernel has done it", .gate, "sendto", 2, leaves: .nothing),
        KillPoint("the gate has said so", .proxy, "sendmmsg", 2, leaves: .nothing),
        KillPoint("the 200 may go", .proxy, "sendmmsg", 3, leaves: .paths),
        KillPoint("the 200 has gone", .proxy, "sendmmsg", 4, leaves: .paths),
        KillPoint("the re-INVITE is read", .proxy, "write", 3, leaves: .paths),
        KillPoint("its 200 may go", .proxy, "sendmmsg", 7, leaves: .movedPaths),
        KillPoint("the gate is asked to close", .gate, "sendto", 9, leaves: .nothing),
        KillPoint("the kernel has closed", .gate, "sendto", 10, leaves: .nothing),
        KillPoint("the 200 to the BYE came", .proxy, "pwrite64", 9, leaves: .nothing),
    ]
}

/// Who is killed when a daemon has come to its point.
enum KillMode: Int, CaseIterable {
    /// The daemon that came to it.
    case itself
    /// The other one, while the first stands still.
    case other
    case both
}
