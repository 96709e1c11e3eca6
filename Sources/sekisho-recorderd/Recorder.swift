import CLinux
import Glibc

/// Carries packets from the interface into the file until a signal comes.
enum Recorder {
    /// What there is to tell when it is over.
    struct Summary: Equatable {
        var packets: UInt64
        /// Packets that came and are not in the file.
        var leftOut: UInt64
        /// Frames that the kernel dropped before we saw them.
        var dropped: UInt32
    }

    /// Frames that are still taken after the signal: more than the kernel keeps for us, less than without end.
    static let drainLimit = 1 << 17

    /// Records until SIGTERM or SIGINT, which the descriptor tells about.
    ///
    /// - Parameter report: gets one line at once when the file can take no more.
    static func run(
        from socket: borrowing PacketSocket, to file: inout PcapFile, until signals: Int32, report: (String) -> Void
    ) throws(RecorderError) -> Summary {
        var isReported = false
        var hasEnded = false
        var drained = 0
        var fault: RecorderError?
        while !hasEnded || drained < drainLimit {
            if !hasEnded { hasEnded = try wait(for: socket.descriptor, signals) }
            var count = 0
            do throws(RecorderError) {
                count = try take(from: socket, to: &file)
            } catch {
                // The kernel tells of an interface that went down before it hands out the frames that came earlier:
                // they are taken, and then it is over.
                guard fault == nil else { throw error }
                fault = error
                hasEnded = true
                continue
            }
            if let end = file.end, !isReported {
                report("\(end); recording no more")
                isReported = true
            }
            if hasEnded {
                drained += count
                if count == 0 { break }
            }
        }
        if let fault { throw fault }
        return Summary(packets: file.packets, leftOut: file.leftOut, dropped: socket.drops())
    }

    /// Fetches one batch and writes its UDP packets.
    private static func take(
        from socket: borrowing PacketSocket, to file: inout PcapFile
    ) throws(RecorderError) -> Int {
        let count = try socket.receive { octets, frame in
            if UDPFrame.isUDP(octets) { file.append(octets, frame) }
        }
        file.flush()
        return count
    }

    /// Waits for frames or a signal; whether it was a signal.
    private static func wait(for socket: Int32, _ signals: Int32) throws(RecorderError) -> Bool {
        var descriptors = [
            pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
        ]
        let result = poll(&descriptors, nfds_t(descriptors.count), -1)
        let code = errno
        guard result >= 0 || code == EINTR else { throw RecorderError(operation: "poll", subject: "", code: code) }
        return descriptors[1].revents != 0
    }
}
