import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// A call told step by step, as the ladder of an RFC: what each end gets from the gateway, and what is open after it.
///
/// A message is written as its method or its status, that of a response to another request than INVITE with the method
/// behind it, and `sdp` when it carries a description: `INVITE sdp`, `180`, `200 sdp`, `200 BYE`.
final class Ladder {
    let script: Script
    let call: Call
    private var seen = (caller: 0, callee: 0)

    init(_ setting: Setting, change: (inout ControllerSettings) -> Void = { _ in }) {
        script = Script(setting, change: change)
        call = script.call()
    }

    private init(_ script: Script, _ call: Call) {
        self.script = script
        self.call = call
        seen = (call.caller.phone.inbox.count, call.callee.phone.inbox.count)
    }

    var caller: Leg { call.caller }
    var callee: Leg { call.callee }

    /// The same caller tries once more: same Call-ID and tag, the next CSeq (RFC 3261 section 8.1.3.5).
    func again(attempt: UInt32 = 2) -> Ladder {
        let next = Ladder(script, Call(script, number: 1))
        for _ in 1..<attempt { _ = next.caller.make(.invite) }
        return next
    }

    /// - Parameters:
    ///   - caller: what the caller gets, in order.
    ///   - callee: what the callee gets.
    ///   - open: what is open when everything has come.
    func step(
        _ what: String, caller: [String] = [], callee: [String] = [], open: Holes,
        sourceLocation: SourceLocation = #_sourceLocation, _ action: () -> Void
    ) {
        action()
        let came = (
            caller: call.caller.phone.inbox.dropFirst(seen.caller).map(Ladder.text),
            callee: call.callee.phone.inbox.dropFirst(seen.callee).map(Ladder.text)
        )
        seen.caller += came.caller.count
        seen.callee += came.callee.count
        #expect(came.caller == caller, "\(what): caller", sourceLocation: sourceLocation)
        #expect(came.callee == callee, "\(what): callee", sourceLocation: sourceLocation)
        let holes = script.open
        let halfOpen = Set(holes.flatMap(\.halfOpen))
        let paths = Set(holes.flatMap(\.paths))
        #expect(halfOpen == Set(open.halfOpen), "\(what): half open", sourceLocation: sourceLocation)
        #expect(paths == Set(open.paths), "\(what): paths", sourceLocation: sourceLocation)
    }

    /// INVITE, 180, 200, ACK with an offer in the INVITE.
    func establish(_ offer: Body? = nil, _ answer: Body? = nil) {
        caller.invite(offer)
        callee.ring()
        callee.answer(answer)
        seen = (call.caller.phone.inbox.count, call.callee.phone.inbox.count)
    }

    /// The caller hangs up, and nothing is left of the call.
    func end(sourceLocation: SourceLocation = #_sourceLocation) {
        step(
            "BYE", caller: ["200 BYE"], callee: ["BYE"], open: Holes(), sourceLocation: sourceLocation, caller.bye)
        nothingIsLeft(sourceLocation: sourceLocation)
    }

    func nothingIsLeft(sourceLocation: SourceLocation = #_sourceLocation) {
        script.settle()
        #expect(script.open.isEmpty, sourceLocation: sourceLocation)
        #expect(script.leftovers.isEmpty, sourceLocation: sourceLocation)
        #expect(script.controller.sessions.isEmpty, sourceLocation: sourceLocation)
        #expect(script.astray.isEmpty, sourceLocation: sourceLocation)
    }

    static func text(_ message: Message) -> String {
        let method = message.text(message.cseq.methodText)
        var text = message.status.map { message.cseq.method == .invite ? "\($0)" : "\($0) \(method)" } ?? method
        if !message.body.isEmpty { text += " sdp" }
        return text
    }

    // MARK: What is open

    /// Nothing.
    let closed = Holes()

    /// Any source to RTP and RTCP of an offerer's audio: nothing unless it is inside.
    func half(_ leg: Leg, _ ports: UInt16..., and paths: Holes = Holes()) -> Holes {
        guard leg.phone.side == .inside else { return paths }
        let endpoints = (ports.isEmpty ? [leg.port] : ports).flatMap { Call.pair(leg.phone.media($0)) }
        return Holes(halfOpen: endpoints, paths: paths.paths)
    }

    /// RTP and RTCP of streams between caller and callee, as pairs of their ports; one stream at their own without any.
    func paths(_ ports: (caller: UInt16, callee: UInt16)...) -> Holes {
        let streams = ports.isEmpty ? [(caller.port, callee.port)] : ports
        return Holes(
            paths: streams.flatMap { ports in
                call.paths(caller.phone.media(ports.0), callee.phone.media(ports.1))
            })
    }
}

/// One m-line of a description that a script writes.
struct Stream {
    var kind = "audio"
    /// 0 refuses or ends the stream.
    var port: UInt16
    var direction = "sendrecv"
    var transport = "RTP/AVP"

    static func audio(_ port: UInt16, _ direction: String = "sendrecv") -> Stream {
        Stream(port: port, direction: direction)
    }

    static func video(_ port: UInt16, _ direction: String = "sendrecv") -> Stream {
        Stream(kind: "video", port: port, direction: direction)
    }

    /// Who has the floor, by BFCP over TCP (RFC 8856): no hole is for it.
    static func floor(_ port: UInt16) -> Stream {
        Stream(kind: "application", port: port, transport: "TCP/BFCP")
    }
}

extension Leg {
    /// A description of these streams at this leg's phone.
    func streams(_ streams: Stream...) -> Body {
        let address = phone.media().address
        let family = address.isIPv6 ? "IP6" : "IP4"
        let head = "v=0\r\no=- 1 1 IN \(family) \(address)\r\ns=-\r\nc=IN \(family) \(address)\r\nt=0 0\r\n"
        let lines = streams.map {
            "m=\($0.kind) \($0.port) \($0.transport) \($0.kind == "audio" ? 0 : 31)\r\na=\($0.direction)\r\n"
        }
        return .sdp(head + lines.joined())
    }
}
