import SDPText
import Testing
import Wire

/// A description in the shape that some kind of device sends.
struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let lines: [String]
    var lineEnd = "\r\n"
    /// What follows the last line.
    var tail = "\r\n"
    let targets: [StreamTarget]

    var bytes: [UInt8] { Array((lines.joined(separator: lineEnd) + tail).utf8) }
    var testDescription: String { name }
}

/// `192.0.2.1:4000` and `192.0.2.1:4001` as RTP and RTCP.
func to(_ rtp: String, _ rtcp: String? = nil) -> StreamTarget {
    guard let endpoint = Endpoint(rtp), let second = rtcp.map({ Endpoint($0) }) ?? nil ?? next(endpoint) else {
        return .rejected
    }
    return .transport(rtp: endpoint, rtcp: second)
}

/// RTP alone.
func only(_ rtp: String) -> StreamTarget {
    Endpoint(rtp).map { .transport(rtp: $0, rtcp: nil) } ?? .rejected
}

private func next(_ endpoint: Endpoint) -> Endpoint? { Endpoint(endpoint.address, endpoint.port + 1) }

extension Sample {
    static let all: [Sample] = [
        Sample(
            name: "desk phone, session c=",
            lines: [
                "v=0", "o=- 20518 20518 IN IP4 10.1.0.23", "s=SIP Call", "c=IN IP4 10.1.0.23", "t=0 0",
                "m=audio 11792 RTP/AVP 0 8 18 101", "a=sendrecv", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
                "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=ptime:20", "a=rtpmap:101 telephone-event/8000",
                "a=fmtp:101 0-15",
            ],
            targets: [to("10.1.0.23:11792")]),
        Sample(
            name: "soft phone, audio and video, bandwidth",
            lines: [
                "v=0", "o=alice 1 1 IN IP4 192.0.2.7", "s=call", "c=IN IP4 192.0.2.7", "b=AS:512", "t=0 0",
                "m=audio 7078 RTP/AVP 96 0 8", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1",
                "m=video 9078 RTP/AVP 97", "b=TIAS:384000", "a=rtpmap:97 H264/90000",
                "a=fmtp:97 profile-level-id=42801F",
            ],
            targets: [to("192.0.2.7:7078"), to("192.0.2.7:9078")]),
        Sample(
            name: "media server, media c= only, a=rtcp",
            lines: [
                "v=0", "o=mserver 3890 3891 IN IP4 198.51.100.10", "s=-", "t=0 0",
                "m=audio 30000 RTP/AVP 8", "c=IN IP4 198.51.100.11", "a=rtcp:30777", "a=sendonly",
                "m=video 31000 RTP/AVPF 96", "c=IN IP4 198.51.100.12", "a=rtcp:40001 IN IP4 198.51.100.13",
                "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack",
            ],
            targets: [
                to("198.51.100.11:30000", "198.51.100.11:30777"), to("198.51.100.12:31000", "198.51.100.13:40001"),
            ]),
        Sample(
            name: "gateway, bare LF, video refused",
            lines: [
                "v=0", "o=GW 0 0 IN IP4 203.0.113.5", "s=GW", "c=IN IP4 203.0.113.5", "t=0 0",
                "m=audio 16384 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "m=video 0 RTP/AVP 31",
            ],
            lineEnd: "\n", tail: "\n",
            targets: [to("203.0.113.5:16384"), .rejected]),
        Sample(
            name: "IPv6 phone",
            lines: [
                "v=0", "o=- 7 8 IN IP6 2001:db8::23", "s=-", "c=IN IP6 2001:db8::23", "t=0 0",
                "m=audio 5004 RTP/AVP 0", "a=recvonly",
            ],
            targets: [to("[2001:db8::23]:5004")]),
        Sample(
            name: "mixed families",
            lines: [
                "v=0", "o=- 7 8 IN IP4 192.0.2.9", "s=-", "c=IN IP6 2001:db8::9", "t=0 0",
                "m=audio 5004 RTP/AVP 0", "c=IN IP4 192.0.2.9", "m=audio 5006 RTP/AVP 0",
            ],
            targets: [to("192.0.2.9:5004"), to("[2001:db8::9]:5006")]),
        Sample(
            name: "no end on the last line",
            lines: ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 0"],
            tail: "",
            targets: [to("192.0.2.1:4000")]),
        Sample(
            name: "empty lines at the end",
            lines: ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 0"],
            tail: "\r\n\r\n\r\n",
            targets: [to("192.0.2.1:4000")]),
        Sample(
            name: "letters of no standard, b= without colon, empty a=",
            lines: [
                "v=0", "o=34020000001320000001 0 0 IN IP4 192.0.2.64", "s=Play", "c=IN IP4 192.0.2.64", "b=AS",
                "t=0 0", "a=", "m=video 15060 RTP/AVP 96", "b=", "a=", "a=:", "a=rtpmap:96 PS/90000", "a=recvonly",
                "y=0100000001",
                "f=v/2/5/25/1/4096a///",
            ],
            targets: [to("192.0.2.64:15060")]),
        Sample(
            name: "hold with c=0.0.0.0",
            lines: [
                "v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 0.0.0.0", "t=0 0", "m=audio 4000 RTP/AVP 0",
                "a=inactive",
            ],
            targets: [.held]),
        Sample(
            name: "hold with :: and with .invalid",
            lines: [
                "v=0", "o=- 1 2 IN IP6 3rd_phone.5", "s=-", "c=IN IP6 ::", "t=0 0", "m=audio 4000 RTP/AVP 0",
                "m=video 4002 RTP/AVP 97", "c=IN IP6 anonymous.invalid", "m=video 4004 RTP/AVP 97",
                "c=IN IP6 ::ffff:0.0.0.0",
            ],
            targets: [.held, .held, .held]),
        Sample(
            name: "hold by direction keeps the ports",
            lines: [
                "v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "a=sendonly",
                "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0", "a=inactive",
            ],
            targets: [to("192.0.2.1:4000"), to("192.0.2.1:4002")]),
        Sample(
            name: "browser with candidates",
            lines: [
                "v=0", "o=mozilla 5853 0 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
                "a=fingerprint:sha-256 00:11:22", "a=ice-options:trickle",
                "m=audio 50123 UDP/TLS/RTP/SAVPF 109 0", "c=IN IP4 198.51.100.77",
                "a=candidate:0 1 UDP 2122252543 192.168.1.5 50123 typ host",
                "a=candidate:1 1 udp 1686052607 198.51.100.77 50123 typ srflx raddr 192.168.1.5 rport 50123",
                "a=candidate:2 1 UDP 212 8a1c.local 50125 typ host", "a=mid:0", "a=rtcp-mux", "a=setup:actpass",
                "a=rtcp:50124 IN IP4 198.51.100.77",
                "m=video 9 UDP/TLS/RTP/SAVPF 120", "c=IN IP4 0.0.0.0", "a=mid:1", "a=rtcp:9 IN IP4 0.0.0.0",
                "a=rtcp-mux", "a=rtcp-mux-only",
            ],
            targets: [to("198.51.100.77:50123", "198.51.100.77:50124"), .held]),
        Sample(
            name: "mux only, and RTP at the last port",
            lines: [
                "v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 4000 RTP/SAVPF 0",
                "a=rtcp-mux", "a=rtcp-mux-only", "m=audio 65535 RTP/AVP 0", "m=audio 4006 RTP/AVP 0", "a=rtcp:0",
                "m=audio 4008 RTP/AVP 0", "a=rtcp:9 IN IP4 0.0.0.0",
            ],
            targets: [only("192.0.2.1:4000"), only("192.0.2.1:65535"), only("192.0.2.1:4006"), only("192.0.2.1:4008")]),
        Sample(
            name: "fax",
            lines: [
                "v=0", "o=fax 1 2 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=image 6000 udptl t38",
                "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "m=image 6002 UDPTL t38",
            ],
            targets: [only("192.0.2.1:6000"), only("192.0.2.1:6002")]),
        Sample(
            name: "what gets no hole",
            lines: [
                "v=0", "o=- 1 2 IN IP4 media.example.com", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
                "m=message 7654 TCP/MSRP *", "m=audio 4000 RTP/AVP 0", "c=IN IP4 media.example.com",
                "m=audio 4002 RTP/AVP 0", "c=IN IP4 224.2.17.12/127", "m=audio 4004/2 RTP/AVP 0",
                "m=audio 4006 RTP/AVP 0", "c=IN IP4 192.0.2.2", "c=IN IP4 192.0.2.3", "m=audio 4008 RTP/AVP 0",
                "c=IN IP6 ff15::101/3", "m=audio 4010 RTP/AVP 0", "a=rtcp:4011 IN IP4 rtcp.example.com",
                "m=audio 4012 RTP/AVP 0", "c=IN IP4 192.0.2.9/16",
            ],
            targets: [
                .unsupported(.transport), .unsupported(.hostName), .unsupported(.multicast),
                .unsupported(.severalPorts), .unsupported(.severalConnections), .unsupported(.multicast),
                .unsupported(.hostName), .unsupported(.multicast),
            ]),
        Sample(
            name: "no m-line",
            lines: ["v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "t=0 0"],
            targets: []),
        Sample(
            name: "everything refused, no c=, no format",
            lines: ["v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP"],
            targets: [.rejected, .rejected]),
        Sample(
            name: "every line of RFC 8866 and spaces at line ends",
            lines: [
                "v=0", "o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1", "s=Call", "i=About", "u=http://example.com/",
                "e=j@example.com", "p=+1 617 555-6011", "c=IN IP4 198.51.100.1 ", "b=AS:64", "t=2873397496 2873404696",
                "r=604800 3600 0 90000", "z=2882844526 -1h", "k=prompt", "a=recvonly", "m=audio  49170  RTP/AVP 0 ",
                "i=voice", "b=AS:64", "k=prompt", "a=sendrecv ", "a=rtcp:49999 ",
            ],
            targets: [to("198.51.100.1:49170", "198.51.100.1:49999")]),
        Sample(
            name: "mixed line ends",
            lines: ["v=0\no=- 1 1 IN IP4 192.0.2.1", "s=-\nc=IN IP4 192.0.2.1", "t=0 0\nm=audio 4000 RTP/AVP 0"],
            tail: "\n",
            targets: [to("192.0.2.1:4000")]),
    ]
}
