/// Readings of a process's memory by time, and the line through them.
struct Trend {
    private var readings: [(seconds: Double, kibibytes: Double)] = []

    mutating func add(_ usage: Usage, at time: Duration) {
        readings.append((time / .seconds(1), Double(usage.kibibytes)))
    }

    /// The readings of the last part.
    func last(seconds: Double) -> Trend {
        var trend = self
        trend.readings = readings.filter { $0.seconds >= (readings.last?.seconds ?? 0) - seconds }
        return trend
    }

    /// How much more there is at the end than at the beginning, by the line that fits best (least squares), in a minute.
    var kibibytesPerMinute: Double {
        let count = Double(max(readings.count, 1))
        let middle = readings.reduce(0) { $0 + $1.seconds } / count
        let mean = readings.reduce(0) { $0 + $1.kibibytes } / count
        let above = readings.reduce(0) { $0 + ($1.seconds - middle) * ($1.kibibytes - mean) }
        let below = readings.reduce(0) { $0 + ($1.seconds - middle) * ($1.seconds - middle) }
        return below == 0 ? 0 : 60 * above / below
    }

    var most: Int { readings.map { Int($0.kibibytes) }.max() ?? 0 }
    var first: Int { Int(readings.first?.kibibytes ?? 0) }
    var latest: Int { Int(readings.last?.kibibytes ?? 0) }
}
