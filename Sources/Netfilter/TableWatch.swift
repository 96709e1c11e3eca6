import CNetfilter
import Glibc

/// Who changed the table and was not this gate.
public struct TableIntruder: Hashable, Sendable {
    /// What the kernel calls the process; nil when it did not say.
    public var name: String?
    /// Its number.
    public var process: UInt32?
}

extension TableIntruder: CustomStringConvertible {
    /// The name and the number, as far as they are known.
    public var description: String {
        let number = process.map { "process \($0)" } ?? "a process that the kernel did not name"
        return name.map { "\($0) (\(number))" } ?? number
    }
}

/// Hears when others change the table (NFNLGRP_NFTABLES). Of what the gate itself changes the kernel tells, too; a filter drops
/// that before it costs anything here.
///
/// What is done about it waits for the kernel as long as the other program's socket takes to close after a deletion: 7 to 20 ms,
/// unless the gate comes first.
final class TableWatch {
    /// Where `nlmsg_pid` stands: in what the kernel tells of a change it is the port of the socket that asked for it.
    private static let portOffset: UInt32 = 12
    /// The end of a transaction is told just after what it changed; on a busy machine the other program's part of the kernel may
    /// have to wait in between.
    private static let patienceMilliseconds: Int32 = 20

    private let socket: NetlinkSocket

    /// - Parameter port: of the socket whose changes are the gate's own.
    init(ignoring port: UInt32) throws(NetfilterError) {
        socket = try NetlinkSocket(
            bus: NETLINK_NETFILTER, groups: 1 << (UInt32(NFNLGRP_NFTABLES.rawValue) - 1),
            filter: Self.filter(dropping: port))
    }

    /// Readable when something was changed, here or in other tables.
    var descriptor: Int32 { socket.descriptor }

    /// Takes what has been told by now: who changed this table, or nil when nobody did.
    func update() -> TableIntruder? {
        var isChanged = false
        var isEnded = false
        var intruder = TableIntruder()
        func read() {
            do throws(NetfilterError) {
                try socket.receive { message in
                    if message.type == Nft.messageType(NFT_MSG_NEWGEN) {
                        // The last of a transaction says whose it was.
                        guard isChanged, !isEnded else { return }
                        isEnded = true
                        Self.read(message, into: &intruder)
                    } else if Self.isOfTable(message) {
                        isChanged = true
                    }
                }
            } catch {
                // ENOBUFS: events were lost. Never conclude that nothing changed.
                isChanged = true
                isEnded = true
            }
        }
        read()
        guard isChanged else { return nil }
        // What is left of it would look like another change.
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while !isEnded, poll(&entry, 1, Self.patienceMilliseconds) > 0 { read() }
        return intruder
    }

    /// Whether a message of any kind is about the table: all of them name it in their first attribute.
    private static func isOfTable(_ message: NetlinkMessage) -> Bool {
        guard let part = message.fixedPart(nfgenmsg.self), part.nfgen_family == UInt8(Nft.family) else { return false }
        var isOurs = false
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            if UInt32(attribute.type) == TableMember.tableName { isOurs = attribute.isText(Nft.tableLabel) }
        }
        return isOurs
    }

    private static func read(_ message: NetlinkMessage, into intruder: inout TableIntruder) {
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch UInt32(attribute.type) {
            case NFTA_GEN_PROC_PID.rawValue:
                intruder.process = attribute.uint32.map { UInt32(bigEndian: $0) }
            case NFTA_GEN_PROC_NAME.rawValue:
                intruder.name = String(decoding: attribute.octets.prefix { $0 != 0 }, as: UTF8.self)
            case _:
                break
            }
        }
    }

    /// Drops a datagram whose first message has this port. All messages in one are of one transaction.
    private static func filter(dropping port: UInt32) -> [sock_filter] {
        [
            // A load is in network byte order, and the header in the machine's.
            sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: portOffset),
            sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: port.bigEndian),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: UInt32.max),
        ]
    }
}
