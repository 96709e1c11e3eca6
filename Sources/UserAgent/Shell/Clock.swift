import Glibc
import Wire

/// The machine's clocks, read in the shell only.
enum Clock {
    /// CLOCK_BOOTTIME.
    static func now() -> MonotonicTime {
        let time = read(CLOCK_BOOTTIME)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Seconds since 1970-01-01 UTC.
    static func unixSeconds() -> Int64 { Int64(read(CLOCK_REALTIME).tv_sec) }

    /// As NTP writes it: seconds since 1900 and their fraction in 32 bits each (RFC 3550 section 4).
    static func ntpTime() -> UInt64 {
        let secondsFrom1900To1970: UInt64 = 2_208_988_800
        let time = read(CLOCK_REALTIME)
        let fraction = UInt64(time.tv_nsec) << 32 / 1_000_000_000
        return (UInt64(time.tv_sec) &+ secondsFrom1900To1970) << 32 | fraction
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        // Fails for an unknown clock only; both are there since Linux 2.6.39.
        _ = clock_gettime(clock, &time)
        return time
    }
}
