import FuzzTargets
import Glibc

/// The target that the environment names. libFuzzer's command line is its own.
private let target: FuzzTarget = {
    guard let name = getenv("SEKISHO_FUZZ"), let target = FuzzTarget.named(String(cString: name)) else {
        complain("SEKISHO_FUZZ must be one of: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
    }
    return target
}()

/// Called by libFuzzer with one input after the other.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = target.fault(Array(UnsafeBufferPointer(start: start, count: count))) {
        complain("\(target.name): \(fault)")
    }
    return 0
}

/// Called by libFuzzer once. With SEKISHO_FUZZ_SEEDS the program only writes the seeds of every target into that folder.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    guard let folder = getenv("SEKISHO_FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
    for target in FuzzTarget.all {
        mkdir("\(folder)/\(target.name)", 0o755)
        for (number, seed) in target.seeds.enumerated() {
            guard let file = fopen("\(folder)/\(target.name)/\(number)", "w") else {
                complain("cannot write to \(folder)")
            }
            fwrite(seed, 1, seed.count, file)
            fclose(file)
        }
        print(target.name)
    }
    exit(0)
}

/// Says it and ends as a crash does, which is how libFuzzer learns that an input is a find.
private func complain(_ text: String) -> Never {
    let line = Array("\(text)\n".utf8)
    write(2, line, line.count)
    abort()
}
