// swift-tools-version: 6.3
// What `make fuzz` runs. A package of its own, since everything in it is built with the fuzzer's instrumentation and its
// program has no main function: libFuzzer brings that. See docs/testing.md.
import PackageDescription

let package = Package(
    name: "sekisho-fuzz",
    dependencies: [.package(name: "sekisho", path: "../")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: [.product(name: "FuzzTargets", package: "sekisho")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ]
)
