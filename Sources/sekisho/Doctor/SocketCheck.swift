import Coexistence
import ControlProtocol
import GateProtocol
import Glibc

/// Whether the daemons answer on their sockets: each is asked something that changes nothing.
enum SocketCheck {
    static func proxy(at path: String) -> Facts.Answer {
        do {
            let document = try ControlClient.ask(.status, at: path)
            let status = try ControlClient.status(in: document)
            return status.isGateConnected ? .answers : .silent("it is not connected to sekisho-gated")
        } catch {
            return .silent("\(error)")
        }
    }

    static func gate(at path: String) -> Facts.Answer {
        do {
            let descriptor = try ControlClient.connect(to: path, of: "sekisho-gated")
            defer { close(descriptor) }
            var octets: [UInt8] = []
            try FrameEncoder.append(.request(.hello(version: GateFrame.version), id: 1), to: &octets)
            guard send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count else {
                return .silent("it does not take a request: \(String(cString: strerror(errno)))")
            }
            var decoder = FrameDecoder()
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                if let frame = try decoder.next() {
                    if case .reply(.welcome) = frame.body { return .answers }
                    return .silent("it is of another version than this program")
                }
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return .silent("it says nothing in \(ControlClient.patienceSeconds) s") }
                decoder.append(buffer.span.extracting(..<count))
            }
        } catch {
            return .silent("\(error)")
        }
    }
}
