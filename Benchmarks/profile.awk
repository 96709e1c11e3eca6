# Reads `perf script -F comm,ip,sym,dso`: for each sample a line with the thread's name, then its frames, innermost first.
# Shares the microseconds that a call costs, `sekishod` and `gated`, out among groups, and prints tables. `functions` is
# how many functions the last table has. Mangled names begin with their module: $s, its length, its name.

# What a sample in user space works for: the innermost frame that tells. A helper belongs to whom it helps.
function purpose(    i, frame, nio) {
    for (i = 1; i <= depth; i++) {
        frame = stack[i]
        if (frame ~ /TimerBoard|ScheduledTask|ScheduledCallback/) return "timers"
        if (frame ~ /\$s7SIPText(13MessageParser|8HeadScan)/) return "parse"
        if (frame ~ /\$s7SIPText7MessageV10serialized/) return "serialise"
        if (frame ~ /^\$s(8NIOPosix|7NIOCore)/) nio = nio ? nio : frame
        if (frame ~ /^\$s8sekishod10GateClient|GateHandler/) return "gate client"
        if (frame ~ /^\$s12GateProtocol/) return "gate frames"
        if (frame ~ /^\$s9Transport/) return nio ? "NIO, datagrams" : "transport"
        if (nio && frame ~ /StreamSocketChannel/) return "gate client"
        if (nio && frame ~ /DatagramChannel/) return "NIO, datagrams"
        if (frame ~ /^\$s15SIPTransactions/) return "transactions"
        if (frame ~ /^\$s7SDPText/) return "SDP"
        if (frame ~ /^\$s7Gateway/) return "controller"
        if (frame ~ /^\$s8sekishod/) return "effects"
        if (frame ~ /^\$s13sekisho_gated3Log|10RequestLog/) return "log"
        if (frame ~ /^\$s9Netfilter11NftFirewall|^nftnl_|^mnl_|^\$s9Netfilter(5Batch|10SetElement|13MessageBuffer)/)
            return "netlink messages"
        if (frame ~ /^\$s9Netfilter/) return "hole table and policy"
        if (frame ~ /^\$s13sekisho_gated/) return "connection"
    }
    return nio ? "NIO, event loop" : "other"
}

# What the kernel does for it.
function kernel(    i, frame) {
    for (i = 1; i <= depth; i++) {
        frame = stack[i]
        if (frame ~ /^netlink_|^nfnetlink_/) return "kernel: nf_tables"
        if (frame ~ /^udp_sendmsg/) return "kernel: datagrams out"
        if (frame ~ /^udp_recvmsg|do_recvmmsg/) return "kernel: datagrams in"
        if (frame ~ /^unix_stream/) return "kernel: gate socket"
        if (frame ~ /timerfd/) return "kernel: timers"
        if (frame ~ /do_epoll_wait|do_sys_poll/) return "kernel: waiting"
        if (frame ~ /^vfs_write/) return "kernel: log"
    }
    return "kernel: other"
}

# What the processor does in the innermost frame.
function kind(frame, place) {
    if (place ~ /kernel/) return "kernel"
    if (frame ~ /^swift_(retain|release|bridgeObject|isUnique|unowned|weak)|RefCount|_swift_release|deallocating_deinit/)
        return "reference counting"
    if (frame ~ /alloc|free|swift_slow|swift_dealloc/) return "allocation"
    if (frame ~ /^__mem|^__swift_memcpy|^mem(move|cpy|set)/) return "copying"
    if (frame ~ /Dictionary|Hasher|SipHash|^\$sSh|NativeSet/) return "dictionaries"
    if (frame ~ /beginAccess|endAccess|AccessSet/) return "exclusivity checks"
    if (frame ~ /Metadata|getCache|Witness|Conform|instantiateConcrete|^swift_(cast|dynamic)|^swift_get/)
        return "generic metadata"
    if (frame ~ /outlined|initializeWithCopy|assignWith|^\$s.*W[Oo][A-Za-z]?[A-Za-z]?$/) return "copies of values"
    if (frame ~ /^\$s(8NIOPosix|7NIOCore)/) return "NIO's code"
    if (place ~ /sekisho/) return "Sekisho's code"
    return "C libraries"
}

function finish(    i, name, seen) {
    if (!depth) return
    total[process]++
    group[process, place[1] ~ /kernel/ ? kernel() : purpose()]++
    kinds[process, kind(stack[1], place[1])]++
    for (i = 1; i <= depth; i++) {
        name = stack[i]
        if (name in seen || name !~ own || name ~ /T[ATRW]$/) continue
        seen[name]
        inclusive[process, name]++
    }
    depth = 0
}

function table(title, counts, most,    key, part, line, order) {
    printf "\n| %s | | µs | %% |\n|---|---|---:|---:|\n", title
    order = "LC_ALL=C sort -t '|' -k 4,4nr" (most ? " | head -n " most : "")
    for (key in counts) {
        split(key, part, SUBSEP)
        line = counts[key] / total[part[1]] * cost[part[1]]
        if (most || line >= 0.5)
            printf "| %s | %s | %.0f | %.1f |\n", part[2], part[1], line, 100 * line / (cost["sekishod"] + cost["gated"]) | order
    }
    close(order)
}

BEGIN {
    # Sekisho's modules, and what NIO does for a timer or a datagram.
    own = "^\\$s(4Wire|7SIPText|15SIPTrans|7SDPText|12GateProt|7Gateway|9Transport|9Netfilter|8sekishod|13sekisho_gated)"
    own = own "|ScheduledCallback|schedule0|7NIOCore7ChannelP.*writeAndFlush|nftnl_|mnl_socket|DatagramChannelC(13write|20vector)"
    cost["sekishod"] = sekishod
    cost["gated"] = gated
}
/^[^ \t]/ { finish(); process = /gated/ ? "gated" : "sekishod"; next }
NF >= 3 { depth++; place[depth] = $NF; stack[depth] = $2 }
END {
    finish()
    printf "| process | µs |\n|---|---:|\n| sekishod | %.0f |\n| gated | %.0f |\n", sekishod, gated
    table("for what", group, 0)
    table("doing what", kinds, 0)
    table("function, with what it calls", inclusive, functions)
}
