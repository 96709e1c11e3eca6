/// A good request with these rows more.
public func request(_ rows: String..., method: String = "OPTIONS", uri: String = "sip:bob@b.example.net") -> [UInt8] {
    Fixture.head(
        ([
            "\(method) \(uri) SIP/2.0", "Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1",
            "From: <sip:alice@a.example.net>;tag=1", "To: <sip:bob@b.example.net>", "Call-ID: 1@10.1.0.2",
            "CSeq: 1 \(method)",
        ] + rows).joined(separator: "\n"))
}
