import CLinux
import Glibc

/// The socket that sees every frame of one interface.
struct PacketSocket: ~Copyable {
    /// Frames fetched by one call.
    static let batch = 64
    /// Octets that the kernel keeps for us while a file is being written: about 10,000 packets of a call.
    static let receiveBuffer: Int32 = 8 << 20

    let descriptor: Int32
    private let buffer: UnsafeMutablePointer<UInt8>
    private let interface: String
    private let snapLength: Int

    init(interface: String, snapLength: Int) throws(RecorderError) {
        var step = CLinux_packet_socket
        let opened = CLinux_packet_open(interface, Self.receiveBuffer, &step)
        let code = errno
        guard opened >= 0 else {
            let advice =
                switch step {
                case CLinux_packet_socket: "give the process CAP_NET_RAW"
                case CLinux_packet_interface: "name an existing interface with --interface"
                case CLinux_packet_bind: "set the interface up"
                case CLinux_packet_link_type: "its frames have no Ethernet header"
                case _: ""
                }
            throw RecorderError(operation: "capture on", subject: interface, code: code, advice: advice)
        }
        descriptor = opened
        self.interface = interface
        self.snapLength = snapLength
        buffer = .allocate(capacity: snapLength * Self.batch)
        buffer.initialize(repeating: 0, count: snapLength * Self.batch)
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Fetches what has arrived, without waiting.
    ///
    /// - Parameter body: gets each frame's octets as far as they are kept, with its length and its time.
    /// - Returns: how many frames there were.
    func receive(_ body: (Span<UInt8>, CLinux_frame) -> Void) throws(RecorderError) -> Int {
        var frames = [CLinux_frame](repeating: CLinux_frame(), count: Self.batch)
        let count = CLinux_packet_receive(descriptor, buffer, snapLength, &frames, UInt32(Self.batch))
        let code = errno
        guard count >= 0 else {
            if code == EAGAIN || code == EINTR { return 0 }
            throw RecorderError(operation: "receive from", subject: interface, code: code)
        }
        for index in 0..<Int(count) {
            let start = UnsafePointer(buffer + index * snapLength)
            let octets = UnsafeBufferPointer(start: start, count: Int(frames[index].captured))
            body(octets.span, frames[index])
        }
        return Int(count)
    }

    /// Frames that the kernel dropped because we were too slow.
    func drops() -> UInt32 {
        var drops: UInt32 = 0
        return CLinux_packet_drops(descriptor, &drops) == 0 ? drops : 0
    }
}
