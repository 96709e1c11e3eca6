/// A Kamailio that relays statefully, stays in the route of its calls, and keeps the registrations of one domain in
/// memory.
public struct KamailioSettings: Sendable {
    /// Where requests for a domain go when nobody of it has registered.
    public struct Route: Sendable {
        /// The host of the Request-URI.
        public var domain: String
        /// The next hop, a SIP URI.
        public var to: String

        /// All values at once.
        public init(domain: String, to: String) {
            self.domain = domain
            self.to = to
        }
    }

    /// Its address, without brackets; it listens there at port 5060.
    public var address: String
    /// The domain whose registrar it is.
    public var domain: String
    /// Where it sends other requests.
    public var routes: [Route]
    /// For TLS at port 5061: a PEM file with its certificate and one with its key.
    public var certificate: String?
    /// The key of its certificate, a PEM file.
    public var key: String?
    /// The authorities whose certificates it takes, a PEM file: every peer has to show one.
    public var trusted: String?

    /// A Kamailio without TLS.
    public init(address: String, domain: String, routes: [Route]) {
        self.address = address
        self.domain = domain
        self.routes = routes
    }

    private var host: String { address.contains(":") ? "[\(address)]" : address }

    /// Its configuration file. Every decision is logged as a line that begins with `route:`.
    var configuration: String {
        """
        debug=1
        log_stderror=yes
        children=1
        tcp_children=1
        auto_aliases=no
        dns=no
        rev_dns=no
        listen=udp:\(host):5060
        listen=tcp:\(host):5060
        \(secureListener)
        loadmodule "tm.so"
        loadmodule "sl.so"
        loadmodule "rr.so"
        loadmodule "pv.so"
        loadmodule "maxfwd.so"
        loadmodule "textops.so"
        loadmodule "siputils.so"
        loadmodule "xlog.so"
        loadmodule "usrloc.so"
        loadmodule "registrar.so"
        modparam("usrloc", "db_mode", 0)
        modparam("rr", "enable_double_rr", 1)
        \(secureModule)
        request_route {
            if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
            if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
            if (has_totag()) {
                if (loose_route()) {
                    xlog("L_ALERT", "route: in dialog $rm to $du $ru\\n");
                    t_relay();
                    exit;
                }
                if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
                sl_send_reply("404", "Not Here");
                exit;
            }
            t_check_trans();
            # A phone that has this server as its outbound proxy names it in Route: done with when it is here.
            remove_hf("Route");
            if (is_method("REGISTER")) {
                xlog("L_ALERT", "route: registers $ct\\n");
                save("location");
                exit;
            }
            if (is_method("INVITE")) record_route();
            if ($rd == "\(domain)" && lookup("location")) {
                xlog("L_ALERT", "route: registered $rm to $ru\\n");
                t_relay();
                exit;
            }
        \(routing)
            sl_send_reply("404", "Not Found");
        }

        """
    }

    private var routing: String {
        var text = ""
        for route in routes {
            text += """
                    if ($rd == "\(route.domain)") {
                        $du = "\(route.to)";
                        xlog("L_ALERT", "route: $rm to $du\\n");
                        t_relay();
                        exit;
                    }

                """
        }
        return text
    }

    private var secureListener: String { certificate == nil ? "" : "enable_tls=yes\nlisten=tls:\(host):5061" }

    private var secureModule: String {
        guard let certificate, let key, let trusted else { return "" }
        return """
            loadmodule "tls.so"
            modparam("tls", "certificate", "\(certificate)")
            modparam("tls", "private_key", "\(key)")
            modparam("tls", "ca_list", "\(trusted)")
            modparam("tls", "verify_certificate", 1)
            modparam("tls", "require_certificate", 1)
            modparam("tls", "tls_method", "TLSv1.2+")
            """
    }
}
