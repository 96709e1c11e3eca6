public import Wire

/// Makes plain offers and answers for one audio stream in G.711 (RFC 3264 sections 5 and 6).
public struct SDPBuilder: Hashable, Sendable {
    /// The static payload types of RFC 3551 section 6 that are written.
    public enum AudioFormat: UInt8, Sendable, CaseIterable {
        /// G.711 µ-law.
        case pcmu = 0
        /// G.711 A-law.
        case pcma = 8

        var encodingName: StaticString {
            switch self {
            case .pcmu: "PCMU"
            case .pcma: "PCMA"
            }
        }
    }

    /// An answer and what it says.
    public struct Answer: Hashable, Sendable {
        /// The description, ready to be sent.
        public let bytes: [UInt8]
        /// The m-line that was accepted; every other one is refused.
        public let index: Int
        /// The format that was accepted; media goes both ways in it.
        public let format: AudioFormat
    }

    /// Where media is received, and the address of o=.
    public var address: IPAddress
    /// Where RTP is received.
    public var port: UInt16
    /// Nil for the port after RTP's.
    public var rtcpPort: UInt16?
    /// Offers one port for RTP and RTCP, and agrees to it.
    public var usesRTCPMux = false
    /// What is wanted; an answer narrows it to what the offer allows.
    public var direction = Direction.sendReceive
    /// In order of preference; an empty list offers nothing that could be accepted.
    public var formats: [AudioFormat]
    /// `<sess-id>`: the same throughout a session. A number that is not used twice.
    public var sessionID: UInt64
    /// `<sess-version>`: to be raised by one with every changed description.
    public var version: UInt64

    /// A builder for one session; what has no parameter here is set afterwards.
    public init(
        address: IPAddress, port: UInt16, sessionID: UInt64, version: UInt64 = 1,
        formats: [AudioFormat] = AudioFormat.allCases
    ) {
        self.address = address
        self.port = port
        self.sessionID = sessionID
        self.version = version
        self.formats = formats
    }

    /// An offer with one m-line.
    public func offer() -> [UInt8] {
        var output = sessionLines()
        appendStream(formats, transport: "RTP/AVP".utf8, direction: direction, mux: usesRTCPMux, to: &output)
        return output
    }

    /// An answer that accepts the first m-line with audio over plain RTP and a format of ours, in the offerer's order
    /// of preference, and refuses the rest.
    ///
    /// - Returns: nil when no m-line can be accepted: the request is to be answered with 488.
    public func answer(to offer: SessionDescription) -> Answer? {
        guard let (index, format) = choose(from: offer) else { return nil }
        var output = sessionLines()
        for (position, stream) in offer.media.enumerated() {
            if position == index {
                appendStream(
                    [format], transport: offer.octets(stream.transportToken),
                    direction: direction.answer(to: stream.direction), mux: usesRTCPMux && stream.isRTCPMux,
                    to: &output)
            } else {
                output += "m=".utf8
                output += offer.octets(stream.kindToken)
                output += " 0 ".utf8
                output += offer.octets(stream.transportToken)
                for refused in stream.formats { output += [ASCII.space] + offer.octets(refused) }
                output += "\r\n".utf8
            }
        }
        return Answer(bytes: output, index: index, format: format)
    }

    private func choose(from offer: SessionDescription) -> (index: Int, format: AudioFormat)? {
        for (index, stream) in offer.media.enumerated() where stream.kind == .audio && stream.port != 0 {
            guard stream.transport == .rtpAVP || stream.transport == .rtpAVPF else { continue }
            for offered in stream.formats {
                for format in formats where offer.equal(offered, format.payloadToken) { return (index, format) }
            }
        }
        return nil
    }

    private func sessionLines() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        output += "v=0\r\no=- ".utf8
        ASCII.append(decimal: sessionID, to: &output)
        output.append(ASCII.space)
        ASCII.append(decimal: version, to: &output)
        output.append(ASCII.space)
        AddressType.append(address, to: &output)
        output += "\r\ns=-\r\nc=".utf8
        AddressType.append(address, to: &output)
        output += "\r\nt=0 0\r\n".utf8
        return output
    }

    private func appendStream(
        _ formats: [AudioFormat], transport: some Sequence<UInt8>, direction: Direction, mux: Bool,
        to output: inout [UInt8]
    ) {
        output += "m=audio ".utf8
        ASCII.append(decimal: UInt64(port), to: &output)
        output.append(ASCII.space)
        output += transport
        for format in formats {
            output.append(ASCII.space)
            ASCII.append(decimal: UInt64(format.rawValue), to: &output)
        }
        output += "\r\n".utf8
        for format in formats {
            output += "a=rtpmap:".utf8
            ASCII.append(decimal: UInt64(format.rawValue), to: &output)
            output += " \(format.encodingName)/8000\r\n".utf8
        }
        output += "a=ptime:20\r\na=\(direction.token)\r\n".utf8
        if let rtcpPort {
            output += "a=rtcp:".utf8
            ASCII.append(decimal: UInt64(rtcpPort), to: &output)
            output += "\r\n".utf8
        }
        if mux { output += "a=rtcp-mux\r\n".utf8 }
    }
}

extension SDPBuilder.AudioFormat {
    var payloadToken: StaticString {
        switch self {
        case .pcmu: "0"
        case .pcma: "8"
        }
    }
}

extension Direction {
    /// Whether the one who says it sends media.
    public var sends: Bool { self == .sendReceive || self == .sendOnly }
    /// Whether the one who says it wants media.
    public var receives: Bool { self == .sendReceive || self == .receiveOnly }

    /// What to answer to an offer: what we want, as far as the offer allows it (RFC 3264 section 6.1).
    public func answer(to offer: Direction) -> Direction {
        switch (sends && offer.receives, receives && offer.sends) {
        case (true, true): .sendReceive
        case (true, false): .sendOnly
        case (false, true): .receiveOnly
        case (false, false): .inactive
        }
    }
}
