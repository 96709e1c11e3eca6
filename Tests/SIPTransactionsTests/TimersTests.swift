import SIPText
import SIPTransactions
import Testing

@Suite struct TimersTests {
    @Test func `the defaults are those of RFC 3261`() {
        let timers = Timers()
        #expect([timers.t1, timers.t2, timers.t4] == [.milliseconds(500), .seconds(4), .seconds(5)])
        #expect(timers.transactionTime == .seconds(32))
        #expect(timers.acknowledgingTime == .seconds(32))
    }

    @Test func `no value is below a millisecond`() {
        for short in [Duration.zero, .seconds(-1), .microseconds(999)] {
            let timers = Timers(t1: short, t2: short, t4: short)
            #expect([timers.t1, timers.t2, timers.t4] == Array(repeating: Timers.shortest, count: 3))
        }
        #expect(Timers(t1: .milliseconds(2)).t1 == .milliseconds(2))
    }
}
