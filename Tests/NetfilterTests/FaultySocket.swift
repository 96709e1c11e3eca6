import CNetfilter
import Glibc
import Wire

@testable import Netfilter

/// The netlink socket that the table is written by, with faults between it and the kernel.
final class FaultySocket: NetlinkSocket {
    enum Fault: Hashable {
        /// The kernel refuses a message of the batch, and does nothing of it.
        case refused(Int32, At)
        /// It has done the batch, and there was no room for its answer.
        case unheard(Int32)
        /// The batch does not get to it.
        case unsent(Int32)

        enum At: Hashable { case begin, first, delete }
    }

    /// By the number of the batch.
    var faults: [Int: Fault] = [:]
    private(set) var batches = 0
    private var answer: (errno: Int32, sequence: UInt32)?
    private var deafness: Int32?

    func reset() {
        faults = [:]
        batches = 0
    }

    override func send(_ bytes: UnsafeRawBufferPointer) throws(NetfilterError) {
        let fault = faults[batches]
        batches += 1
        switch fault {
        case nil: try super.send(bytes)
        case .unsent(let errno): throw NetfilterError(.send, errno: errno)
        case .unheard(let errno):
            try super.send(bytes)
            // The kernel's answers are there at once.
            try super.receive { _ in }
            deafness = errno
        case .refused(let errno, let place): answer = (errno, sequence(of: place, in: bytes))
        }
    }

    override func receive(
        until isComplete: () -> Bool = { false }, _ body: (NetlinkMessage) -> Void
    ) throws(NetfilterError) {
        if let errno = deafness {
            deafness = nil
            throw NetfilterError(.receive, errno: errno)
        }
        guard let (errno, sequence) = answer else { return try super.receive(until: isComplete, body) }
        answer = nil
        // struct nlmsghdr, struct nlmsgerr (linux/netlink.h).
        let length = MemoryLayout<nlmsghdr>.size + MemoryLayout<nlmsgerr>.size
        withUnsafeTemporaryAllocation(byteCount: length, alignment: 8) { buffer in
            var report = nlmsgerr()
            report.error = -errno
            let header = nlmsghdr(
                nlmsg_len: UInt32(length), nlmsg_type: UInt16(NLMSG_ERROR), nlmsg_flags: UInt16(NLM_F_CAPPED),
                nlmsg_seq: sequence, nlmsg_pid: 0)
            buffer.storeBytes(of: header, as: nlmsghdr.self)
            buffer.storeBytes(of: report, toByteOffset: MemoryLayout<nlmsghdr>.size, as: nlmsgerr.self)
            guard let start = buffer.baseAddress else { return }
            body(NetlinkMessage(header: UnsafePointer(start.assumingMemoryBound(to: nlmsghdr.self))))
        }
    }

    /// The number of a message of the batch: of its first where it has none of that kind.
    private func sequence(of place: Fault.At, in bytes: UnsafeRawBufferPointer) -> UInt32 {
        var sequences: [UInt32] = []
        var deletion: UInt32?
        var offset = 0
        while offset + MemoryLayout<nlmsghdr>.size <= bytes.count {
            let header = bytes.loadUnaligned(fromByteOffset: offset, as: nlmsghdr.self)
            sequences.append(header.nlmsg_seq)
            if header.nlmsg_type == Nft.messageType(NFT_MSG_DELSETELEM) { deletion = deletion ?? header.nlmsg_seq }
            offset += (Int(header.nlmsg_len) + 3) & ~3
        }
        switch place {
        case .begin: return sequences[0]
        case .first: return sequences[1]
        case .delete: return deletion ?? sequences[1]
        }
    }
}
