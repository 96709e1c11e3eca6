// swift-tools-version: 6.3
// The benchmarks of Sekisho, run by `make bench`. See README.md.
import PackageDescription

let peers: [Target] = [
    .target(name: "CLibre", linkerSettings: [.linkedLibrary("re")]),
    .target(name: "COpenSSLCMS", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CRawNetfilter", linkerSettings: [.linkedLibrary("mnl"), .linkedLibrary("nftnl")]),
    .executableTarget(name: "bench-pump"),
]

let benchmarks: [Target] = [
    .target(name: "Sampling"),
    .executableTarget(
        name: "bench-sip",
        dependencies: [
            "CLibre", "Sampling", .product(name: "Gateway", package: "sekisho"),
            .product(name: "SIPText", package: "sekisho"),
        ]),
    .executableTarget(
        name: "bench-envelopes",
        dependencies: ["COpenSSLCMS", "Sampling", .product(name: "Crypto", package: "sekisho")]),
    .executableTarget(
        name: "bench-gate",
        dependencies: ["CRawNetfilter", "Sampling", .product(name: "GateProtocol", package: "sekisho")]),
]

let package = Package(
    name: "sekisho-benchmarks",
    dependencies: [.package(name: "sekisho", path: "../")],
    targets: peers + benchmarks
)

for target in benchmarks {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
