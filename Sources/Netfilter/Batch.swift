import CNetfilter
import Glibc

/// Messages to nf_tables that the kernel carries out together or not at all.
final class Batch {
    private let messages: MessageBuffer
    private var firstSequence: UInt32 = 0
    /// What each message attempts, by sequence number from `firstSequence`.
    private var attempts: [NetfilterError.Attempt] = []
    /// Whether the first message asks for an echo.
    private var isEchoed = false

    init(in messages: MessageBuffer) { self.messages = messages }

    /// Forgets the messages and begins anew.
    ///
    /// - Parameter generation: the kernel refuses the batch with ERESTART when its tables have changed since this number; nil
    ///   is whatever they are.
    func begin(firstSequence: UInt32, generation: UInt32? = nil) {
        self.firstSequence = firstSequence
        attempts.removeAll(keepingCapacity: true)
        attempts.append(.beginBatch)
        isEchoed = false
        messages.removeAll()
        delimit(NFNL_MSG_BATCH_BEGIN, sequence: firstSequence, generation: generation)
    }

    /// Sequence numbers that the batch uses.
    var sequences: UInt32 { UInt32(attempts.count + 1) }

    /// Appends one message.
    ///
    /// - Parameter write: puts the attributes after the headers.
    func append(
        _ attempt: NetfilterError.Attempt, _ type: nf_tables_msg_types, flags: Int32 = 0,
        writing write: (inout MessageWriter) -> Void
    ) {
        let sequence = firstSequence &+ UInt32(attempts.count)
        messages.append(Nft.messageType(type), flags: flags, sequence: sequence, write)
        if attempts.count == 1 { isEchoed = flags & NLM_F_ECHO != 0 }
        attempts.append(attempt)
    }

    /// Appends one message that libnftnl writes.
    ///
    /// - Parameter build: puts the attributes after the header.
    func append(
        _ attempt: NetfilterError.Attempt, _ type: nf_tables_msg_types, flags: Int32 = 0,
        _ build: (UnsafeMutablePointer<nlmsghdr>) -> Void
    ) {
        messages.append(type, flags: flags, sequence: firstSequence &+ UInt32(attempts.count), build)
        attempts.append(attempt)
    }

    /// Sends the batch and reads what the kernel answers.
    ///
    /// Success is that no message was refused and the kernel said that it carried out the batch: it tells the number of the
    /// new generation to whom the first message asks for an echo (nf_tables_gen_notify); else the last message asks to be
    /// acknowledged, the only one that does: in a batch that failed, the good messages are acknowledged too.
    ///
    /// - Parameter echo: is given every message that is no acknowledgement. The kernel numbers the echo of an element 0;
    ///   that it is ours is known because the socket hears no multicast group.
    func commit(on socket: NetlinkSocket, echo: (NetlinkMessage) -> Void) throws(NetfilterError) {
        if !isEchoed { messages.acknowledgeLast() }
        let lastSequence = firstSequence &+ UInt32(attempts.count - 1)
        delimit(NFNL_MSG_BATCH_END, sequence: firstSequence &+ UInt32(attempts.count))
        try messages.send(on: socket)

        var failure: NetfilterError?
        var isDone = false
        // Either is the last that the kernel says of a batch that it carried out.
        try socket.receive(until: { isDone && failure == nil }) { message in
            guard let status = message.status else {
                guard message.type == Nft.messageType(NFT_MSG_NEWGEN) else { return echo(message) }
                if message.sequence == firstSequence &+ 1 { isDone = true }
                return
            }
            // An acknowledgement that an earlier batch left behind is not ours.
            let index = Int(message.sequence &- firstSequence)
            guard index <= attempts.count else { return }
            if status.errno != 0 {
                let attempt = index < attempts.count ? attempts[index] : .endBatch
                if failure == nil { failure = NetfilterError(attempt, errno: status.errno, offset: status.offset) }
            } else if message.sequence == lastSequence {
                isDone = true
            }
        }
        if let failure { throw failure }
        guard isDone else { throw NetfilterError(.endBatch, errno: EPROTO) }
    }

    private func delimit(_ type: Int32, sequence: UInt32, generation: UInt32? = nil) {
        messages.append(
            UInt16(type), sequence: sequence, family: UInt16(AF_UNSPEC), resource: UInt16(NFNL_SUBSYS_NFTABLES)
        ) { message in
            if let generation { message.put(UInt32(NFNL_BATCH_GENID.rawValue), generation) }
        }
    }
}
