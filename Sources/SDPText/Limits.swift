extension SessionDescription {
    /// What is refused for its size. RFC 8866 sets no limits, so each one says where it comes from.
    public enum Limits {
        /// Octets in a description: no SIP message over UDP can carry more (RFC 3261 section 18.1.1).
        public static let octets = 65_536
        /// Octets in a line, its end not counted. The longest in use, `a=fmtp` with H.264 parameter sets (RFC 6184
        /// section 8.2.1) and `a=candidate` (RFC 8839 section 5.1), stay under a quarter of it.
        public static let lineOctets = 4_096
        /// Lines in a description. Browsers write about 100 for each m-line (RFC 8829 section 5.2.1).
        public static let lines = 1_024
        /// m-lines in a description (RFC 8866 section 5.14): with RTP and RTCP they make 16 holes a call.
        public static let media = 8
        /// Candidates of an m-line that are looked at; the first ones, which have the highest priority where they are written in
        /// its order. RFC 8445 section 6.1.2.5 has an agent check 100 pairs by default.
        public static let candidates = 10
        /// Formats on an m-line: RTP has 128 payload types (RFC 3550 section 5.1).
        public static let formats = 128
    }
}
