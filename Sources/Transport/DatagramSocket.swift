import CLinux
import Glibc
import NIOCore
import SIPTransactions
import Wire

/// A bound UDP socket. NIO reads it; what is sent is collected, and leaves by sendmmsg(2) when the event loop has done what
/// there was to do: a datagram that NIO writes costs a buffer, an envelope, an address, a promise and a system call.
final class DatagramSocket {
    let channel: any Channel
    /// The channel's, open for as long as the channel is active.
    private let descriptor: Int32
    private var octets: [UInt8] = []
    private var datagrams: [CLinux_datagram] = []
    private var destinations: [Destination] = []

    init(channel: any Channel, descriptor: Int32) {
        self.channel = channel
        self.descriptor = descriptor
    }

    /// Octets that may wait for the event loop: what is more is sent at once.
    private static let mostWaiting = 1 << 18

    /// Whether so much waits that it should be sent before more is appended.
    var isFull: Bool { octets.count >= Self.mostWaiting }

    /// Takes a datagram that the next `flush` sends.
    func append(_ message: [UInt8], to destination: Destination) {
        var datagram = CLinux_datagram()
        datagram.offset = UInt32(octets.count)
        datagram.length = UInt32(message.count)
        datagram.port = destination.remote.port
        datagram.width = destination.remote.address.isIPv6 ? 16 : 4
        withUnsafeMutableBytes(of: &datagram.address) { address in
            switch destination.remote.address {
            case .v4(let value): address.storeBytes(of: value.bigEndian, as: UInt32.self)
            case .v6(let high, let low):
                address.storeBytes(of: high.bigEndian, as: UInt64.self)
                address.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
        octets.append(contentsOf: message)
        datagrams.append(datagram)
        destinations.append(destination)
    }

    /// Sends what was appended.
    ///
    /// - Parameters:
    ///   - failed: is given the destination of each datagram that cannot be sent there.
    ///   - lost: is called for each that had no room any more: it is lost like any in the network, and repeated like any.
    func flush(failed: (Destination) -> Void, lost: () -> Void) {
        var next = 0
        while next < datagrams.count {
            // A closed channel's number may be another socket's.
            let sent = channel.isActive ? Int(send(from: next)) : -1
            if sent < 0 {
                let isFull = channel.isActive && (errno == EAGAIN || errno == ENOBUFS)
                if isFull { lost() } else { failed(destinations[next]) }
            }
            next += max(1, sent)
        }
        octets.removeAll(keepingCapacity: octets.capacity <= 2 * Self.mostWaiting)
        datagrams.removeAll(keepingCapacity: true)
        destinations.removeAll(keepingCapacity: true)
    }

    private func send(from index: Int) -> Int32 {
        octets.withUnsafeBufferPointer { octets in
            datagrams.withUnsafeBufferPointer { datagrams in
                guard let octets = octets.baseAddress, let first = datagrams.baseAddress else { return -1 }
                return CLinux_send_datagrams(descriptor, octets, first + index, UInt32(datagrams.count - index))
            }
        }
    }

    /// Binds a socket.
    ///
    /// - Returns: its descriptor.
    static func bind(_ endpoint: Endpoint) throws(IOError) -> Int32 {
        var address: [UInt8] = []
        endpoint.address.appendOctets(to: &address)
        let descriptor = CLinux_bind_datagrams(address, Int32(address.count), endpoint.port, socketBuffer)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "bind") }
        return descriptor
    }

    /// Octets each way: a burst of a thousand messages, as far as net.core.rmem_max and wmem_max let it be so much.
    private static let socketBuffer: Int32 = 1 << 20
}
