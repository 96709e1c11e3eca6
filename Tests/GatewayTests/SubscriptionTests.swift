import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Subscriptions through the gateway (RFC 6665): message waiting, busy lamps, presence, the progress of a transfer. The
/// gateway keeps nothing of them: its Record-Route comes back as a Route and says which one it is.
@Suite struct SubscriptionTests {
    /// A phone inside that has subscribed to something outside, and what the notifier got.
    private struct Subscribed {
        let script: Script
        let phone: Phone
        let notifier: Phone
        let request: Message

        /// The route set of the notifier: the Record-Route values in their order (RFC 3261 section 12.1.1).
        var route: [String] { request.values(of: .recordRoute).map(request.text) }
    }

    private func message(
        _ method: String, _ uri: String, from phone: Phone, _ from: String, _ to: String, callID: String = "s",
        sequence: Int = 1, fields: [String] = []
    ) -> [UInt8] {
        let lines =
            [
                "\(method) \(uri) SIP/2.0", "Via: \(String(decoding: phone.via(), as: UTF8.self))", "From: \(from)",
                "To: \(to)", "Call-ID: \(callID)", "CSeq: \(sequence) \(method)", "Max-Forwards: 70",
            ] + fields + ["Content-Length: 0"]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private let subscriber = "<sip:alice@inside.example>;tag=a"
    private let resource = "<sip:lines@outside.example>"

    private func subscribed(
        _ setting: Setting = Setting(), method: String = "SUBSCRIBE", by host: UInt32 = 20
    ) throws -> Subscribed {
        let script = Script(setting) { settings in
            guard setting.transport == .tls else { return }
            settings.listeners = settings.listeners.filter { $0.transport == .udp }.map { Listener(.tls, $0.endpoint) }
        }
        let phone = script.phone(.inside, host)
        let notifier = script.phone(.outside, 32)
        notifier.relay = { _ in }
        phone.relay = { _ in }
        let contact = String(decoding: phone.contact, as: UTF8.self)
        script.transmit(
            message(
                method, "sip:lines@outside.example", from: phone, subscriber, resource,
                fields: ["Contact: \(contact)", "Event: dialog", "Expires: 600", "Refer-To: <sip:carol@x.example>"]),
            from: phone, to: phone.gateway)
        return Subscribed(
            script: script, phone: phone, notifier: notifier, request: try #require(notifier.inbox.first))
    }

    /// What becomes of a NOTIFY of the subscription.
    private func notify(
        _ subscription: Subscribed, from sender: Phone? = nil, callID: String = "s", tag: String = "a",
        target: String? = nil, method: String = "NOTIFY", route: [String]? = nil
    ) -> (phone: Message?, sender: UInt16?) {
        let sender = sender ?? subscription.notifier
        sender.relay = { _ in }
        let contact = String(decoding: subscription.phone.contact, as: UTF8.self).dropFirst().dropLast()
        let route = route ?? subscription.route
        subscription.script.transmit(
            message(
                method, target ?? String(contact), from: sender, resource + ";tag=n",
                "<sip:alice@inside.example>;tag=\(tag)", callID: callID,
                fields: route.map { "Route: \($0)" } + ["Event: dialog", "Subscription-State: active"]),
            from: sender, to: sender.gateway)
        return (
            subscription.phone.inbox.last.flatMap { $0.status == nil && $0.method == .notify ? $0 : nil },
            sender.inbox.last?.status
        )
    }

    @Test(arguments: ["SUBSCRIBE", "REFER"], [TransportKind.udp, .tcp, .tls])
    func `a NOTIFY finds the phone that subscribed, and its answer the way back`(
        _ method: String, _ transport: TransportKind
    ) throws {
        let subscription = try subscribed(Setting(transport: transport), method: method)
        #expect(subscription.route.count == 2)
        let (arrived, _) = notify(subscription)
        let notification = try #require(arrived)
        #expect(notification.values(of: .route).isEmpty)
        let answer = Message(status: 200, reason: "OK", to: notification, tag: nil)
        subscription.script.transmit(
            answer.serialized(), from: subscription.phone, to: subscription.phone.gateway)
        #expect(subscription.notifier.inbox.last?.status == 200)
    }

    @Test func `a NOTIFY that overtakes the answer to its SUBSCRIBE goes on too, and a refresh reaches the notifier`()
        throws
    {
        let subscription = try subscribed()
        #expect(notify(subscription).phone != nil)
        let route = subscription.route.reversed()
        subscription.script.transmit(
            message(
                "SUBSCRIBE", "sip:lines@\(subscription.notifier.endpoint)", from: subscription.phone, subscriber,
                resource + ";tag=n", sequence: 2, fields: route.map { "Route: \($0)" } + ["Expires: 0"]),
            from: subscription.phone, to: subscription.phone.gateway)
        let refresh = try #require(subscription.notifier.inbox.last)
        #expect(refresh.method == .subscribe && refresh.cseq.number == 2)
    }

    @Test func `a strict router before the gateway is undone`() throws {
        let subscription = try subscribed()
        let own = try #require(subscription.route.first).dropFirst().dropLast()
        let contact = String(decoding: subscription.phone.contact, as: UTF8.self)
        let (arrived, _) = notify(
            subscription, target: String(own), route: Array(subscription.route.dropFirst()) + [contact])
        #expect(arrived.map { $0.text($0.requestURI ?? .empty) } == String(contact.dropFirst().dropLast()))
    }

    @Test func `outside the subscription the token leads nowhere`() throws {
        let subscription = try subscribed()
        let other = subscription.script.phone(.inside, 21)
        other.relay = { _ in }
        let outsider = subscription.script.phone(.outside, 77)
        // Another call, another subscriber, a changed token, no token.
        #expect(notify(subscription, callID: "t").sender == 481)
        #expect(notify(subscription, tag: "b").sender == 481)
        let changed = subscription.route.map { $0.replacing("sn1.0", with: "sn1.1") }
        #expect(changed != subscription.route)
        #expect(notify(subscription, route: changed).sender == 481)
        #expect(notify(subscription, route: []).sender == 481)
        // Another phone inside, somebody outside, another method.
        #expect(notify(subscription, target: "sip:x@\(other.endpoint)").sender == 403)
        #expect(notify(subscription, target: "sip:x@\(outsider.endpoint)").sender == 403)
        for method in ["INVITE", "MESSAGE", "BYE", "INFO"] {
            #expect(notify(subscription, method: method).sender == 481, "\(method)")
        }
        #expect(other.inbox.isEmpty && outsider.inbox.isEmpty)
        #expect(notify(subscription).phone != nil)
    }

    @Test func `a notifier inside is not asked for credentials in its subscriber's subscription`() throws {
        // Who subscribes outside to a phone inside: the phone's NOTIFY names it, a user of the gateway's own, in From.
        let script = Script(registrar: Fork.registrar(users: ["bob"])) { $0.authenticatesCalls = true }
        let notifier = script.phone(.inside, 16)
        let outside = script.phone(.outside, 32)
        notifier.relay = { _ in }
        outside.relay = { _ in }
        script.transmit(
            message(
                "SUBSCRIBE", "sip:bob@inside.example", from: outside, "<sip:w@outside.example>;tag=w",
                "<sip:bob@home.example>",
                fields: ["Contact: \(String(decoding: outside.contact, as: UTF8.self))", "Event: presence"]),
            from: outside, to: outside.gateway)
        let request = try #require(notifier.inbox.first { $0.method == .subscribe })
        let routes = request.values(of: .recordRoute).map { "Route: \(request.text($0))" }
        for fields in [[], routes] {
            script.transmit(
                message(
                    "NOTIFY", "sip:w@\(outside.endpoint)", from: notifier, "<sip:bob@home.example>;tag=b",
                    "<sip:w@outside.example>;tag=w", fields: fields), from: notifier, to: notifier.gateway)
        }
        #expect(notifier.inbox.compactMap(\.status) == [407])
        #expect(outside.inbox.last?.method == .notify)
    }
}
