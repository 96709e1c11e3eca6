/// An INVITE of ordinary size as a phone behind one proxy sends it: 15 header fields, a session description of one
/// audio stream.
func invite() -> [UInt8] {
    let body = """
        v=0\r
        o=alice 2890844526 2890844526 IN IP4 192.0.2.101\r
        s=-\r
        c=IN IP4 192.0.2.101\r
        t=0 0\r
        m=audio 49172 RTP/AVP 0\r
        a=rtpmap:0 PCMU/8000\r

        """
    let head = """
        INVITE sip:bob@biloxi.example.com SIP/2.0\r
        Via: SIP/2.0/UDP ss1.atlanta.example.com:5060;branch=z9hG4bK2d4790.1\r
        Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9\r
        Max-Forwards: 69\r
        Record-Route: <sip:ss1.atlanta.example.com;lr>\r
        From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl\r
        To: Bob <sip:bob@biloxi.example.com>\r
        Call-ID: 3848276298220188511@atlanta.example.com\r
        CSeq: 2 INVITE\r
        Contact: <sip:alice@client.atlanta.example.com>\r
        Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r
        Supported: timer, 100rel\r
        User-Agent: Phone/4.2\r
        Date: Tue, 24 Nov 2026 15:30:00 GMT\r
        Content-Type: application/sdp\r
        Content-Length: \(body.utf8.count)\r
        \r

        """
    return Array((head + body).utf8)
}
